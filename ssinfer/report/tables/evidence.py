"""Table of the checks of each fit of the design that settles."""

import math

import pandas as pd

from ssinfer.printed import ABSENT, separated
from ssinfer.report.analysis import Analysis, pair_of
from ssinfer.report.table import ReportTable, check_name

ORDER = ("fail", "warn", "ok", "not evaluated")


def _rows(analysis: Analysis) -> pd.DataFrame:
    """Return the checks of each method, those that failed first."""
    table = analysis.result.tables.get("diagnostics.csv", pd.DataFrame())
    if analysis.hidden or not len(table):
        return pd.DataFrame()
    table = analysis.labelled(table[table["design"] == analysis.main[0]])
    table = table.sort_values("status", key=lambda status: status.map(ORDER.index), kind="stable")
    order = [pair_of(row) != analysis.main for _, row in table.iterrows()]  # the method that settles first
    table = table.iloc[sorted(range(len(table)), key=order.__getitem__)]
    printed = {name: [_short(value) for value in table[name]] for name in ("figure", "limit")}
    return table.assign(check_name=table["id"].map(check_name), **printed)


def _short(value: float) -> str:
    return separated(f"{value:.3g}") if math.isfinite(value) else ABSENT


TABLES = ReportTable("checks", "evidence", 5, _rows, "label:own check_name status:word figure:cell limit:cell")
