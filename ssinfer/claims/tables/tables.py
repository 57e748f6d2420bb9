"""ClaimsTables: insured, enrolment, deaths, claims and programmes, on any Ibis backend, checked."""

# ruff: noqa: PD003  (Ibis has isnull and notnull only)
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import ibis
import pandas as pd
import pyarrow as pa
from ibis.common.exceptions import TableNotFound

from ssinfer.claims.tables.schema import OPTIONAL_TABLES, TABLES, Column, read_file
from ssinfer.errors import ClaimsError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, eq=False, repr=False)
class ClaimsTables:
    """The five tables of an insurer, as Ibis expressions on one connection.

    ========== ==============================================================================================
    table      columns (in brackets: optional)
    ========== ==============================================================================================
    insured    person, birth_year, sex, [ses], [region]
    enrolment  person, insurer, practice, start, end (first and last day insured; missing end: still insured)
    deaths     person, date (an empty or absent table: nobody died)
    claims     person, date, category, amount, [product_group], [volume], [tariff], [paid], [claim]
    programmes unit, start, end: practices, units or regions under another contract (may be absent)
    ========== ==============================================================================================

    Amounts are in currency. A column of decimals is exact; floating point is rounded to the cent per line, halves up.
    :meth:`open`, :meth:`from_connection` and :meth:`from_frames` make an instance. They check types and the small
    tables. The claims are checked while they are counted.
    """

    connection: Any
    insured: Any
    enrolment: Any
    claims: Any
    deaths: Any = None
    programmes: Any = None

    def __post_init__(self) -> None:
        for name in TABLES:
            table = getattr(self, name)
            if table is None:
                if name not in OPTIONAL_TABLES:
                    names = ", ".join(other for other in TABLES if getattr(self, other) is not None)
                    raise ClaimsError(
                        f"Table {name!r} was not found (found: {names or 'none'}). "
                        f"Its columns: {', '.join(TABLES[name])}."
                    )
                continue
            object.__setattr__(self, name, _conform(name, table))
        present = {name: getattr(self, name) for name in TABLES if "person" in TABLES[name]}
        keys = {name: table.schema()["person"] for name, table in present.items() if table is not None}
        kinds = {name: "text" if kind.is_string() else "whole number" for name, kind in keys.items()}
        if len(set(kinds.values())) > 1:
            listed = ", ".join(f"{kind} in {name}" for name, kind in kinds.items())
            raise ClaimsError(f"Column 'person' is {listed}. Store it as one type in all tables.")
        _check_small_tables(self)

    @classmethod
    def open(
        cls,
        source: str | Path | None = None,
        *,
        memory_limit: str | None = None,
        threads: int | None = None,
        **tables: str | Path,
    ) -> Self:
        """Open Parquet, CSV or a DuckDB file with the embedded DuckDB.

        Parameters
        ----------
        source : path, optional
            A DuckDB file (.duckdb, .db) with tables of these names; or a folder with, per table, ``NAME.parquet``,
            ``NAME.csv``, or a folder ``NAME/`` of such files.
        memory_limit : str, optional
            Limit of DuckDB, for example "4GB"; larger intermediate results go to disk.
        threads : int, optional
        **tables : path
            A file, a folder or a pattern per table, instead of `source` or in addition to it.

        Raises
        ------
        ClaimsError
            A file is absent, or files of one table differ in their columns or types.
        """
        limits = {"memory_limit": memory_limit, "threads": threads}
        settings = {name: limit for name, limit in limits.items() if limit is not None}
        _refuse_unknown(tables)
        path = None if source is None else Path(source)
        if path is not None and path.suffix in (".duckdb", ".db", ".ddb"):
            if not path.is_file():
                raise ClaimsError(f"There is no DuckDB file {path}.")
            connection = ibis.duckdb.connect(path, read_only=True, **settings)
            found = {name: table for name in TABLES if (table := _table(connection, name)) is not None}
        else:
            connection = ibis.duckdb.connect(**settings)
            found = {}
            if path is not None:
                if not path.is_dir():
                    raise ClaimsError(f"{path} is neither a folder nor a DuckDB file. Name the folder of the tables.")
                found = {name: read_file(connection, name, where) for name in TABLES if (where := _place(path, name))}
        found |= {name: read_file(connection, name, Path(where)) for name, where in tables.items()}
        return cls._of(connection, found)

    @classmethod
    def from_connection(cls, connection: Any, **names: str) -> Self:
        """Use tables of an Ibis connection (PostgreSQL, Spark, DuckDB). `names` maps a table to its other name."""
        called = {name: names.get(name, name) for name in TABLES}
        found = {name: table for name in TABLES if (table := _table(connection, called[name])) is not None}
        return cls._of(connection, found)

    @classmethod
    def from_frames(cls, **frames: pd.DataFrame | None) -> Self:
        """Use data frames, in the embedded DuckDB.

        Examples
        --------
        >>> import pandas as pd
        >>> day = pd.Timestamp
        >>> tables = ClaimsTables.from_frames(
        ...     insured=pd.DataFrame({"person": [1], "birth_year": [1950], "sex": ["V"]}),
        ...     enrolment=pd.DataFrame({"person": [1], "insurer": ["A"], "practice": ["p"],
        ...                             "start": [day("2018-01-01")], "end": [day("2018-12-31")]}),
        ...     claims=pd.DataFrame({"person": [1], "date": [day("2018-02-03")], "category": ["gp"], "amount": [10.5]}))
        >>> tables
        ClaimsTables: insured, enrolment, claims on duckdb
        """
        connection = ibis.duckdb.connect()
        _refuse_unknown(frames)
        found = {}
        for name, frame in frames.items():
            if frame is not None:
                # Ibis 12.0 with sqlglot 30 cannot drop the view of a created table, so the frame is registered.
                connection.con.register(name, _arrow(name, frame))
                found[name] = connection.table(name)
        return cls._of(connection, found)

    @classmethod
    def _of(cls, connection: Any, found: Mapping[str, Any]) -> Self:
        return cls(connection, **{name: found.get(name) for name in TABLES})

    def __repr__(self) -> str:
        present = ", ".join(name for name in TABLES if getattr(self, name) is not None)
        return f"ClaimsTables: {present} on {self.connection.name}"


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in names:
        if name not in TABLES:
            raise ClaimsError(f"There is no table {name!r}. {did_you_mean(name, TABLES)}")


