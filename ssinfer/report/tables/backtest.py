"""Tables of the backtest: how far each design is off where nothing was saved, and what its threshold pays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.figures.numbers import ABSENT, column_with_errors, count, money, plain, quoted
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small, class_is_visible
from ssinfer.report.text.finding import honest_threshold
from ssinfer.report.text.pairs import label_of, pairs_of, rows_of

if TYPE_CHECKING:
    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult

NAN = float("nan")


def score_design_table(result: StudyResult) -> Table | None:
    """Return how far each design was off where the true saving is zero."""
    if result.backtest is None:
        return None
    pairs, scores = [], []
    for pair in pairs_of(result):
        row = _pooled(result.backtest.scores, pair)
        if row is not None and math.isfinite(row.get("bias", NAN)):
            pairs.append(pair)
            scores.append(row)
    if not pairs:
        return None
    own = [_case_windows(result, pair, row) for pair, row in zip(pairs, scores, strict=True)]
    own_cells = column_with_errors([one[0] for one in own], [one[1] for one in own], 100)
    columns = [
        [label_of(result, pair) for pair in pairs],
        measured(scores, "bias", "bias_mcse"),
        [f"{cell} ({one[2]})" if one[2] else ABSENT for cell, one in zip(own_cells, own, strict=True)],
        measured(scores, "sd", "sd_mcse"),
        [plain(100 * row["bias_sd_between"], 1) for row in scores],
        measured(scores, "coverage_95", "coverage_95_se"),
        measured(scores, "width_90", "width_90_se"),
        measured(scores, "interval_score_90", "interval_score_90_se"),
    ]
    heads = (
        "Design",
        "Bias (% of benchmark)",
        "Bias in the case's own earlier years (windows)",
        "SD (%)",
        "of which persists in a unit (SD, %)",
        "Coverage of the 95% interval (%)",
        "Width of the 90% interval (%)",
        "Interval score, 90% (%; lower is better)",
    )
    notes = [
        (
            f"{int(scores[0]['n_units'])} placebo units, {int(scores[0]['n_origins'])} origins (first performance "
            "periods); one standard error after ±. A national shock has only as many observations as there are "
            "origins."
        ),
        (
            "The average bias over all placebos is near zero by construction, because they are each other's "
            "comparison group: the case's own earlier years say more, from very few windows. Their ± is the SD "
            "between windows over the square root of their number, and too small where windows overlap."
        ),
        "A coverage near 95% means not rejected on these placebos; it is no proof that the intervals are right.",
    ]
    for pair, cell, (bias, error, windows) in zip(pairs, own_cells, own, strict=True):
        if windows > 2 and abs(bias) > 2 * error:
            what = "saving" if bias > 0 else "loss"
            notes.append(
                f"Under {quoted(label_of(result, pair))} the case showed a {what} before there was any contract "
                f"({cell}%, {windows} windows): that benchmark seems to be off for this case, and no threshold here "
                "corrects it."
            )
    numeric = (False, *(True,) * 7)
    rows = tuple(zip(*columns, strict=True))
    return Table("scores", "How far each design is off where nothing was saved", heads, numeric, rows, tuple(notes))


def payment_design_table(result: StudyResult) -> Table | None:
    """Return each design's honest threshold, and what it pays."""
    if result.backtest is None or not len(result.backtest.ranking()):
        return None
    order = result.backtest.ranking()
    pairs = [(str(design), str(method)) for design, method in zip(order["design"], order["method"], strict=True)]
    rows = []
    for pair in pairs:
        part = rows_of(result.backtest.thresholds, pair)
        honest = (part["kind"] == "placebo") & (part["level"] == 0.95) & (part["side"] == "one-sided")
        rows.append(part[honest & (part["size_class"] == "all")].iloc[0])
    own = [None if case_is_small(result) else honest_threshold(result, pair) for pair in pairs]
    columns = [
        [label_of(result, pair) for pair in pairs],
        [judged(row) for row in rows],
        measured(rows, "threshold", "threshold_se"),
        measured(rows, "threshold_less_bias", "threshold_less_bias_se"),
        [ABSENT if one is None else plain(100 * float(one["rate"]), 1) for one in own],
        [ABSENT if one is None else money(float(one["money"]), result.currency) for one in own],
        measured(rows, "false_payment_rate", "false_payment_rate_se"),
        measured(rows, "detection_rate_3", "detection_rate_3_se"),
        measured(rows, "detection_rate_5", "detection_rate_5_se"),
    ]
    heads = (
        "Design",
        "Placebo contracts",
        "Honest threshold, placebos' mean (%)",
        "Threshold less mean placebo saving (%)",
        "Honest threshold for the case (%)",
        "The same per insured-year",
        "False payments (%)",
        "Detects a true 3% (%)",
        "Detects a true 5% (%)",
    )
    notes = [
        (
            "Honest threshold: placebo, one-sided 95%, each placebo's taken from other regions and other origins "
            "(cross-fitted). In the order of detection of a true 3%: the smallest threshold would reward a benchmark "
            "that is too low, detection at equal false payments does not."
        ),
    ]
    if any(row["n_without_threshold"] for row in rows):
        notes.append(
            "Where some placebo contracts only are judged, the others have too few placebos outside their own region "
            "for a 95% threshold (19 at least)."
        )
    numeric = (False, *(True,) * 8)
    table = tuple(zip(*columns, strict=True))
    return Table("payments", "What an honest threshold pays, by design", heads, numeric, table, tuple(notes))


