"""Table: the settlement of the contract under every design and method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.report.table import NoTable, ReportTable, TableColumn

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.report.analysis import Analysis


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design, method, contract and party."""
    if analysis.hidden or not len(analysis.result.settlement):
        return NoTable()
    return analysis.labelled(analysis.result.settlement)


TABLE = ReportTable(
    name="settlement",
    section="case-section",
    order=40,
    caption="Settlement",
    columns=(
        TableColumn("Design", "label"),
        TableColumn("Contract", "contract"),
        TableColumn("Party", "party"),
        TableColumn("Receives", "amount", "money"),
        TableColumn("Reason", "reason"),
    ),
    rows=rows,
    notes=("A minus sign means that the party pays. The amounts of a contract add up to zero.",),
)
