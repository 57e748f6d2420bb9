"""Table: placebo contracts that a method refused or could not fit."""

import pandas as pd

from ssinfer.report.analysis import Analysis, rows_of
from ssinfer.report.table import LABEL, NoTable, ReportTable, TableColumn


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design, method and status, with the most frequent reason."""
    if analysis.result.backtest is None:
        return NoTable()
    records = []
    for pair in analysis.pairs:
        placebos = rows_of(analysis.result.backtest.placebos, pair)
        placebos = placebos[placebos["role"] == "placebo"]
        for status in ("refused", "failed"):
            reasons = placebos.loc[placebos["status"] == status, "reason"]
            if len(reasons):
                counts = reasons.value_counts()
                share = f"{len(reasons):,} of {len(placebos):,}"
                records.append((analysis.label(pair), status, share, counts.index[0], counts.iloc[0]))
    if not records:
        return NoTable("No placebo contract was refused, and no fit failed.")
    return pd.DataFrame(records, columns=["label", "status", "share", "reason", "times"])


TABLE = ReportTable(
    name="refusals",
    section="comparison",
    order=60,
    caption="Refused and failed placebo contracts",
    columns=(
        LABEL,
        TableColumn("Status", "status"),
        TableColumn("Placebo contracts", "share", "cell"),
        TableColumn("Most frequent reason", "reason"),
        TableColumn("Times", "times", "number"),
    ),
    rows=rows,
    notes=("A refused contract is paid nothing. The tables above leave out refused and failed placebo contracts.",),
)
