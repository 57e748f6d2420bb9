"""Sentences of the finding: the comparison of designs, the threshold, and the saving of the contract group."""

import math
from collections.abc import Iterator
from statistics import NormalDist

from ssinfer.backtesting.paired import paired_detection
from ssinfer.figures.numbers import count, listed, money, percent, percent_with_error, plain, quoted, total
from ssinfer.report.analysis import Analysis, Pair, Row, pair_of, rows_of, span
from ssinfer.report.text.compared import answer
from ssinfer.thresholds.placebo import COMPARISON_KEY

REPORTED_LOW, REPORTED_HIGH = 0.01, 0.10  # lower spending growth, as reported by programmes
MAX_NAMED = 4  # designs and methods in one list


def finding_sentences(analysis: Analysis) -> tuple[str, ...]:
    """Return the finding under the recommended threshold, or under the best design's placebo threshold without it."""
    threshold = analysis.recommended_threshold
    pair = analysis.best if threshold is None else analysis.chosen
    if threshold is None:
        threshold = analysis.threshold(pair)
    compared = (answer(analysis), _comparison(analysis), _estimand(analysis))
    saving = _saving(analysis, pair, threshold)
    return tuple(sentence for sentence in (*compared, *_threshold(analysis, pair, threshold), saving) if sentence)


def _comparison(analysis: Analysis) -> str:
    """Return the detection rate of the best design, and which designs are worse or cannot be distinguished from it."""
    if analysis.result.backtest is None:
        return "No backtest was run, so the errors of the designs on contracts without savings are unknown."
    ranking = analysis.ranking
    if not len(ranking):
        status = analysis.result.backtest.placebos.query("role == 'placebo'")["status"]
        return (
            f"Of {count(len(status))} placebo contracts, {count((status == 'ok').sum())} have an estimate. These are "
            "too few for placebo thresholds at 95%: each placebo contract needs 19 others outside its own region. The "
            "designs cannot be compared at equal false payment rates."
        )
    first = ranking.iloc[0]
    n_rows, without = first["n_rows"], first["n_without_threshold"]
    judged = f" ({count(n_rows)} of {count(n_rows + without)} placebo contracts are judged)" if without else ""
    sentences = [
        (
            "Designs are compared at equal false payment rates: about 5% of contracts without savings are paid. The "
            f"design {analysis.full_name(analysis.best)} then detects a true saving of 3% in {_detection(first)} of "
            f"contracts{judged}."
        )
    ]
    worse, equal = _compared(analysis)
    if worse:
        sentences.append(f"That is more than {_listed(worse)}.")
    if equal:
        sentences.append(f"It cannot be distinguished from {_listed(equal)}.")
    if equal and not worse:
        sentences.append("By this measure no design is better.")
    return " ".join(sentences)


def _compared(analysis: Analysis) -> tuple[list[Row], list[Row]]:
    """Return the rows that are worse than the first (at 5% over their number: Bonferroni), and the other rows."""
    backtest = analysis.result.backtest
    worse: list[Row] = []
    equal: list[Row] = []
    others = [row.copy() for _, row in analysis.ranking.iloc[1:].iterrows()]
    if backtest is None:
        return worse, equal
    for row in others:
        z = NormalDist().inv_cdf(1 - 0.025 / len(others))
        row["label"] = f"{analysis.quoted(pair_of(row))} ({_detection(row)})"
        gap, error = paired_detection(backtest.placebos, analysis.best, pair_of(row), seed=backtest.seed)
        (worse if math.isfinite(error) and gap > z * error else equal).append(row)
    return worse, equal


def _detection(row: Row) -> str:
    return percent_with_error(float(row["detection_rate_3"]), float(row["detection_rate_3_se"]))


def _listed(rows: list[Row]) -> str:
    """Return at most four designs as a list; of more, the first three, and the others by number and range."""
    labels = [str(row["label"]) for row in rows]
    if len(labels) <= MAX_NAMED:
        return listed(labels)
    rates = [float(row["detection_rate_3"]) for row in rows[MAX_NAMED - 1 :]]
    low, high = plain(100 * min(rates), 0), plain(100 * max(rates), 0)
    others = f"{len(rates)} others ({low if low == high else f'{low} to {high}'}%)"
    return listed([*labels[: MAX_NAMED - 1], others])


