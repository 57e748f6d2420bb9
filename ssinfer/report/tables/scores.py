"""Table: the error of each design on placebo contracts."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from ssinfer.figures.numbers import ABSENT, column_with_errors
from ssinfer.report.analysis import ALL_SIZES, Analysis, pair_of, rows_of
from ssinfer.report.table import LABEL, NoTable, ReportTable, TableColumn

MIN_WINDOWS = 3  # of the contract group, before its bias is called out


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return the scores over placebos of all sizes, with the contract group's bias in its own earlier windows."""
    if analysis.result.backtest is None:
        return NoTable()
    scores = analysis.result.backtest.scores
    if not {"size_class", "bias"} <= set(scores.columns):
        return NoTable()
    scores = scores[(scores["size_class"] == ALL_SIZES) & np.isfinite(scores["bias"])]
    order = {pair: number for number, pair in enumerate(analysis.pairs)}
    scores = scores.assign(pair=[order.get(pair_of(row), -1) for _, row in scores.iterrows()])
    scores = analysis.labelled(scores[scores["pair"] >= 0].sort_values("pair", kind="stable"))
    windows = [_windows(analysis, pair_of(row)) for _, row in scores.iterrows()]
    scores = scores.assign(windows=windows)
    if analysis.hidden:
        scores["bias_case"] = math.nan
    sd = scores["bias_case_sd"].where(scores["windows"] > 1)
    scores["case_error"] = sd / np.sqrt(scores["windows"].clip(lower=1))
    scores["case_cell"] = column_with_errors(scores["bias_case"].tolist(), scores["case_error"].tolist(), 100)
    with_windows = scores["case_cell"] + " (" + scores["windows"].astype(str) + ")"
    return scores.assign(case_bias=with_windows.where(scores["windows"] > 0, ABSENT))


def _windows(analysis: Analysis, pair: tuple[str, str]) -> int:
    """Return the number of earlier windows of the contract group; 0 if it is too small to be shown."""
    if analysis.hidden or analysis.result.backtest is None:
        return 0
    placebos = rows_of(analysis.result.backtest.placebos, pair)
    return int(((placebos["role"] == "case") & (placebos["status"] == "ok")).sum())


def remarks(analysis: Analysis, scores: pd.DataFrame) -> Iterator[str]:
    """Return how to read the scores, and a warning for each design that is biased for the contract group itself."""
    first = scores.iloc[0]
    yield (
        f"{int(first['n_units'])} placebo units, {int(first['n_origins'])} origins (first performance periods). One "
        "standard error after ±. A national shock has only as many observations as there are origins."
    )
    yield (
        "The average bias over all placebos is near zero by construction, because they are each other's comparison "
        "group. The earlier years of the contract group say more, but they are few. Their ± is the SD between windows "
        "divided by the square root of their number. It is too small if windows overlap."
    )
    yield ("Coverage near 95% means that these placebos do not reject the intervals. It does not prove them right.")
    for _, row in scores.iterrows():
        bias, windows = float(row["bias_case"]), row["windows"]
        if windows >= MIN_WINDOWS and abs(bias) > 2 * row["case_error"]:
            yield (
                f"Under {analysis.quoted(pair_of(row))} the contract group showed a "
                f"{'saving' if bias > 0 else 'loss'} before there was any contract "
                f"({row['case_cell']}%, {windows} windows). That benchmark seems to be "
                "biased for this group, and no threshold here corrects it."
            )


TABLE = ReportTable(
    name="scores",
    section="comparison",
    order=20,
    caption="Error of each design on contracts without savings",
    columns=(
        LABEL,
        TableColumn("Bias (% of benchmark)", "bias", "percent"),
        TableColumn("Bias in the group's own earlier years (%; windows)", "case_bias", "cell"),
        TableColumn("SD (%)", "sd", "percent"),
        TableColumn("Part that persists in a unit (SD, %)", "bias_sd_between", "percent", 1),
        TableColumn("Coverage of the 95% interval (%)", "coverage_95", "percent"),
        TableColumn("Width of the 90% interval (%)", "width_90", "percent"),
        TableColumn("Interval score, 90% (%; lower is better)", "interval_score_90", "percent"),
    ),
    rows=rows,
    remarks=remarks,
)
