"""Tables on the counted population: from the input tables to the population, and spending above caps."""

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from ssinfer.finding import Finding
from ssinfer.periods import parse_period
from ssinfer.printed import quoted
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable

COUNTS = ["persons", "insured_years", "lines", "euros"]


def _attrition(analysis: Analysis) -> pd.DataFrame:
    """Return one row per step under the first definition of spending; a zero is not printed."""
    if analysis.result.claims is None:
        return pd.DataFrame()
    frame = next(iter(analysis.result.claims.extracts.values())).attrition
    return frame.assign(**{name: frame[name].where(frame[name] != 0) for name in COUNTS})


def _attrition_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    names = [] if analysis.result.claims is None else [*map(quoted, analysis.result.claims.extracts)]
    if len(names) > 1:
        yield Finding("table.attrition.others", {"first": names[0], "others": names[1:]})


def _truncation(analysis: Analysis) -> pd.DataFrame | Finding:
    frame = analysis.table("truncation.csv")
    if analysis.result.claims is not None and not len(frame):
        return Finding("table.truncation.without", {})
    return frame.assign(year=frame["year"].astype(int).astype(str))


def _truncation_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    n_periods = Counter(parse_period(period).first_day.year for period in analysis.result.panel.periods)
    incomplete = [str(year) for year, n in sorted(n_periods.items()) if n < max(n_periods.values())]
    if incomplete:
        yield Finding("table.truncation.incomplete", {"years": incomplete})


ATTRITION = "step:word reason:word persons:number insured_years:number lines:number euros:number:2"
TRUNCATION = "definition:own year:cell cap:money share_above:percent:1 cut:total share_cut:percent:1"
ESTIMAND = "estimand:word rate:percent saving:number benchmark:number spending:number reason:word"
TABLES = (
    ReportTable("estimands", "counting", 5, lambda a: a.table("estimands.csv").query("estimand != 'prices'"), ESTIMAND),
    ReportTable("attrition", "counting", 10, _attrition, ATTRITION, _attrition_remarks),
    ReportTable("truncation", "counting", 20, _truncation, TRUNCATION, _truncation_remarks),
)
