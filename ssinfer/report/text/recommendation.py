"""Which threshold: the choice in three sentences, credible beside confidence, and every specification."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ssinfer.backtesting.choice import Choice, admitted, choose_design
from ssinfer.errors import SsinferError
from ssinfer.figures.numbers import PLUS_MINUS, column_with_errors, listed, money, percent, plain, quoted
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small
from ssinfer.report.earnings_frame import share_of
from ssinfer.report.tables.backtest import measured
from ssinfer.report.text.finding import best_pair, recommended_threshold
from ssinfer.report.text.names import KINDS, threshold_name
from ssinfer.report.text.pairs import case_name, label_of, name_of, rows_of

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult

AT_MOST = 0.05
SIDE_BY_SIDE = (("credible", "flat"), ("confidence", ""))


def choice_of(result: StudyResult) -> tuple[Choice | None, str]:
    """Return the choice with false payments held at 5%, or why there is none."""
    if result.backtest is None:
        return None, "No backtest was run, so no threshold can be recommended."
    try:
        return choose_design(result.backtest, share=share_of(result), at_most=AT_MOST), ""
    except SsinferError as error:
        return None, f"No threshold can be recommended: {error}"


def chosen_pair(result: StudyResult, choice: Choice | None) -> Pair:
    """Return the design and method of the choice; the best by detection without one."""
    return best_pair(result) if choice is None else (str(choice.best["design"]), str(choice.best["method"]))


def which_sentences(result: StudyResult, choice: Choice | None, reason: str) -> tuple[str, ...]:
    """Return which threshold to use, what it does where it was not chosen, and credible against confidence."""
    if choice is None:
        return (reason,)
    return (_use(result, choice), _why(result, choice), _side_by_side(result, choice))


def _use(result: StudyResult, choice: Choice) -> str:
    pair = chosen_pair(result, choice)
    return f"Use {_in_words(choice.best)} with the design {name_of(result, pair)}{_for_the_case(result, choice)}."


def _for_the_case(result: StudyResult, choice: Choice) -> str:
    """Return what the recommended threshold comes to for the case, where it is known and may be shown."""
    row = recommended_threshold(result, chosen_pair(result, choice), choice.best)
    if case_is_small(result) or row is None:
        return ""
    return (
        f", which for {case_name(result)} is a measured saving of {percent(float(row['rate']))} of the benchmark, "
        f"{money(float(row['money']), result.currency)} per insured-year"
    )


def _why(result: StudyResult, choice: Choice) -> str:
    table = choice.specifications
    savings = listed([f"{100 * saving:g}%" for saving in choice.study["savings"]])
    fixed = str(result.manifest.get("study_hash", ""))[:12]
    registered = f", all fixed by the study's hash {fixed} before any result," if fixed else ""
    tried = f"{len(table)} specifications (designs x methods x thresholds){registered}"
    within = admitted(table, AT_MOST)
    if within.any():
        why = (
            f"Of {tried} it misallocates least money, paid too much or too little at true savings of {savings}, among "
            f"the {int(within.sum())} that pay at most {100 * AT_MOST:g}% of contracts that saved nothing"
        )
    else:
        why = f"None of {tried} pays as few as {100 * AT_MOST:g}% of contracts that saved nothing, and it comes nearest"
    found, errors = choice.summary(), choice.errors
    cells = [
        column_with_errors([found[name]], [errors[name]], scale)[0]
        for name, scale in (("false_payment_rate", 100), ("detection_rate_3", 100), ("misallocation_money", 1))
    ]
    what = "years" if choice.study["folds"] == "origin" else "regions"
    money_lost = table.loc[within, "misallocation_money"] if within.any() else table["misallocation_money"]
    near = int((money_lost <= money_lost.min() + errors["misallocation_money"]).sum()) - 1
    chance = (
        f" {near} others come within one standard error of that: between them the choice is chance." if near else ""
    )
    return (
        f"{why}; in {what} that did not choose it, such a choice pays {cells[0]}% of contracts that saved nothing, "
        f"finds a true saving of 3% in {cells[1]}%, and misallocates {result.currency} {cells[2]} per insured-year."
        f"{chance}"
    )


def _side_by_side(result: StudyResult, choice: Choice) -> str:
    """Return credible against confidence under the chosen design, or under the best one that has both."""
    assert result.backtest is not None  # noqa: S101  (a choice comes from a backtest)
    chosen = chosen_pair(result, choice)
    order = result.backtest.ranking()
    ranked = list(zip(order["design"].astype(str), order["method"].astype(str), strict=True))
    both = (pair for pair in (chosen, *ranked) if len(_model_based(result, pair)) == len(SIDE_BY_SIDE))
    pair = next(both, chosen)
    rows = _model_based(result, pair)
    texts = [
        f"the {kind} threshold pays {_points(row, 'false_payment_rate')}% falsely and finds a true 3% in "
        f"{_points(row, 'detection_rate_3')}%"
        for kind, row in rows.items()
    ]
    loose = choice.specifications.iloc[0]
    price = ""
    if loose["false_payment_rate"] > AT_MOST:
        price = (
            f"; without the limit on false payments {_in_words(loose)} under "
            f"{quoted(label_of(result, (str(loose['design']), str(loose['method']))))} would misallocate least, and "
            f"pay {plain(100 * loose['false_payment_rate'], 0)}% of contracts that saved nothing"
        )
    if not texts:
        return f"Under that design there is neither a credible nor a confidence threshold at 95%{price}."
    if len(texts) == 1:
        (missing,) = (kind for kind, _ in SIDE_BY_SIDE if kind not in rows)
        why = "posterior" if missing == "credible" else "sampling distribution"
        return (
            f"One-sided at 95%, {texts[0]}; there is no {missing} threshold beside it, because the method offers no "
            f"{why}{price}."
        )
    under = "" if pair == chosen else f" under {quoted(label_of(result, pair))}, which has both,"
    return f"One-sided at 95%{under or ','} {texts[0]}, {texts[1]}{price}."


def _model_based(result: StudyResult, pair: Pair) -> dict[str, pd.Series[Any]]:
    """Return the rows of the credible (flat prior) and the confidence threshold, one-sided 95%, that a design has."""
    assert result.backtest is not None  # noqa: S101  (asked by the caller)
    rows = rows_of(result.backtest.thresholds, pair)
    rows = rows[(rows["size_class"] == "all") & (rows["level"] == 0.95) & (rows["side"] == "one-sided")]
    found = {}
    for kind, prior in SIDE_BY_SIDE:
        part = rows[(rows["kind"] == kind) & (rows["prior"] == prior)]
        if len(part):
            found[kind] = part.iloc[0]
    return found


def specification_table(result: StudyResult, choice: Choice | None) -> Table | None:
    """Return every specification that was tried, in the order of misallocation."""
    if choice is None:
        return None
    order = choice.specifications
    rows = tuple(
        (
            label_of(result, (str(row["design"]), str(row["method"]))),
            _name(row),
            money(float(row["misallocation_money"]), result.currency, 1),
            plain(100 * float(row["false_payment_rate"]), 1),
            plain(100 * float(row["detection_rate_3"]), 0),
        )
        for _, row in order.iterrows()
    )
    weights = ", ".join(f"{100 * saving:g}%" for saving in choice.study["savings"])
    notes = (
        (
            f"Misallocation: mean absolute difference between the bonus paid and the bonus due, per insured-year, at "
            f"true savings of {weights} alike and a share of {100 * choice.study['share']:g}%. These figures hold over "
            "the same placebos that rank them, so the first looks better than it is: its honest figures are in the "
            "sentences above."
        ),
    )
    heads = ("Design", "Threshold", "Misallocation", "False payments (%)", "Detects a true 3% (%)")
    return Table(
        "specifications", f"All {len(rows)} specifications", heads, (False, False, True, True, True), rows, notes
    )


def pareto_table(result: StudyResult, choice: Choice | None) -> Table | None:
    """Return the designs, methods and thresholds that no other beats in bias and detection together."""
    if choice is None or not len(choice.pareto):
        return None
    table = choice.pareto[~choice.pareto["dominated"]]
    if case_is_small(result):
        table = table.assign(abs_bias_case=float("nan"))
    cells = [row for _, row in table.iterrows()]
    columns = [
        [label_of(result, (str(row["design"]), str(row["method"]))) for row in cells],
        [KINDS[str(row["kind"])] + (f", {row['prior']} prior" if row["prior"] else "") for row in cells],
        [plain(100 * float(row["abs_bias_case"]), 1) for row in cells],
        [plain(100 * float(row["bias_sd_between"]), 1) for row in cells],
        [plain(100 * float(row["abs_bias_selected"]), 1) for row in cells],
        measured(cells, "false_payment_rate", "false_payment_rate_se"),
        measured(cells, "detection_rate", "detection_rate_se"),
    ]
    heads = (
        "Design",
        "Threshold",
        "Bias in the case's own earlier years (%, absolute)",
        "Persistent bias of a unit (SD, %)",
        "Largest bias among placebos like the case (%, absolute)",
        "False payments (%)",
        "Detects a true 3% (%)",
    )
    notes = (
        (
            f"Of {len(choice.pareto)} designs x methods x kinds of threshold, those that no other equals in every "
            "measure and beats in one (Pareto set). Every threshold is multiplied by one factor, learned on other "
            "regions and years, so that all pay about 5% of contracts that saved nothing; ± is one standard error, "
            "with the factor learned again. Placebos like the case: its decile of level, of last year's growth and of "
            "socio-economic status."
        ),
    )
    rows = tuple(zip(*columns, strict=True))
    return Table("pareto", "What no other design beats", heads, (False, False, *(True,) * 5), rows, notes)


def _name(row: Any) -> str:
    level = float(row["level"])
    name = threshold_name(str(row["kind"]), level if math.isfinite(level) and level > 0 else None, str(row["side"]))
    return f"{name}, prior {row['prior']}" if row["prior"] else name


def _in_words(row: Any) -> str:
    """Return a threshold as it stands in a sentence."""
    kind, level = str(row["kind"]), float(row["level"])
    if kind == "schedule":
        return "Medicare's schedule"
    names = {"calibrated": "model threshold rescaled on placebos"}
    if kind == "expected loss":
        return f"the threshold of smallest expected loss ({row['prior']} prior)"
    prior = f", {row['prior']} prior" if row["prior"] else ""
    return f"the {names.get(kind, f'{kind} threshold')} ({100 * level:g}%, {row['side']}{prior})"


def _points(row: Any, name: str) -> str:
    value, error = float(row[name]), float(row[f"{name}_se"])
    text = plain(100 * value, 0)
    return f"{text} {PLUS_MINUS} {plain(max(100 * error, 1.0), 0)}" if math.isfinite(error) and error > 0 else text
