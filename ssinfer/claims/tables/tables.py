"""ClaimsTables: insured, enrolment, deaths, claims and programmes, on any Ibis backend, checked."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.common.exceptions import TableNotFound

from ssinfer.claims.backend.engine import connect, engine_errors
from ssinfer.claims.backend.exact_cents import whole_numbers
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.tables.mapping import map_table
from ssinfer.claims.tables.schema import OPTIONAL_TABLES, SUFFIXES, TABLES, Column, read_file, table_files
from ssinfer.claims.tables.table_mapping import TableMapping
from ssinfer.errors import ClaimsError, did_you_mean
from ssinfer.input_table import NUMBER_ADVICE, label_column, read_table
from ssinfer.look.words import column_of
from ssinfer.names import match_names

NO_MAPPING: Mapping[str, TableMapping] = MappingProxyType({})
BIRTH_YEARS = (1850, 2100)
COVARIATE = Column("text", required=False)
# Kind of a column: in words, and the types of Ibis that fit.
_KINDS = {
    "key": ("a whole number or text", "integer", "string"),
    "text": ("a text", "integer", "string"),
    "whole": ("a whole number", "integer"),
    "number": ("a number (decimal)", "numeric"),
    "date": ("a date", "date", "timestamp"),
}
_REFUSED = {
    "repeated": "rows of table 'insured' repeat a person or have none. Keep one row per person",
    "birth_year": "persons of table 'insured' have no birth_year. Complete it first",
    "sex": "persons of table 'insured' have no sex. Complete it first",
    "unborn": f"persons of table 'insured' have a birth_year outside {BIRTH_YEARS}. Correct them at the source",
    "reversed": "enrolment spans end before they start. Correct them at the source",
    "unstarted": "enrolment spans have no person or no start. Complete them first",
    "unnamed": "enrolment spans name no practice or no insurer. Give spans without a practice a label such as 'none'; "
    "a population can leave it out, and the attrition table counts it",
    "blank": "deaths have no person or no date. Complete them first",
    "dates": "rows of table 'deaths' give a person another date of death. Keep one date per person",
}


@dataclass(frozen=True, eq=False, repr=False)
class ClaimsTables:
    """The five tables of an insurer, as Ibis expressions on one connection.

    ========== ==============================================================================================
    table      columns (in brackets: optional)
    ========== ==============================================================================================
    insured    person, birth_year, sex, [ses], [region], [covariates of any name by which a population is chosen]
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
    insured: Any = None
    enrolment: Any = None
    claims: Any = None
    deaths: Any = None
    programmes: Any = None
    noticed: Mapping[str, int] = field(default_factory=dict)  # hidden files, and deaths that cannot be

    @engine_errors("The tables of claims could not be read")
    def __post_init__(self) -> None:
        present = {name: table for name in TABLES if (table := getattr(self, name)) is not None}
        tables, mistakes = _conform(present)
        _refuse(mistakes)
        for name, table in tables.items():
            object.__setattr__(self, name, table)
        object.__setattr__(self, "noticed", {**self.noticed, **_check_small_tables(self)})

    @classmethod
    @engine_errors("The tables of claims could not be opened")
    def open(
        cls,
        source: str | Path | None = None,
        *,
        memory_limit: str | None = None,
        threads: int | None = None,
        mapping: Mapping[str, TableMapping] = NO_MAPPING,
        **tables: str | Path,
    ) -> Self:
        """Open Parquet, CSV or a DuckDB file with the embedded DuckDB.

        Parameters
        ----------
        source : path, optional
            A DuckDB file (.duckdb, .db) with tables of these names; or a folder with, per table, ``NAME.parquet``,
            ``NAME.csv`` (or ``.csv.gz``), or a folder ``NAME/`` of such files. No other file is read, also not by a
            view of a DuckDB file. Intermediate results go to a temporary folder (TMPDIR), which is removed.
        memory_limit, threads : str, int, optional
            Limits of DuckDB. With a memory limit, for example "4GB", larger intermediate results go to disk.
        mapping : mapping of tables to :class:`TableMapping`, for tables with other names, units or values.
        **tables : path. A file, a folder or a pattern per table, instead of `source` or in addition to it.

        Raises
        ------
        ClaimsError
            A file is absent, cut or no part of its table, or files of one table differ in their columns or types. All
            mistakes of `mapping` are in one message.
        """
        limits: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads}
        settings = {name: limit for name, limit in limits.items() if limit is not None}
        match_names((*tables, *mapping), TABLES, "There is no table", ClaimsError)
        if any(re.search(r"\w:/+[^/]*@|://", str(given)) for given in (source, *tables.values())):
            raise ClaimsError(
                "The claims are on a server. In a study, write [data] connection = 'postgres://USER@HOST/DATABASE'; in "
                "Python, connect with Ibis, and use ClaimsTables.from_connection."
            )
        path = None if source is None else Path(os.path.abspath(source))  # noqa: PTH100
        base = Path() if path is None else path if path.is_dir() else path.parent
        inside = {name: base / part.file for name, part in mapping.items() if part.file is not None}
        named = {name: Path(os.path.abspath(file)) for name, file in {**inside, **tables}.items()}  # noqa: PTH100
        folders = [_fixed_part(file) for file in named.values()]
        found: dict[str, Any] = {}
        if path is not None and path.suffix in (".duckdb", ".db", ".ddb"):
            if not path.is_file():
                raise ClaimsError(f"There is no DuckDB file {path}.")
            connection = connect(folders, path, **settings)
            files, mistakes = {}, _find_tables(connection, {}, mapping, found)
        else:
            if path is not None and not path.is_dir():
                raise ClaimsError(f"{path} is neither a folder nor a DuckDB file. Name the folder of the tables.")
            files = {n: f for n in TABLES if n not in named and (f := path and _file_of(path, n))}
            absent = [name for name in TABLES if name not in (*OPTIONAL_TABLES, *files, *named)]
            mistakes = list[str]()
            if path and absent:
                there = ", ".join(sorted(file.name for file in path.iterdir())[:20]) or "no files"
                mistakes.append(
                    f"{path} has no table {', '.join(map(repr, absent))}. It has {there}. Allowed: "
                    f"{absent[0]}.parquet, {absent[0]}.csv or a folder {absent[0]}. Rename the file, or name it in "
                    f"[data.tables.{absent[0]}] as file = ..., which `ssinfer new --claims` proposes."
                )
            connection = connect([*folders, *([path] if path else [])], **settings)
        files |= named
        for name, file in files.items():
            with collected(mistakes):
                found[name] = read_file(connection, name, file, mapping.get(name))
        hidden = 0 if mistakes else sum(table_files(name, file)[1] for name, file in files.items())
        return cls._mapped(connection, found, mapping, mistakes, {"hidden files": hidden} if hidden else {})

    @classmethod
    @engine_errors("The tables of claims could not be found")
    def from_connection(
        cls, connection: Any, *, mapping: Mapping[str, TableMapping] = NO_MAPPING, **names: str
    ) -> Self:
        """Use tables of an Ibis connection (PostgreSQL, Spark, DuckDB).

        Parameters
        ----------
        connection : Ibis connection
        mapping : mapping of tables to :class:`TableMapping`, for tables with other names, units or values.
        **names : str. Other name per table; also the `table` of its mapping.
        """
        match_names((*names, *mapping), TABLES, "There is no table", ClaimsError)
        found: dict[str, Any] = {}
        return cls._mapped(connection, found, mapping, _find_tables(connection, names, mapping, found), {})

    @classmethod
    def _mapped(
        cls,
        connection: Any,
        found: dict[str, Any],
        mapping: Mapping[str, TableMapping],
        mistakes: list[str],
        noticed: dict[str, int],
    ) -> Self:
        """Return tables under their mapping; all mistakes of all tables are refused at once."""
        for name in mapping.keys() & found.keys():
            source = found.pop(name)
            with collected(mistakes), engine_errors(f"Table {name!r} could not be read"):
                found[name], wrong, parses = map_table(name, source, mapping[name])
                if parses and not wrong and connection.name != "pyspark":  # parsed once, and not in each count
                    found[name] = Scratch(connection).keep(found[name], permanent=True)
                mistakes += [f"Table {name!r}: {mistake}" for mistake in wrong]
        _refuse(mistakes + _conform(found, complete=False)[1] if mistakes else [])
        return cls(connection, **found, noticed=noticed)

    @classmethod
    def from_frames(cls, **frames: Any) -> Self:
        """Use pandas, polars or Arrow tables, or dicts of arrays, in the embedded DuckDB.

        Dates with a time zone are local dates of that zone.

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
        match_names(frames, TABLES, "There is no table", ClaimsError)
        connection = connect()
        given = {name: frame for name, frame in frames.items() if frame is not None}
        for name, frame in given.items():
            # Ibis 12.0 with sqlglot 30 cannot drop the view of a created table, so the frame is registered.
            connection.con.register(name, _arrow(name, frame))
        return cls(connection, **{name: connection.table(name) for name in given})

    def __repr__(self) -> str:
        present = ", ".join(name for name in TABLES if getattr(self, name) is not None)
        return f"ClaimsTables: {present} on {self.connection.name}"


def _find_tables(
    connection: Any, names: Mapping[str, str], mapping: Mapping[str, TableMapping], found: dict[str, Any]
) -> list[str]:
    """Add the tables of a connection to `found`, and return a mistake for each name that it does not have."""
    mistakes = list[str]()
    for name in TABLES:
        part = mapping.get(name, TableMapping())
        if part.file is None:
            called = part.table or names.get(name, name)
            schema, _, short = called.rpartition(".")
            try:
                found[name] = connection.table(short, database=schema or None)
            except TableNotFound:
                if called != name or name not in OPTIONAL_TABLES:
                    there = connection.list_tables(**({"database": schema} if schema else {}))
                    cure = f"Name it: [data.tables.{name}] table = ..., also SCHEMA.TABLE"
                    mistakes.append(
                        f"Table {name!r}: the database has no {called!r}. {did_you_mean(short, there)} {cure}."
                    )
    return mistakes


def _fixed_part(path: Path) -> Path:
    """Return the folder of a file or a pattern."""
    while set("*?[") & set(str(path)) or not path.is_dir():
        path = path.parent
    return path


@contextmanager
def collected(mistakes: list[str]) -> Iterator[None]:
    """Add a ClaimsError of the block to the mistakes."""
    try:
        yield
    except ClaimsError as error:
        mistakes.append(str(error))


def _refuse(mistakes: list[str]) -> None:
    """Refuse mistakes, all in one message."""
    if len(mistakes) == 1:
        raise ClaimsError(mistakes[0])
    if mistakes:
        listed = (f"({number}) {mistake}" for number, mistake in enumerate(mistakes, 1))
        raise ClaimsError("\n".join([f"{len(mistakes)} mistakes in the tables of claims:", *listed]))


def _arrow(name: str, data: Any) -> pa.Table:
    """Return a table as Arrow: labels of one type, whole floats as whole numbers, local dates of time zones."""
    columns = {}
    try:
        others = [str(column) for column in getattr(data, "columns", data)] if name == "insured" else []
        frame = read_table(data, list(dict.fromkeys((*TABLES[name], *others))), ClaimsError, optional=True)
        for column in frame.columns:
            series, kind = frame[column], TABLES[name].get(column, COVARIATE).kind
            values = pa.array(series if kind in ("number", "date") else label_column(series, ClaimsError))
            if pa.types.is_floating(values.type) and kind in ("key", "whole", "text"):
                values = values.cast(pa.int64())
            if pa.types.is_null(values.type):  # a column without values gets its declared type
                values = values.cast({"date": pa.date32(), "text": pa.string()}.get(kind, pa.int64()))
            zoned = pa.types.is_timestamp(values.type) and values.type.tz
            columns[column] = pc.local_timestamp(values) if zoned else values
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise ClaimsError(
            f"Column {column!r} of table {name!r} has values that are not {_KINDS[kind][0]}. Store values of one type."
        ) from None
    except ClaimsError as error:
        raise ClaimsError(f"Table {name!r}: {error}") from None
    return pa.table(columns)


def _file_of(folder: Path, name: str) -> Path | None:
    """Return the file or folder of a table; a second one, and other files that begin with its name, are refused."""
    paths = [folder / f"{name}{suffix}" for suffix in (*SUFFIXES, "") if (folder / f"{name}{suffix}").exists()]
    others = sorted(path for path in folder.glob(f"{name}*") if path not in paths[:1])
    if others:
        held = f"the table is in {paths[0].name}" if paths else "a table is one file or one folder of its name"
        raise ClaimsError(f"{others[0]} is no part of table {name!r}: {held}. Move it elsewhere.")
    return paths[0] if paths else None


def _conform(tables: Mapping[str, Any], *, complete: bool = True) -> tuple[dict[str, Any], list[str]]:
    """Return tables with their known columns, dates as dates; and what is missing or of a wrong type."""
    made, mistakes = dict[str, Any](), list[str]()
    for name, columns in TABLES.items():
        if name in tables:
            table, values = tables[name], dict[str, Any]()
            schema = table.schema()
            for column, spec in columns.items():
                if column in schema:
                    with collected(mistakes):
                        values[column] = _typed(name, column, spec, table[column])
                elif spec.required:
                    guess = column_of(name, column, schema.names)
                    cure = f'Did you mean {guess!r}? Write [data.tables.{name}] columns = {{ {column} = "{guess}" }}.'
                    cure = cure if guess else did_you_mean(column, schema.names)
                    mistakes.append(f"Table {name!r} has no column {column!r}. {cure}")
            others = [column for column in schema if column not in columns] if name == "insured" else []  # covariates
            if values:
                made[name] = table.select(*others, **values)
        elif complete and name not in OPTIONAL_TABLES:
            mistakes.append(
                f"Table {name!r} was not found (found: {', '.join(tables) or 'none'}). Its columns: "
                f"{', '.join(columns)}."
            )
    keys = {name: table["person"].type() for name, table in made.items() if "person" in table.columns}
    kinds = {name: "text" if kind.is_string() else "whole number" for name, kind in keys.items()}
    if len(set(kinds.values())) > 1 and complete:
        listed = ", ".join(f"{kind} in {name}" for name, kind in kinds.items())
        mistakes.append(f"Column 'person' is {listed}. Store it as one type in all tables.")
    return made, mistakes


def _typed(name: str, column: str, spec: Column, value: Any) -> Any:
    kind, (wanted, *types) = value.type(), _KINDS[spec.kind]
    if kind.is_null() and spec.missing:
        return ibis.null("date" if spec.kind == "date" else "string").name(column)
    if kind.is_timestamp() and kind.timezone and spec.kind == "date":
        raise ClaimsError(
            f"Column {column!r} of table {name!r} is of type {kind}, and a date in UTC can be a day early. Store local "
            "dates, or timestamps without a time zone."
        )
    if not any(getattr(kind, f"is_{name}")() for name in types):
        cure = f" {NUMBER_ADVICE}" if spec.kind == "number" and kind.is_string() else ""
        raise ClaimsError(f"Column {column!r} of table {name!r} is of type {kind}; {wanted} is needed.{cure}")
    if spec.kind == "date" and not kind.is_date():
        return value.cast("date")
    return value.cast("string") if spec.kind == "text" and not kind.is_string() else value


def _check_small_tables(tables: ClaimsTables) -> dict[str, int]:
    """Refuse rows that cannot be, and return the number of deaths that are kept and cannot be."""
    for name in ("insured", "enrolment", "claims"):
        table = getattr(tables, name)
        if not len(table.select(table.columns[0]).limit(1).to_pandas()):
            raise ClaimsError(f"Table {name!r} is empty. Load its rows first.")
    insured, enrolment = tables.insured, tables.enrolment
    _refuse_rows(
        insured,
        repeated=insured.count() - insured["person"].nunique(),
        birth_year=insured["birth_year"].isnull().sum(),
        sex=insured["sex"].isnull().sum(),
        unborn=(~insured["birth_year"].between(*BIRTH_YEARS)).sum(),
    )
    _refuse_rows(
        enrolment,
        reversed=(enrolment["end"] < enrolment["start"]).sum(),
        unstarted=(enrolment["start"].isnull() | enrolment["person"].isnull()).sum(),
        unnamed=(enrolment["practice"].isnull() | enrolment["insurer"].isnull()).sum(),
    )
    if tables.deaths is None:
        return {}
    deaths, known = tables.deaths.distinct(), insured.select(known="person", birth_year="birth_year")
    joined = deaths.left_join(known, deaths["person"] == known["known"])
    blank = joined["person"].isnull() | joined["date"].isnull()
    _refuse_rows(joined, blank=blank.sum(), dates=joined.count() - joined["person"].nunique())
    odd = {
        "deaths of unknown persons": joined["known"].isnull().sum(),
        "deaths before birth": (joined["date"].year() < joined["birth_year"]).sum(),
    }
    return {name: number for name, number in whole_numbers(joined.aggregate(**odd)).items() if number}


def _refuse_rows(table: Any, **counts: Any) -> None:
    """Refuse a table with rows that _REFUSED names; `counts` are their numbers (Ibis)."""
    for name, number in whole_numbers(table.aggregate(**counts)).items():
        if number:
            raise ClaimsError(f"{number:,} {_REFUSED[name]}.")