def size_class_table(result: StudyResult) -> Table | None:
    """Return SD and honest threshold by class of size, where the study asked for classes."""
    if result.backtest is None or not len(result.backtest.thresholds):
        return None
    honest = result.backtest.thresholds
    honest = honest[(honest["kind"] == "placebo") & (honest["level"] == 0.95) & (honest["side"] == "one-sided")]
    scores = result.backtest.scores
    scores = scores[(scores["injected"] == 0) & (scores["size_class"] != "all")]
    if not len(scores):
        return None
    shown = [row for _, row in scores.iterrows()]
    nothing = pd.Series(dtype=float)
    gates = []
    for row in shown:
        part = rows_of(honest, (str(row["design"]), str(row["method"])))
        part = part[part["size_class"] == row["size_class"]]
        gates.append(part.iloc[0] if len(part) and class_is_visible(row["n_units"]) else nothing)
    visible = [row if class_is_visible(row["n_units"]) else nothing for row in shown]
    columns = [
        [label_of(result, (str(row["design"]), str(row["method"]))) for row in shown],
        [str(row["size_class"]) for row in shown],
        [count(row["n_units"]) if class_is_visible(row["n_units"]) else "too few to show" for row in shown],
        measured(visible, "sd", "sd_mcse"),
        measured(gates, "threshold", "threshold_se"),
        measured(gates, "false_payment_rate", "false_payment_rate_se"),
    ]
    heads = ("Design", "Insured-years", "Units", "SD (%)", "Honest threshold (%)", "False payments (%)")
    numeric = (False, False, True, True, True, True)
    notes = ("No threshold stands where a class holds too few units for 95% at any one origin (19 at least).",)
    return Table("sizes", "By size of the placebo units", heads, numeric, tuple(zip(*columns, strict=True)), notes)


def refusal_table(result: StudyResult) -> Table | None:
    """Return how many placebo fits were refused or failed, with the commonest reason."""
    if result.backtest is None:
        return None
    rows = []
    for pair in pairs_of(result):
        part = rows_of(result.backtest.placebos, pair)
        part = part[part["role"] == "placebo"]
        for status in ("refused", "failed"):
            bad = part[part["status"] == status]
            if not len(bad):
                continue
            reasons = bad["reason"].value_counts()
            rows.append(
                (
                    label_of(result, pair),
                    status,
                    f"{len(bad):,} of {len(part):,}",
                    str(reasons.index[0]),
                    count(reasons.iloc[0]),
                )
            )
    if not rows:
        return None
    heads = ("Design", "Status", "Placebo contracts", "Commonest reason", "Times")
    notes = ("A refusal pays nothing. The tables above leave refused and failed placebos out.",)
    return Table("refusals", "Refusals", heads, (False, False, True, False, True), tuple(rows), notes)


def judged(row: pd.Series[Any]) -> str:
    """Return on how many placebo contracts a threshold is judged, of those that were fitted."""
    without = int(row["n_without_threshold"])
    return f"{count(row['n_rows'])} of {count(row['n_rows'] + without)}" if without else count(row["n_rows"])


def measured(rows: list[pd.Series[Any]], name: str, error: str) -> list[str]:
    """Return a column of rates as percentages with their standard errors, where the frame has them."""
    return column_with_errors([row.get(name, NAN) for row in rows], [row.get(error, NAN) for row in rows], 100)


def _pooled(frame: pd.DataFrame, pair: Pair) -> pd.Series[Any] | None:
    rows = rows_of(frame, pair)
    if not len(rows):
        return None
    if "size_class" in rows.columns:
        rows = rows[rows["size_class"] == "all"]
    if "injected" in rows.columns:
        rows = rows[rows["injected"] == 0]
    return rows.iloc[0] if len(rows) else None


def _case_windows(result: StudyResult, pair: Pair, row: pd.Series[Any]) -> tuple[float, float, int]:
    """Return the mean saving in the case's own earlier windows, its standard error over windows, and their number."""
    if case_is_small(result) or result.backtest is None:
        return NAN, NAN, 0
    rows = rows_of(result.backtest.placebos, pair)
    windows = int(((rows["role"] == "case") & (rows["status"] == "ok")).sum())
    error = float(row["bias_case_sd"]) / math.sqrt(windows) if windows > 1 else NAN
    return float(row["bias_case"]), error, windows
