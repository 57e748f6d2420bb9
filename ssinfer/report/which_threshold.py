"""Which threshold: the choice in three sentences, credible beside confidence, and every specification."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.backtesting.choice import Choice, choose_design
from ssinfer.errors import SsinferError
from ssinfer.report.backtest_tables import measured
from ssinfer.report.data import Table
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.earnings import share_of
from ssinfer.report.finding import best_pair
from ssinfer.report.numerals import ABSENT, PLUS_MINUS, column_with_errors, money, plain
from ssinfer.report.pairs import label_of, name_of, pairs_of, rows_of
from ssinfer.report.words import threshold_name

if TYPE_CHECKING:
    from ssinfer.report.pairs import Pair
    from ssinfer.study import StudyResult

NAN = float("nan")
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
    return (_use(result, choice), _honest(result, choice), _side_by_side(result, choice))


def _use(result: StudyResult, choice: Choice) -> str:
    pair = chosen_pair(result, choice)
    table = choice.specifications
    savings = ", ".join(f"{100 * saving:g}" for saving in choice.study["savings"])
    fixed = str(result.manifest.get("study_hash", ""))[:12]
    registered = f", all fixed by the study's hash {fixed} before any result," if fixed else ""
    within = table["false_payment_rate"] <= AT_MOST
    if within.any():
        why = (
            f"of {len(table)} specifications (designs, methods and thresholds){registered} it misallocates least, too "
            f"much and too little paid together at true savings of {savings}%, among the {int(within.sum())} that pay "
            f"at most {100 * AT_MOST:g}% of contracts that saved nothing"
        )
    else:
        why = (
            f"none of the {len(table)} specifications (designs, methods and thresholds){registered} pays as few as "
            f"{100 * AT_MOST:g}% of contracts that saved nothing, and it comes nearest"
        )
    return f"Use the threshold {_name(choice.best)} with the design {name_of(result, pair)}: {why}."


def _honest(result: StudyResult, choice: Choice) -> str:
    found, errors = choice.summary(), choice.errors
    cells = [
        column_with_errors([found[name]], [errors[name]], scale)[0]
        for name, scale in (("false_payment_rate", 100), ("detection_rate_3", 100), ("misallocation_money", 1))
    ]
    what = "years" if choice.study["folds"] == "origin" else "regions"
    return (
        f"In {what} that did not choose it, such a choice pays {cells[0]}% of contracts that saved nothing and finds a "
        f"true saving of 3% in {cells[1]}%, and pays {result.currency} {cells[2]} per insured-year too much or too "
        "little."
    )


def _side_by_side(result: StudyResult, choice: Choice) -> str:
    assert result.backtest is not None  # noqa: S101  (a choice comes from a backtest)
    pair = chosen_pair(result, choice)
    rows = rows_of(result.backtest.thresholds, pair)
    rows = rows[(rows["size_class"] == "all") & (rows["level"] == 0.95) & (rows["side"] == "one-sided")]
    texts, missing = [], []
    for kind, prior in SIDE_BY_SIDE:
        part = rows[(rows["kind"] == kind) & (rows["prior"] == prior)]
        if not len(part):
            missing.append(kind)
            continue
        row = part.iloc[0]
        texts.append(
            f"the {kind} threshold pays {_points(row, 'false_payment_rate')}% falsely and finds a true 3% in "
            f"{_points(row, 'detection_rate_3')}%"
        )
    loose = choice.specifications.iloc[0]
    price = ""
    if loose["false_payment_rate"] > AT_MOST:
        price = (
            f"; without the limit on false payments {_name(loose)} would misallocate least, and pay "
            f"{plain(100 * loose['false_payment_rate'], 0)}% of contracts that saved nothing"
        )
    if not texts:
        return f"Under that design there is neither a credible nor a confidence threshold at 95%{price}."
    if missing:
        why = "posterior" if missing == ["credible"] else "sampling distribution"
        return (
            f"One-sided at 95%, {texts[0]}; there is no {missing[0]} threshold beside it, because the method offers no "
            f"{why}{price}."
        )
    return f"One-sided at 95%, {texts[0]}, {texts[1]}{price}."


def kinds_table(result: StudyResult) -> Table | None:
    """Return credible beside confidence thresholds, one-sided, by design, method, size class and level."""
    if result.backtest is None or not len(result.backtest.thresholds):
        return None
    frame = result.backtest.thresholds
    frame = frame[(frame["side"] == "one-sided") & frame["kind"].isin([kind for kind, _ in SIDE_BY_SIDE])]
    nothing = pd.Series(dtype=float)
    labels: list[tuple[str, str, str, str]] = []
    cells: dict[str, list[pd.Series[Any]]] = {kind: [] for kind, _ in SIDE_BY_SIDE}
    for pair in pairs_of(result):
        mine = rows_of(frame, pair)
        for size in pd.unique(mine["size_class"]) if len(mine) else ():
            part = mine[mine["size_class"] == size]
            if not class_is_visible(part["n_units"].max()):
                continue
            for level in sorted(pd.unique(part["level"]), reverse=True):
                labels.append((label_of(result, pair), str(size), f"{100 * level:g}%", plain(100 * (1 - level), 0)))
                for kind, prior in SIDE_BY_SIDE:
                    same = part[(part["kind"] == kind) & (part["prior"] == prior) & (part["level"] == level)]
                    cells[kind].append(same.iloc[0] if len(same) else nothing)
    if not labels:
        return None
    columns = [list(column) for column in zip(*labels, strict=True)]
    for name in ("threshold", "false_payment_rate", "detection_rate_3"):
        columns += [measured(cells[kind], name, f"{name}_se") for kind, _ in SIDE_BY_SIDE]
    for name in ("expected_overpayment_money", "expected_underpayment_money"):
        for kind, _ in SIDE_BY_SIDE:
            values = [row.get(name, NAN) for row in cells[kind]]
            columns.append(column_with_errors(values, [row.get(f"{name}_se", NAN) for row in cells[kind]]))
    heads = ["Design", "Insured-years", "Level", "False payments promised (%)"]
    for text in (
        "{} threshold (%)",
        "{}: false payments (%)",
        "{}: detects a true 3% (%)",
        f"{{}}: undeserved bonus ({result.currency} per insured-year)",
        f"{{}}: unpaid saving ({result.currency} per insured-year)",
    ):
        heads += [text.format("Credible"), text.format("Confidence")]
    notes = (
        (
            "One-sided, flat prior; placebos' own gates, means ± one standard error by blocks of neighbouring units. "
            f"{ABSENT}: the method has no such threshold. Undeserved bonus: expected where nothing was saved. Unpaid "
            "saving: what is due less what is paid, expected over the study's true savings above zero."
        ),
    )
    numeric = (False, False, *(True,) * 12)
    rows = tuple(zip(*columns, strict=True))
    return Table("kinds", "Credible beside confidence", tuple(heads), numeric, rows, notes)


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


def _name(row: Any) -> str:
    level = float(row["level"])
    name = threshold_name(str(row["kind"]), level if math.isfinite(level) and level > 0 else None, str(row["side"]))
    return f"{name}, prior {row['prior']}" if row["prior"] else name


def _points(row: Any, name: str) -> str:
    value, error = float(row[name]), float(row[f"{name}_se"])
    text = plain(100 * value, 0)
    return f"{text} {PLUS_MINUS} {plain(max(100 * error, 1.0), 0)}" if math.isfinite(error) and error > 0 else text
