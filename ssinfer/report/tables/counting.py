"""Tables on the counted population: from the input tables to the population, and spending above caps."""

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from ssinfer.periods import parse_period
from ssinfer.printed import listed, quoted
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import NoTable, ReportTable, TableColumn


def _attrition(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per step under the first definition of spending; a zero is not printed."""
    if analysis.result.claims is None:
        return NoTable()
    frame = next(iter(analysis.result.claims.extracts.values())).attrition
    counts = ["persons", "insured_years", "lines", "euros"]
    return frame.assign(**{name: frame[name].where(frame[name] != 0) for name in counts})


def _attrition_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[str]:
    names = [] if analysis.result.claims is None else [quoted(name) for name in analysis.result.claims.extracts]
    if len(names) > 1:
        yield f"Under the definition {names[0]}. The tables of {listed(names[1:])} are in attrition.csv."


def _truncation(analysis: Analysis) -> pd.DataFrame | NoTable:
    if analysis.result.claims is None:
        return NoTable()
    frames = [
        extract.truncation.assign(definition=name)
        for name, extract in analysis.result.claims.extracts.items()
        if extract.truncation is not None and len(extract.truncation)
    ]
    if not frames:
        return NoTable("No definition of spending truncates it.")
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(year=frame["year"].astype(int).astype(str))


def _truncation_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[str]:
    n_periods = Counter(parse_period(period).first_day.year for period in analysis.result.panel.periods)
    incomplete = [str(year) for year, n in sorted(n_periods.items()) if n < max(n_periods.values())]
    if incomplete:
        yield (
            f"The claims hold only a part of {listed(incomplete)}. Spending per insured-year varies more over fewer "
            "months, so the same percentile is higher."
        )


TABLES = (
    ReportTable(
        name="attrition",
        section="counting",
        order=10,
        caption="From the input tables to the counted population",
        columns=(
            TableColumn("Step", "step"),
            TableColumn("Reason", "reason"),
            TableColumn("Persons", "persons", "number"),
            TableColumn("Insured-years", "insured_years", "number"),
            TableColumn("Claim lines", "lines", "number"),
            TableColumn("{currency}", "euros", "number", 2),
        ),
        rows=_attrition,
        notes=(
            "The input equals the counted population plus the exclusions, to the person, day and cent, in every "
            "column. A person, day or line is excluded once, for its first reason. Rows of valuation change money only."
        ),
        remarks=_attrition_remarks,
    ),
    ReportTable(
        name="truncation",
        section="counting",
        order=20,
        caption="Spending above the cap",
        columns=(
            TableColumn("Definition", "definition"),
            TableColumn("Year", "year", "cell"),
            TableColumn("Cap per insured-year", "cap", "money"),
            TableColumn("Insured-years above the cap (%)", "share_above", "percent", 1),
            TableColumn("Spending above the cap", "cut", "total"),
            TableColumn("Share of spending (%)", "share_cut", "percent", 1),
        ),
        rows=_truncation,
        notes=(
            "The percentile is taken over all persons in the tables, whatever the population. Truncated spending is "
            "another estimand: the spending above the cap may also hold savings."
        ),
        remarks=_truncation_remarks,
    ),
)
