"""Table: error and cross-fitted placebo threshold by size of the placebo units."""

import pandas as pd

from ssinfer.figures.numbers import count
from ssinfer.report.analysis import ALL_SIZES, Analysis
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.table import FALSE_PAYMENT_RATE, LABEL, NoTable, ReportTable, TableColumn
from ssinfer.thresholds.placebo import COMPARISON_KEY

KEYS = ["design", "method", "size_class"]
MEASURES = ["threshold", "threshold_se", "false_payment_rate", "false_payment_rate_se"]


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design, method and size class; a class with too few units shows no number."""
    backtest = analysis.result.backtest
    if backtest is None or not len(backtest.thresholds):
        return NoTable()
    scores = backtest.scores
    scores = scores[(scores["size_class"] != ALL_SIZES)]
    if not len(scores):
        return NoTable()
    reference = backtest.thresholds[COMPARISON_KEY.rows(backtest.thresholds)]
    classes = analysis.labelled(
        scores[[*KEYS, "n_units", "sd", "sd_mcse"]].merge(reference[KEYS + MEASURES], "left", KEYS)
    )
    visible = classes["n_units"].map(class_is_visible)
    classes["units"] = classes["n_units"].map(count).where(visible, "too few to show")
    classes.loc[~visible, ["sd", "sd_mcse", *MEASURES]] = float("nan")
    return classes


TABLE = ReportTable(
    name="sizes",
    section="comparison",
    order=50,
    caption="By size of the placebo units",
    columns=(
        LABEL,
        TableColumn("Insured-years", "size_class"),
        TableColumn("Units", "units", "cell"),
        TableColumn("SD (%)", "sd", "percent"),
        TableColumn("Placebo threshold (%)", "threshold", "percent"),
        FALSE_PAYMENT_RATE,
    ),
    rows=rows,
    notes=("A size class has no threshold if it holds fewer than 19 units at every origin.",),
)
