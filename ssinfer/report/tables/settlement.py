"""Table: the settlement of the contract under every design and method."""

import pandas as pd

from ssinfer.report.analysis import Analysis
from ssinfer.report.table import LABEL, NoTable, ReportTable, TableColumn


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
        LABEL,
        TableColumn("Contract", "contract"),
        TableColumn("Party", "party"),
        TableColumn("Receives", "amount", "money"),
        TableColumn("Reason", "reason"),
    ),
    rows=rows,
    notes=("A minus sign means that the party pays. The amounts of a contract add up to zero.",),
)