def _table(connection: Any, name: str) -> Any:
    try:
        return connection.table(name)
    except TableNotFound:
        return None


def _arrow(name: str, frame: pd.DataFrame) -> pa.Table:
    """Return a frame as an Arrow table; a column without values gets its declared type."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, field in enumerate(table.schema):
        spec = TABLES[name].get(field.name)
        if spec is not None and pa.types.is_null(field.type):
            kind = {"date": pa.date32(), "text": pa.string()}.get(spec.kind, pa.int64())
            table = table.set_column(place, field.name, table.column(place).cast(kind))
    return table


def _place(folder: Path, name: str) -> Path | None:
    for path in (folder / f"{name}.parquet", folder / f"{name}.csv", folder / f"{name}.csv.gz", folder / name):
        if path.exists():
            return path
    return None


def _conform(name: str, table: Any) -> Any:
    """Return the table with its known columns, dates as dates; refuse missing columns and wrong types."""
    schema = table.schema()
    columns = {}
    for column, spec in TABLES[name].items():
        if column not in schema:
            if spec.required:
                raise ClaimsError(f"Table {name!r} has no column {column!r}. {did_you_mean(column, schema.names)}")
            continue
        columns[column] = _typed(name, column, spec, table[column], schema[column])
    return table.select(**columns)


def _typed(name: str, column: str, spec: Column, value: Any, kind: Any) -> Any:
    fits = {
        "key": kind.is_integer() or kind.is_string(),
        "text": kind.is_string() or kind.is_integer(),
        "whole": kind.is_integer(),
        "number": kind.is_numeric(),
        "date": kind.is_date() or kind.is_timestamp(),
    }[spec.kind]
    if kind.is_null() and spec.missing:
        return ibis.null("date" if spec.kind == "date" else "string").name(column)
    if not fits:
        wanted = {"key": "a whole number or text", "whole": "a whole number", "number": "a number (decimal)"}
        cure = " Read the file with the right decimal mark." if spec.kind == "number" and kind.is_string() else ""
        raise ClaimsError(
            f"Column {column!r} of table {name!r} is of type {kind}; {wanted.get(spec.kind, 'a ' + spec.kind)} is "
            f"needed.{cure}"
        )
    if spec.kind == "date":
        return value.cast("date") if not kind.is_date() else value
    if spec.kind == "text":
        return value.cast("string") if not kind.is_string() else value
    return value


def _check_small_tables(tables: ClaimsTables) -> None:
    for name in ("insured", "enrolment", "claims"):
        table = getattr(tables, name)
        if not len(table.select(next(iter(TABLES[name]))).limit(1).to_pandas()):
            raise ClaimsError(f"Table {name!r} is empty. Load its rows first.")
    insured, enrolment = tables.insured, tables.enrolment
    row = insured.aggregate(
        n=insured.count(),
        persons=insured["person"].nunique(),
        **{name: insured[name].isnull().sum() for name in ("birth_year", "sex")},
    )
    row = row.to_pandas().iloc[0]
    if row["persons"] != row["n"]:
        raise ClaimsError(
            f"Table 'insured' has {int(row['n']):,} rows for {int(row['persons']):,} persons (a missing identifier "
            "counts as none). Keep one row per person."
        )
    for name in ("birth_year", "sex"):
        if row[name]:
            raise ClaimsError(
                f"{name} is missing for {int(row[name]):,} persons of table 'insured'. Complete it first."
            )
    wrong = enrolment.filter(enrolment["end"] < enrolment["start"])
    empty = enrolment.aggregate(
        reversed=(enrolment["end"] < enrolment["start"]).sum(),
        unstarted=(enrolment["start"].isnull() | enrolment["person"].isnull()).sum(),
        unnamed=(enrolment["practice"].isnull() | enrolment["insurer"].isnull()).sum(),
    ).to_pandas()
    counts = {name: 0 if pd.isna(value) else int(value) for name, value in empty.iloc[0].items()}
    if counts["reversed"]:
        first = wrong.limit(1).to_pandas().iloc[0]
        raise ClaimsError(
            f"{counts['reversed']:,} enrolment spans end before they start, first person {first['person']!r}: "
            f"{first['start']:%Y-%m-%d} to {first['end']:%Y-%m-%d}. Correct them at the source."
        )
    if counts["unstarted"]:
        raise ClaimsError(f"{counts['unstarted']:,} enrolment spans have no person or no start. Complete them first.")
    if counts["unnamed"]:
        raise ClaimsError(
            f"{counts['unnamed']:,} enrolment spans name no practice or no insurer. Give spans without a practice "
            "a label such as 'none'; a population can leave it out, and the attrition table counts it."
        )
