"""A new study of claims in files or a database: proposes how they are read, and drafts its designs and methods."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ssinfer.claims.names import labels_of
from ssinfer.claims.tables.proposal import Proposal, propose
from ssinfer.claims.tables.schema import SUFFIXES
from ssinfer.claims.tables.table_mapping import SourceColumn, TableMapping
from ssinfer.new.designs import design_tables, designs_on_all, first_tables, last_tables, windows_of
from ssinfer.new.draft import Draft, Table, to_toml
from ssinfer.new.question import Answers, Question
from ssinfer.periods import read_periods, span
from ssinfer.sentences import say

SLACK_DAYS = 10  # at the ends of the first and the last quarter, without a claim
MOST_YEARS, KEPT_YEARS = (2, 7), (1, 0)  # of the baselines of designs a to c and of design d, and before them
CONTRACT = "contract"
MIN_GROUPS = 21  # of which a matched comparison chooses persons


def draft_of_claims(place: Path | str, folder: Path, answers: Answers, language: str = "en") -> Draft:
    """Return the draft of a study in `folder` on claims: a folder, a DuckDB file, or the address of a database."""
    proposal = propose(place)
    practices = labels_of(proposal.tables.enrolment, "practice")
    _tell_rows(proposal, answers)
    periods = _quarters(proposal)
    treated, start = answers.to(
        Question("treated", practices, several=True),
        Question("start", default=periods[-min(4, len(periods))], timeline=read_periods(periods)),
    )
    windows, longer, _ = windows_of(periods, periods.index(start), 4, MOST_YEARS, KEPT_YEARS)
    one = len(treated) == 1
    case = {"treated": treated} if one else {"treated": [CONTRACT], "units": {CONTRACT: treated}}
    groups = (len(practices) - len(treated)) // len(treated)
    return Draft(
        [
            *first_tables(treated[:3], language),
            *_data(place, folder, proposal, periods),
            Table("case", case),
            Table("case.groups", {"kind": "intact" if one else "bundles"}),
            Table("windows", windows),
            Table("spending", {"name": "all", "label": say("new.label.all_care")}, several=True),
            Table(
                "spending",
                {"name": "cut", "label": say("new.label.cut"), "truncation": {"percentile": 0.99}},
                several=True,
            ),
            Table("comparison", {"name": "a"}, several=True),
            Table("comparison", {"name": "b", "standard": "expected"}, several=True),
            *design_tables(_designs(longer, start, matched=groups >= MIN_GROUPS)),
            *last_tables(groups),
        ]
    )


def _quarters(proposal: Proposal) -> tuple[str, ...]:
    """Return the quarters of which claims cover both ends."""
    dates = proposal.tables.claims["date"]
    ends = proposal.tables.claims.aggregate(first=dates.min(), last=dates.max()).to_pandas().iloc[0]
    slack = pd.Timedelta(days=SLACK_DAYS)
    first, last = pd.Timestamp(ends["first"]) - slack, pd.Timestamp(ends["last"]) + slack
    quarters = pd.period_range(first, last, freq="Q")
    whole = [each for each in quarters if each.start_time >= first and each.end_time.normalize() <= last]
    return tuple(span(str(whole[0]), str(whole[-1]))) if whole else ()


def _data(place: Path | str, folder: Path, proposal: Proposal, periods: tuple[str, ...]) -> Iterator[Table]:
    """Return the tables of the data: their place, and the mapping of those with other names, units or values."""
    where = {"connection": place} if isinstance(place, str) else {"file": os.path.relpath(place, folder)}
    yield Table("data", {"source": "claims", **where, "periods": {"first": periods[0], "last": periods[-1]}})
    for name, part in proposal.mapping.items():
        file = None if part.file in [f"{name}{suffix}" for suffix in (*SUFFIXES, "")] else part.file
        table = None if part.table == name else part.table
        keys = {"file": file, "table": table, "columns": _columns(part)}
        if any(keys.values()):
            yield Table(f"data.tables.{name}", {key: value for key, value in keys.items() if value})


def _columns(mapping: TableMapping) -> dict[str, Any]:
    """Return the columns with another name, unit or form, as in a study file."""
    return {column: written for column in mapping.columns if (written := _source(column, mapping)) != column}


def _source(column: str, mapping: TableMapping) -> Any:
    """Return where a column comes from, as in a study file: a name, or a table."""
    keys = {key: value for key, value in vars(mapping.source(column)).items() if value != getattr(SourceColumn(), key)}
    return keys["column"] if [*keys] == ["column"] else keys


def _tell_rows(proposal: Proposal, answers: Answers) -> None:
    """Tell how each table is read, with rows before and after."""
    for name, part in proposal.mapping.items():
        before, after = (frame.to_string(index=False) for frame in proposal.shown[name])
        answers.tell("new.rows", table=name, source=part.table or part.file, before=before, after=after)
        if columns := _columns(part):
            answers.tell("new.mapping", table=name, columns=to_toml(columns))


def _designs(longer: Mapping[str, Any], start: str, *, matched: bool) -> list[dict[str, Any]]:
    """Return the designs: two comparison groups, truncated spending, all other units, and matched persons."""
    rows: list[dict[str, Any]] = [
        {"name": "a", "comparison": "a", "spending": "all", "methods": ["administrative"]},
        {"name": "b", "comparison": "b", "spending": "all", "methods": ["administrative"], "settles": True},
        {"name": "b, cut", "comparison": "b", "spending": "cut", "methods": ["administrative"]},
        *designs_on_all("b", longer, start, spending="all"),
    ]
    persons = {"name": "c", "comparison": "a", "spending": "all", "methods": ["matched"], "origins": [start]}
    return [*rows, persons] if matched else rows
