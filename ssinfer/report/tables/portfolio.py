"""Table of several contracts of one insurer, with its findings; the console prints both."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.finding import Finding, estimate
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable, columns_of
from ssinfer.sentences import say

SHORT = "group:cell saving:total own_threshold:percent verdict:word paid:total false_payments:number:2 at_risk:total"
WHOLE = (
    "group:cell insured_years:number saving:total saving_se:total own_threshold:percent verdict:word paid:total "
    "final_paid:total false_payments:number found_3:number:2 at_risk:total same_threshold:percent "
    "same_threshold_found_3:number:2 same_rate:percent same_rate_found_3:number:2"
)
CONSOLE = columns_of(SHORT)


def portfolio_rows(analysis: Analysis) -> pd.DataFrame:
    """Return portfolio.csv with the total in words; empty in a study of one contract."""
    table = analysis.result.tables.get("portfolio.csv", pd.DataFrame())
    if not len(table):
        return table
    total = table["row"] == "total"
    said = {"group": table["group"].mask(total, say("all_groups")), "verdict": table["verdict"].replace("", None)}
    return table.assign(**said, own_threshold=table["threshold"])


def _remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[Finding]:
    """Return how the errors of groups are correlated, and which groups no number counts."""
    total = rows.iloc[-1]
    if pd.notna(total["correlation"]):
        yield Finding("portfolio_shocks", {"correlation": estimate(total, "correlation"), "n": int(total["n_origins"])})
    if (hidden := rows["status"] == "hidden").any():
        yield Finding("portfolio_hidden", {"names": ", ".join(rows["group"][hidden])})


TABLES = (ReportTable("portfolio", "case-section", 5, portfolio_rows, WHOLE, _remarks),)
