"""Table: caps on the spending of a person, and the spending above them."""

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from ssinfer.figures.numbers import listed
from ssinfer.periods import parse_period
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import NoTable, ReportTable, TableColumn


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per definition of spending and calendar year."""
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


def remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[str]:
    """Return the population of the percentile, and which years are incomplete."""
    yield (
        "The percentile is taken over all persons in the tables, whatever the population. Truncated spending is "
        "another estimand: the spending above the cap may also hold savings."
    )
    n_periods = Counter(parse_period(period).first_day.year for period in analysis.result.panel.periods)
    incomplete = [str(year) for year, n in sorted(n_periods.items()) if n < max(n_periods.values())]
    if incomplete:
        yield (
            f"The claims hold only a part of {listed(incomplete)}. Spending per insured-year varies more over fewer "
            "months, so the same percentile is higher."
        )


TABLE = ReportTable(
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
    rows=rows,
    remarks=remarks,
)
