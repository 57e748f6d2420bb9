"""Tables on two deliveries: what the final settlement may be, and what changed since the previous one and why."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable, ranged
from ssinfer.sentences import word

COLUMNS = "label year:word to_come:percent saving:money interval:cell threshold:percent reaches:percent paid:percent "
MAY_CHANGE = ("late", "corrections", "persons", "prices")


def settling_row(analysis: Analysis) -> "pd.Series[float] | None":
    """Return the row of provisional.csv that settles (of a term: of all its years); None if the settlement is final."""
    table = analysis.table("provisional.csv")
    rows = table[table["settles"].astype(bool)]
    return rows.iloc[-1] if len(rows) else None


def _rows(analysis: Analysis) -> pd.DataFrame:
    table = analysis.table("provisional.csv")
    ends = {"interval": ("lower", "upper"), "payments": ("payment_lower", "payment_upper")}
    cells = {name: [ranged(low, high, 0) for low, high in table[[*names]].to_numpy()] for name, names in ends.items()}
    return analysis.labelled(table.assign(**cells).dropna(axis="columns", how="all"))


def _remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[Finding]:
    """Return how the intervals were learned, and what may still change."""
    learned = ("n_units", "n_windows", "own_error", "common_error")
    yield Finding("provisional_learned", {name: rows[name].iloc[0] for name in learned})
    for name in MAY_CHANGE:
        yield Finding(f"provisional_{name}", {})
    numbers = {name: rows[name].iloc[0] for name in ("threshold", "final_threshold", "final_threshold_se")}
    if np.isfinite(numbers["threshold"]):
        yield Finding(f"provisional_threshold_{'moves' if numbers['final_threshold_se'] > 1e-6 else 'stays'}", numbers)


def _changes(analysis: Analysis) -> pd.DataFrame:
    """Return changes.csv with parties in words."""
    table = analysis.table("changes.csv")
    names = zip(table["kind"], table["cause"], strict=True)
    causes = [word("party" if kind == "settlement" else "cause", cause) for kind, cause in names]
    years = table.get("year", pd.Series("", table.index)).fillna("")
    table = table.assign(year=years) if (years != "").any() else table.drop(columns="year", errors="ignore")
    return table.assign(cause=causes, lines=table["lines"].where(table["lines"] != 0))


CHANGES = "kind:word year:text cause:cell lines:number then:money:2 now:money:2 euros:money:2"
TABLES = (
    ReportTable("provisional", "case-section", 45, _rows, f"{COLUMNS} payment:money payments:cell", _remarks),
    ReportTable("changes", "case-section", 46, _changes, CHANGES),
)