def _estimand(analysis: Analysis) -> str:
    result, best = analysis.result, analysis.best[0]
    others = [design for design in result.designs if result.panel_of(design) is not result.panel_of(best)]
    if not others:
        return ""
    names = listed([quoted(design) for design in others]) if len(others) <= MAX_NAMED else f"{len(others)} others"
    return (
        f"Designs differ in their definition of spending. A saving of 3% under {quoted(best)} is another estimand than "
        f"under {names}. A contract must fix the definition first. Detection "
        "rates rank designs within one definition."
    )


def _threshold(analysis: Analysis, pair: Pair, threshold: Row | None) -> Iterator[str]:
    """Return the threshold of the contract group, compared with the savings that programmes have reported."""
    group, limit = analysis.group, analysis.result.suppress_below
    if analysis.hidden:
        yield f"{group} has a period with fewer than {limit} insured: its results are not shown."
        return
    if threshold is None:
        if analysis.saving(pair) is not None:
            rows = rows_of(analysis.result.case_thresholds, pair)
            reasons = rows["reason"][COMPARISON_KEY.rows(rows)].tolist() if len(rows) else []
            reason = "".join(reasons[:1]) or "it needs a backtest."
            yield f"There is no placebo threshold for {group}: {reason} Only other thresholds judge its saving."
        return
    rate, amount, currency = float(threshold["rate"]), float(threshold["money"]), analysis.result.currency
    years = analysis.insured_years(pair)
    in_total = "" if years is None else f" or {total(amount * years, currency)} in total"
    recommended = "" if analysis.choice is None else "recommended "
    named = len(analysis.ranking) and pair == analysis.best
    design = "that design" if named else f"the {recommended}design {analysis.full_name(pair)}"
    kind = "placebo" if analysis.recommended_threshold is None else "recommended"
    yield (
        f"Under {design}, the {kind} threshold for {group} is a measured saving of {percent(rate)} of the benchmark, "
        f"{money(amount, currency)} per insured-year{in_total}."
    )
    consequence = "True savings in that range would mostly be paid."
    if rate > REPORTED_LOW:
        consequence = "True savings in the lower part of that range would mostly not be paid."
    if rate > REPORTED_HIGH:
        consequence = "All of these savings are below this threshold."
    low, high = percent(REPORTED_LOW, decimals=0), percent(REPORTED_HIGH, decimals=0)
    yield f"Programmes have reported {low} to {high} lower spending growth. {consequence}"


def _saving(analysis: Analysis, pair: Pair, threshold: Row | None) -> str:
    """Return the measured saving of the contract group, and whether it reaches the threshold."""
    result, group = analysis.result, analysis.group
    when = span(result.designs[pair[0]].performance)
    if analysis.hidden:
        return f"The saving of {group} in {when} is not shown either."
    row = analysis.saving(pair)
    if row is None:
        rows = rows_of(result.savings, pair)
        reason = str(rows["reason"].iloc[0]) if len(rows) and "reason" in rows.columns else "it was not evaluated."
        return f"The saving of {group} in {when} is not measured: {reason}"
    saving, currency = float(row["saving"]), result.currency
    interval = in_total = ""
    if math.isfinite(float(row["lower"])):
        interval = f" (95% interval {plain(float(row['lower']), 0)} to {plain(float(row['upper']), 0)})"
    if result.panel.insured_years is not None:
        in_total = f", {total(float(row['total']), currency)} over {count(float(row['insured_years']))} insured-years"
    sentence = (
        f"In {when} {group} spent {money(abs(saving), currency)} per insured-year {'less' if saving >= 0 else 'more'} "
        f"than the benchmark: a measured saving of {money(saving, currency)}{interval}{in_total}, or "
        f"{percent(float(row['savings_rate']))}"
    )
    if threshold is None:
        return f"{sentence}."
    if bool(threshold.get("passed", False)):
        return f"{sentence}, which reaches the threshold."
    return f"{sentence}, which does not reach the threshold. That does not prove that nothing was saved."
