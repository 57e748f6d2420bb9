"""Table: persons, insured-years and claims from the input tables to the counted population."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.figures.numbers import listed, quoted
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import NoTable, ReportTable, TableColumn


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per step under the first definition of spending; a zero is not printed."""
    if analysis.result.claims is None:
        return NoTable()
    frame = next(iter(analysis.result.claims.extracts.values())).attrition
    counts = ["persons", "insured_years", "lines", "euros"]
    return frame.assign(**{name: frame[name].where(frame[name] != 0) for name in counts})


def remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[str]:
    """Return how the rows add up, and where the other definitions of spending stand."""
    yield (
        "The input equals the counted population plus the exclusions, to the person, the day and the cent, in every "
        "column. A person, day or line is excluded once, for the first reason that holds. Rows of valuation change "
        "money only."
    )
    names = [] if analysis.result.claims is None else [quoted(name) for name in analysis.result.claims.extracts]
    if len(names) > 1:
        yield f"Under the definition {names[0]}. The tables of {listed(names[1:])} are in attrition.csv."


TABLE = ReportTable(
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
    rows=rows,
    remarks=remarks,
)
