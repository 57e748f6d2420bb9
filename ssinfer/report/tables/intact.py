"""Table of thresholds for groups of intact practices and for groups of random insured persons."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.finding import Finding
from ssinfer.printed import column_with_errors
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable

COLUMNS = "group:word groups:number insured:number sd:percent:1 threshold:percent:1 ratio_cell:cell"


def _rows(analysis: Analysis) -> pd.DataFrame:
    groups = analysis.result.intact_groups
    if groups is None or groups.table is None:
        return pd.DataFrame()
    frame = groups.table
    errors = frame["ratio_se"].where(frame["ratio_se"] > 0)
    ratios = column_with_errors(frame["ratio"].tolist(), errors.tolist())
    cells = [cell if error > 0 else "1" for cell, error in zip(ratios, frame["ratio_se"], strict=True)]
    return frame.assign(group=frame["kind"], ratio_cell=cells)


def _remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    groups = analysis.result.intact_groups
    if groups is not None:
        yield Finding("table.intact-groups.drawn", {"windows": ", ".join(groups.windows), "seed": groups.seed})


TABLES = ReportTable("intact-groups", "intact", 10, _rows, COLUMNS, _remarks)
