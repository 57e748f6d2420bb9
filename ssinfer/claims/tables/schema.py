"""Schema of the tables of claims: columns and types, and the reading of files that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ssinfer.errors import ClaimsError

if TYPE_CHECKING:
    from pathlib import Path

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
_DUCKDB_TYPE = {"date": "DATE", "text": "VARCHAR"}


def read_file(connection: Any, name: str, path: Path) -> Any:
    """Return a table of one file, of all files of a folder, or of a pattern, on an Ibis DuckDB connection."""
    files = _files(name, path)
    suffixes = {_suffix(file) for file in files}
    if len(suffixes) > 1:
        raise ClaimsError(f"Table {name!r} mixes {' and '.join(sorted(suffixes))} files in {path}. Use one format.")
    paths = [str(file) for file in files]
    if suffixes == {".parquet"}:
        _same_types(name, files, connection.read_parquet)
        return connection.read_parquet(paths)

    def read(*sources: str) -> Any:
        # The reader gets the types of dates and labels: it would guess an empty column or a code such as 007 wrongly.
        header = connection.read_csv(sources[0]).schema().names
        kinds = {column: TABLES[name][column].kind for column in header if column in TABLES[name]}
        types = {column: _DUCKDB_TYPE[kind] for column, kind in kinds.items() if kind in _DUCKDB_TYPE}
        return connection.read_csv(list(sources), **({"types": types} if types else {}))

    try:
        _same_types(name, files, read)
        # Parsed once, so that a wrong value is an error here and not during the count.
        return connection.create_table(f"ssinfer_csv_{name}", read(*paths), temp=True)
    except ClaimsError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise ClaimsError(f"Table {name!r} could not be read from {path}: {' '.join(reason[:3])}") from error


def _files(name: str, path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _suffix(file))
    elif any(sign in path.name for sign in "*?["):
        files = sorted(path.parent.glob(path.name))
    else:
        files = [path] if path.is_file() else []
    if not files or not all(_suffix(file) for file in files):
        raise ClaimsError(f"Table {name!r}: no Parquet or CSV file at {path}.")
    return files


def _suffix(file: Path) -> str:
    if file.suffix == ".parquet":
        return ".parquet"
    return ".csv" if ".csv" in file.suffixes[-2:] else ""


def _same_types(name: str, files: list[Path], read: Any) -> None:
    """Refuse files whose columns differ in kind, for example a person stored as a number and as text."""
    if len(files) == 1:
        return
    schemas = [read(str(file)).schema() for file in files]
    kinds = [{column: _kind(kind) for column, kind in schema.items() if column in TABLES[name]} for schema in schemas]
    for file, other in zip(files, kinds, strict=True):
        for column in {**kinds[0], **other}:
            ours, theirs = kinds[0].get(column, "absent"), other.get(column, "absent")
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
