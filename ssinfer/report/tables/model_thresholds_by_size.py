"""Table: credible and confidence thresholds by size of the placebo units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.report.table import ReportTable, TableColumn
from ssinfer.report.tables.model_thresholds import COLUMNS, remarks, rows_by

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.report.analysis import Analysis
    from ssinfer.report.table import NoTable


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return the thresholds by class of size."""
    return rows_by(analysis, by_size=True)


TABLE = ReportTable(
    name="kinds-by-size",
    section="which-threshold",
    order=40,
    caption="Credible and confidence thresholds by size of the placebo units",
    columns=(TableColumn("Design", "label"), TableColumn("Insured-years", "size"), *COLUMNS),
    rows=rows,
    remarks=remarks,
    folded=True,
)
