"""Proposes how the tables of an insurer are read, by names and content: a place and a mapping per table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ssinfer.claims.backend.database import connect_database
from ssinfer.claims.backend.engine import connect, engine_errors
from ssinfer.claims.tables.mapping import map_table
from ssinfer.claims.tables.schema import SUFFIXES, TABLES, table_files
from ssinfer.claims.tables.table_mapping import FORMATS, SourceColumn, TableMapping, date_of
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.errors import ClaimsError
from ssinfer.look.words import column_of, table_of

SAMPLE, SHOWN, MIN_SHARE = 5_000, 5, 0.6  # rows, rows, and share of the required columns that a table must have
MANY = 100  # tables of a database, of which only those with a likely name are looked at
DAYS_PER_YEAR, TOO_MUCH = 365.25, 30_000  # mean spending per insured and year that is not in euros


@dataclass(frozen=True, eq=False)
class Proposal:
    """A mapping per table, the tables under it, and some rows of each table before and after."""

    mapping: Mapping[str, TableMapping]
    tables: ClaimsTables
    shown: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]


def propose(place: Path | str) -> Proposal:
    """Return the proposal for a folder, a DuckDB file, or the address of a database.

    ClaimsError: no table looks like insured, enrolment or claims, or a column that is needed has no likely name.
    """
    folder = isinstance(place, Path) and place.is_dir()
    with engine_errors("The tables could not be looked at"):
        connection, sources = _sources(place)

        def opened() -> ClaimsTables:
            if folder:
                return ClaimsTables.open(place, mapping=mapping)
            return ClaimsTables.from_connection(connection, mapping=mapping)

        mapping, samples = dict[str, TableMapping](), dict[str, pd.DataFrame]()
        for name in TABLES:
            if source := _source_of(name, sources):
                samples[name] = sources[source].limit(SAMPLE).to_pandas()
                mapping[name] = _mapping(name, source, samples[name], database=not folder)
        tables = opened()
        if _in_cents(tables, samples["claims"][str(mapping["claims"].source("amount").column)]):
            part = mapping["claims"]
            columns = {**part.columns, "amount": replace(part.source("amount"), unit="cents")}
            mapping["claims"] = replace(part, columns=columns)
            tables = opened()
        shown = {}
        for name, part in mapping.items():
            source = sources[str(part.table or part.file)].limit(SHOWN)
            used = [each for column in TABLES[name] if (each := part.source(column).column) in source.columns]
            shown[name] = source.select(*used).to_pandas(), map_table(name, source, part)[0].to_pandas()
            for frame, column in zip(shown[name], (part.source("person").column, "person"), strict=True):
                if column in frame:
                    frame[column] = frame[column].astype(str).str[:2] + "..."
            shown[name] = shown[name][0], shown[name][1][[c for c in TABLES[name] if c in shown[name][1]]]
    return Proposal(mapping, tables, shown)


def _sources(place: Path | str) -> tuple[Any, dict[str, Any]]:
    """Return a connection and the tables at a place, by the name that a mapping gives them."""
    if not isinstance(place, Path) or place.is_file():
        connection = connect_database(place) if isinstance(place, str) else connect((), place)
        own, schemas = connection.current_database, connection.list_databases()
        named = [
            (table if schema == own else f"{schema}.{table}", schema, table)
            for schema in schemas
            if schema != "information_schema" and not schema.startswith("pg_")
            for table in connection.list_tables(database=schema)
        ]
        if len(named) > MANY:  # each costs a query
            named = [part for part in named if any(table_of(name, [part[2]]) for name in TABLES)]
        return connection, {name: connection.table(table, database=schema) for name, schema, table in named}
    if not place.is_dir():
        raise ClaimsError(f"{place} is neither a folder nor a DuckDB file. Name the folder of the tables.")
    connection, sources = connect([place]), dict[str, Any]()
    for path in sorted(place.iterdir()):
        if path.name[0] not in "._" and (path.is_dir() or path.name.endswith(SUFFIXES)):
            name = re.sub(r"\d+", "*", path.name)  # declaraties_2018.parquet: one of several
            name = name if len(list(place.glob(name))) > 1 else path.name
            files = list(map(str, table_files(name, place / name)[0]))
            csv = files[0].endswith((".csv", ".csv.gz"))
            sources[name] = connection.read_csv(files, all_varchar=True) if csv else connection.read_parquet(files)
    return connection, sources


def _source_of(name: str, sources: Mapping[str, Any]) -> str | None:
    """Return the source that is most like a table: by its name, and by the columns that are required."""
    called = table_of(name, [re.sub(r"\.(csv|csv\.gz|parquet)$", "", source) for source in sources])
    scores = {}
    for source, table in sources.items():
        required = [column for column, spec in TABLES[name].items() if spec.required]
        share = sum(column_of(name, column, table.columns) is not None for column in required) / len(required)
        fits = share >= MIN_SHARE and (called is not None or name in ("insured", "enrolment", "claims"))
        named = called is not None and source.startswith(called)
        scores[source] = (share + named) if fits and (named or name not in ("deaths", "programmes")) else 0
    best = max(scores, key=lambda source: scores[source], default=None)
    if best is not None and scores[best] > 0:
        return best
    if name in ("insured", "enrolment", "claims"):
        listed = "; ".join(f"{source} ({', '.join(table.columns[:12])})" for source, table in sources.items())
        raise ClaimsError(
            f"No table looks like {name!r}, whose columns are {', '.join(TABLES[name])}. Found: {listed or 'none'}. "
            f"Write [data.tables.{name}] yourself: docs/claims.md, 'Your claims'."
        )
    return None


def _mapping(name: str, source: str, sample: pd.DataFrame, *, database: bool) -> TableMapping:
    """Return the mapping of a table to its source."""
    columns, free = dict[str, SourceColumn](), list(map(str, sample.columns))
    for column, spec in sorted(TABLES[name].items(), key=lambda part: not part[1].required):
        found = column_of(name, column, free)
        if found is None and column == "insurer":
            columns[column] = SourceColumn(value="own")  # of one insurer: its tables do not name it
        if found is None:
            continue
        free.remove(found)
        text = sample[found].dropna().astype(str).str.strip()
        text, is_text = text[text != ""], _is_text(sample[found])
        options: dict[str, Any] = {}
        if spec.kind == "date" or (spec.kind == "whole" and is_text and not text.str.fullmatch(r"\d{1,4}").all()):
            layout = next((each for each in FORMATS if len(text) and all(date_of(v, each) for v in text)), None)
            is_date = not (is_text or pd.api.types.is_integer_dtype(sample[found])) or layout in (None, FORMATS[0])
            options = {} if is_date else {"format": layout}
        elif spec.kind == "number" and is_text:
            options["decimal"] = "," if text.str.contains(r",\d{1,2}$").any() else "."
        if column == "amount" and "cent" in found.casefold():
            options["unit"] = "cents"
        columns[column] = SourceColumn(found, **options)
    return TableMapping(None if database else source, source if database else None, columns)


def _is_text(column: "pd.Series[Any]") -> bool:
    return any(isinstance(value, str) for value in column.dropna())


def _in_cents(tables: ClaimsTables, sample: "pd.Series[Any]") -> bool:
    """Return whether whole amounts, taken as euros, are more than anybody's plausible mean per year."""
    numbers = pd.to_numeric(sample, errors="coerce").dropna()
    if not (numbers == numbers.round()).all():
        return False
    claims = tables.claims
    row = claims.aggregate(
        sum=claims["amount"].sum(), first=claims["date"].min(), last=claims["date"].max()
    ).to_pandas()
    years = max((pd.Timestamp(row["last"][0]) - pd.Timestamp(row["first"][0])).days / DAYS_PER_YEAR, 0.1)
    return bool(float(row["sum"][0]) / len(tables.insured.select("person").to_pandas()) / years > TOO_MUCH)
