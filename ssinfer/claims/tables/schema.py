"""Schema of the tables of claims: columns and types, and the reading of files that hold them."""

import csv
import filecmp
import glob
import gzip
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from ssinfer.claims.backend.engine import engine_errors
from ssinfer.claims.tables.table_mapping import TableMapping
from ssinfer.errors import ClaimsError

Kind = Literal["key", "text", "whole", "number", "date"]


@dataclass(frozen=True)
class Column:
    """A column: its kind, whether it is required, and whether values may be missing."""

    kind: Kind
    required: bool = True
    missing: bool = False


# Dates of spans are the first and the last day insured; a missing end means still insured.
TABLES = MappingProxyType(
    {
        "insured": {
            "person": Column("key"),
            "birth_year": Column("whole"),
            "sex": Column("text"),
            "ses": Column("text", required=False, missing=True),
            "region": Column("text", required=False, missing=True),
        },
        "enrolment": {
            "person": Column("key"),
            "insurer": Column("text"),
            "practice": Column("text"),
            "start": Column("date"),
            "end": Column("date", missing=True),
        },
        "deaths": {"person": Column("key"), "date": Column("date")},
        # Claims may lack a person or a date: such lines are counted. `claim` identifies a line, `paid` dates payment.
        "claims": {
            "person": Column("key", missing=True),
            "date": Column("date", missing=True),
            "category": Column("text", missing=True),
            "amount": Column("number"),
            "product_group": Column("text", required=False, missing=True),
            "volume": Column("number", required=False, missing=True),
            "tariff": Column("number", required=False, missing=True),
            "paid": Column("date", required=False, missing=True),
            "claim": Column("key", required=False, missing=True),
        },
        "programmes": {"unit": Column("text"), "start": Column("date"), "end": Column("date", missing=True)},
    }
)
# Tables that may be absent.
OPTIONAL_TABLES = ("deaths", "programmes")
SUFFIXES = (".parquet", ".csv", ".csv.gz")
_DUCKDB_TYPE = {"date": "DATE", "text": "VARCHAR"}


def _source_columns(name: str, mapping: TableMapping) -> dict[str, Column]:
    """Return the columns of the source of a table, by name; dates, and numbers with a decimal mark, are text."""
    parts = {column: mapping.source(column) for column in TABLES[name]}
    return {
        part.column or column: Column("text") if part.decimal or spec.kind == "date" else spec
        for (column, part), spec in zip(parts.items(), TABLES[name].values(), strict=True)
        if part.value is None
    }


def read_file(connection: Any, name: str, path: Path, mapping: TableMapping | None = None) -> Any:
    """Return a table of one file, of all files of a folder, or of a pattern, on an Ibis DuckDB connection."""
    files, columns = table_files(name, path)[0], TABLES[name] if mapping is None else _source_columns(name, mapping)
    suffixes = {_suffix(file).removesuffix(".gz") for file in files}
    if len(suffixes) > 1:
        raise ClaimsError(f"Table {name!r} mixes {' and '.join(sorted(suffixes))} files in {path}. Use one format.")

    def read(*sources: Path) -> Any:
        named, paths = sources[0] if len(sources) == 1 else path, [str(file) for file in sources]
        with engine_errors(f"Table {name!r} could not be read from {named}", columns):
            if suffixes == {".parquet"}:
                return connection.read_parquet(paths)
            header = [column for column in connection.read_csv(paths[0]).schema() if column in columns]
            if not header:
                _refuse_uneven(name, sources[0])
            # The reader would guess dates and labels wrongly in an empty column, or with a code such as 007.
            types = {column: kind for column in header if (kind := _DUCKDB_TYPE.get(columns[column].kind))}
            return connection.read_csv(paths, **({"types": types} if types else {}))

    for file in files if suffixes == {".csv"} else ():
        _refuse_cut(name, file)
    _same_types(name, columns, files, read)
    _refuse_copies(name, files, read)
    table = read(*files)
    if suffixes == {".parquet"}:
        return table
    with engine_errors(f"Table {name!r} could not be read from {path}", columns):
        # Parsed once, so that a wrong value is an error here and not during the count.
        return connection.create_table(f"ssinfer_csv_{name}", table, temp=True)


