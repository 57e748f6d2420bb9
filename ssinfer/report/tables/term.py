"""Tables on a contract of several years: what each year pays, and what placebo contracts are paid."""

import pandas as pd

from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable

YEARS = (
    "label:own year:word period state:word first_benchmark:money benchmark:money saving:money savings_rate:percent "
    "threshold:percent payment:money carried_loss:money"
)
PLACEBOS = "label:own saving:word n_rows:number paid:percent payment:percent fixed:percent taken_back:percent"


def term_total(analysis: Analysis) -> Finding | None:
    """Return the sentence on what the whole term pays; None if the contract is settled as one."""
    table = analysis.table("term.csv")
    rows = table[table["settles"].astype(bool)]
    if not len(rows):
        return None
    total = rows.iloc[-1]
    paid, measured = float(total["payment"]), 1.0 - float(total["spending"] / total["first_benchmark"])
    name = "term_paid" if paid > 0 else "term_owed" if paid < 0 else "term_unpaid"
    return Finding(name, {"paid": abs(paid), "measured": measured})


def _placebos(analysis: Analysis) -> pd.DataFrame | Finding:
    table = analysis.table("term_placebos.csv")
    if not len(table):
        return table
    known = table[table["n_rows"].notna()]
    return analysis.labelled(known) if len(known) else Finding("term_no_placebos", {"reason": table["reason"].iloc[0]})


TABLES = (
    ReportTable("term", "case-section", 46, lambda a: a.labelled(a.table("term.csv")), YEARS),
    ReportTable("term_placebos", "case-section", 47, _placebos, PLACEBOS),
)
