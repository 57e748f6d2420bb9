"""Table: benchmark, spending and saving of the contract group under every design and method."""

import math
from typing import Any

import pandas as pd

from ssinfer.figures.numbers import plain
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import LABEL, NoTable, ReportTable, TableColumn


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design and method; only the label if the saving is not measured."""
    if analysis.hidden or not analysis.has_saving:
        return NoTable()
    records: list[dict[str, Any]] = []
    for pair in analysis.pairs:
        saving, threshold = analysis.saving(pair), analysis.threshold(pair)
        if saving is None:
            records.append({"label": analysis.label(pair)})
            continue
        lower, upper = float(saving["lower"]), float(saving["upper"])
        known = math.isfinite(lower)
        records.append(
            {
                **saving,
                "label": analysis.label(pair),
                "interval": f"{plain(lower, 0)} to {plain(upper, 0)}" if known else "none",
                "total": None if analysis.result.panel.insured_years is None else saving["total"],
                "passed": None if threshold is None else threshold.get("passed"),
            }
        )
    return pd.DataFrame(records)


TABLE = ReportTable(
    name="savings",
    section="case-section",
    order=10,
    caption="The contract group: benchmark, spending and saving",
    columns=(
        LABEL,
        TableColumn("Benchmark", "benchmark", "money"),
        TableColumn("Spending", "spending", "money"),
        TableColumn("Saving", "saving", "money"),
        TableColumn("95% interval of the saving", "interval", "cell"),
        TableColumn("Savings rate (%)", "savings_rate", "percent", 1),
        TableColumn("Saving in total", "total", "total"),
        TableColumn("Reaches the placebo threshold", "passed", "yes or no"),
    ),
    rows=rows,
    notes=(
        (
            "Money is per insured-year, except the saving in total. The saving is the benchmark less spending: a minus "
            "sign means that spending was higher than the benchmark. Every design of the study is listed."
        ),
    ),
)