def table_files(name: str, path: Path) -> tuple[list[Path], int]:
    """Return the files of a table, and the number of hidden ones left out; any other file is refused."""
    if path.is_dir():
        parts = [part for part in path.iterdir() if part.is_dir() and "=" in part.name]  # year=2018: a partition
        found = sorted(file for file in path.rglob("*") if file.is_file()) if parts else sorted(path.iterdir())
    elif set("*?[") & set(str(path)):
        found = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207  (also patterns of folders)
    else:
        found = [path] if path.is_file() else []
    # Systems write "._a.csv" and ".DS_Store", and Spark "_SUCCESS".
    files = [file for file in found if file.name[0] != "." and (file.name[0] != "_" or _suffix(file))]
    for file in files:
        stem = file.name.removesuffix(_suffix(file))
        if not _suffix(file) or not file.is_file() or re.search(r"\.(csv|parquet)\b", stem):
            raise ClaimsError(
                f"{file} is no part of table {name!r}. Allowed: {', '.join(SUFFIXES)}. Move it elsewhere."
            )
    if not files:
        raise ClaimsError(f"Table {name!r}: no Parquet or CSV file at {path}.")
    return files, len(found) - len(files)


def _suffix(file: Path) -> str:
    return next((suffix for suffix in SUFFIXES if file.name.endswith(suffix)), "")


def _refuse_cut(name: str, file: Path) -> None:
    """Refuse a CSV file whose last line or gzip stream has no end: an export that was cut off."""
    last = b""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            if file.suffix != ".gz":
                stream.seek(max(file.stat().st_size - 1, 0))
            while chunk := stream.read(1 << 20):
                last = chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        last = b""
    if last[-1:] not in (b"\n", b"\r"):
        raise ClaimsError(f"Table {name!r}: {file} is cut: its last line has no end. Export it again.")


def _refuse_uneven(name: str, file: Path) -> None:
    """Refuse a CSV file without a header of known columns by its first line that has another number of fields."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open(newline="", errors="replace") as text:
        first = text.readline()
        separator = max(",;|\t", key=first.count)
        for row in (lines := csv.reader(text, delimiter=separator)):
            if row and len(row) != first.count(separator) + 1:
                raise ClaimsError(
                    f"Table {name!r} could not be read from {file}, line {lines.line_num + 1}: it has {len(row)} "
                    f"fields, and the header has {first.count(separator) + 1}. Export the table again."
                )


def _refuse_copies(name: str, files: list[Path], read: Any) -> None:
    """Refuse two files with the same bytes, unless they have no rows."""
    first: dict[int, Path] = {}
    for file in files:
        other = first.setdefault(file.stat().st_size, file)
        if other != file and filecmp.cmp(other, file, shallow=False) and len(read(file).limit(1).to_pandas()):
            raise ClaimsError(
                f"{file} is a copy of {other.name}: table {name!r} would count it twice. Move one of them."
            )


def _same_types(name: str, columns: Collection[str], files: list[Path], read: Any) -> None:
    """Refuse files whose columns differ in kind, for example a person stored as a number and as text."""
    schemas = [read(file).schema() for file in files] if len(files) > 1 else []
    for file, schema in zip(files, schemas, strict=False):
        for column in columns:
            ours, theirs = (_kind(part[column]) if column in part else "absent" for part in (schemas[0], schema))
            if ours != theirs and "missing" not in (ours, theirs):
                raise ClaimsError(
                    f"Files of table {name!r} differ: column {column!r} is {ours} in {files[0].name} and {theirs} in "
                    f"{file.name}. Store it as one type in all files."
                )


def _kind(kind: Any) -> str:
    for name in ("integer", "string", "decimal", "floating", "date", "timestamp", "boolean"):
        if getattr(kind, f"is_{name}")():
            return {"string": "text", "integer": "whole number"}.get(name, name)
    return "missing" if kind.is_null() else str(kind)
