"""Sentences on the recommended threshold: its performance, its reasons, and credible against confidence thresholds."""

from collections.abc import Iterator

from ssinfer.backtesting.choice import Choice, admitted
from ssinfer.printed import column_with_errors, listed, money, percent, percent_with_error, plain
from ssinfer.report.analysis import MAX_FALSE_PAYMENT_RATE, Analysis, Pair, Row, pair_of
from ssinfer.report.text.names import model_kinds, plain_key, threshold_in_words
from ssinfer.thresholds.kind import ThresholdKey

LEVEL = 0.95  # at which credible and confidence thresholds are compared


def recommendation_sentences(analysis: Analysis) -> Iterator[str]:
    """Return the recommended threshold, its out-of-fold performance, and credible against confidence thresholds."""
    if analysis.choice is None:
        yield analysis.why_no_choice
        return
    yield _recommended(analysis, analysis.choice.best.threshold)
    yield from _reasons(analysis, analysis.choice)
    yield _model_thresholds(analysis)
    loose = analysis.choice.specifications.iloc[0]
    if loose["false_payment_rate"] > MAX_FALSE_PAYMENT_RATE:
        yield (
            f"Without the limit on false payments, {threshold_in_words(ThresholdKey.of(loose))} under "
            f"{analysis.quoted(pair_of(loose))} would misallocate least. It would pay "
            f"{plain(100 * loose['false_payment_rate'], 0)}% of contracts without savings."
        )


def _recommended(analysis: Analysis, key: ThresholdKey) -> str:
    """Return the recommended threshold, with its value for the contract group if it is known and may be shown."""
    sentence = f"Use {threshold_in_words(key)} with the design {analysis.full_name(analysis.chosen)}."
    row = analysis.recommended_threshold
    if row is None:
        return sentence
    return (
        f"{sentence} For {analysis.group} this is a measured saving of {percent(float(row['rate']))} of the benchmark, "
        f"{money(float(row['money']), analysis.result.currency)} per insured-year."
    )


def _reasons(analysis: Analysis, choice: Choice) -> Iterator[str]:
    """Return why the threshold is recommended, its performance on held-out folds, and how many are as good."""
    table, study, limit = choice.specifications, choice.study, f"{100 * MAX_FALSE_PAYMENT_RATE:g}%"
    fixed = str(analysis.result.manifest.get("study_hash", ""))[:12]
    registered = f", all fixed by the study's hash {fixed} before any result" if fixed else ""
    tried = f"{len(table)} specifications (designs x methods x thresholds{registered})"
    within = admitted(table, MAX_FALSE_PAYMENT_RATE)
    if within.any():
        savings = listed([f"{100 * saving:g}%" for saving in study["savings"]])
        yield (
            f"Of {tried}, {int(within.sum())} pay at most {limit} of contracts without savings. Among these it "
            f"misallocates least money, paid too much or too little at true savings of {savings}."
        )
    else:
        yield f"None of {tried} pays at most {limit} of contracts without savings. This one comes nearest."
    summary, errors = choice.summary(), choice.errors
    false_payments, detection, misallocation = (
        column_with_errors([summary[name]], [errors[name]], scale)[0]
        for name, scale in (("false_payment_rate", 100), ("detection_rate_3", 100), ("misallocation_money", 1))
    )
    yield (
        f"On held-out {'years' if study['folds'] == 'origin' else 'regions'}, which did not choose it, such a choice "
        f"pays {false_payments}% of contracts without savings, detects a true saving of 3% in {detection}%, and "
        f"misallocates {analysis.result.currency} {misallocation} per insured-year."
    )
    losses = table.loc[within, "misallocation_money"] if within.any() else table["misallocation_money"]
    near = int((losses <= losses.min() + errors["misallocation_money"]).sum()) - 1
    if near:
        yield f"{near} others come within one standard error of this: the choice between them is chance."


def _model_thresholds(analysis: Analysis) -> str:
    """Return credible against confidence thresholds under the chosen design, or under the best one that has both."""
    chosen, kinds = analysis.chosen, model_kinds()
    pairs = (pair for pair in (chosen, *analysis.ranked_pairs) if len(_by_kind(analysis, pair)) == len(kinds))
    pair = next(pairs, chosen)
    rows = _by_kind(analysis, pair)
    if not rows:
        return "Under that design there is neither a credible nor a confidence threshold at 95%."
    design = "" if pair == chosen else f" under {analysis.quoted(pair)}, which has both"
    payments = listed(
        [
            f"{kind.words} pays {_percent(row, 'false_payment_rate')} of contracts without savings and detects a true "
            f"saving of 3% in {_percent(row, 'detection_rate_3')}"
            for kind in kinds
            for row in rows.get(kind.name, ())
        ]
    )
    missing = "".join(
        f" The method has no {kind.distribution}, so it does not give {kind.words}."
        for kind in kinds
        if kind.name not in rows
    )
    return f"One-sided at {100 * LEVEL:g}%{design}, {payments}.{missing}"


def _by_kind(analysis: Analysis, pair: Pair) -> dict[str, list[Row]]:
    """Return the backtested thresholds of models, one-sided at 95% with a flat prior, by name of the kind."""
    rows = analysis.backtested(pair)
    parts = {kind.name: rows[plain_key(kind, LEVEL).rows(rows)] for kind in model_kinds()} if len(rows) else {}
    return {name: [part.iloc[0]] for name, part in parts.items() if len(part)}


def _percent(row: Row, name: str) -> str:
    return percent_with_error(float(row[name]), float(row[f"{name}_se"]))
