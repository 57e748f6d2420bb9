"""Table on a provisional settlement: what the final one may be, and what may still change."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable, ranged

COLUMNS = "label:own to_come:percent saving:money interval:cell threshold:percent reaches:percent paid:percent "
MAY_CHANGE = ("late", "corrections", "persons", "prices")


def settling_row(analysis: Analysis) -> "pd.Series[float] | None":
    """Return the row of provisional.csv that settles; None if the settlement is final."""
    table = analysis.result.tables.get("provisional.csv", pd.DataFrame({"settles": []}))
    rows = table[table["settles"].astype(bool)]
    return rows.iloc[0] if len(rows) else None


def _rows(analysis: Analysis) -> pd.DataFrame:
    table = analysis.result.tables.get("provisional.csv", pd.DataFrame())
    if not len(table):
        return table
    ends = {"interval": ("lower", "upper"), "payments": ("payment_lower", "payment_upper")}
    cells = {name: [ranged(low, high, 0) for low, high in table[[*names]].to_numpy()] for name, names in ends.items()}
    return analysis.labelled(table.assign(**cells))


def _remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[Finding]:
    """Return how the intervals were learned, and what may still change."""
    learned = ("n_units", "n_windows", "own_error", "common_error")
    yield Finding("provisional_learned", {name: rows[name].iloc[0] for name in learned})
    for name in MAY_CHANGE:
        yield Finding(f"provisional_{name}", {})


TABLES = (ReportTable("provisional", "case-section", 45, _rows, f"{COLUMNS} payment:money payments:cell", _remarks),)
