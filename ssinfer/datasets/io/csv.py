"""Reads a delimited text, plain or compressed; damaged tables are refused."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssinfer.datasets.io.folders import find_file
from ssinfer.errors import DataError, DatasetError, did_you_mean
from ssinfer.input_table import number_column

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


def damaged(path: Path, problem: str, cure: str, allowed: str = "whole rows of UTF-8") -> DatasetError:
    """Return the error of a damaged file: the problem, what is allowed, and the next step."""
    return DatasetError(f"{path}{problem}. Allowed: {allowed}. Next step: {cure}.")


def read_bytes(path: Path, cure: str) -> bytes:
    """Return the bytes of a plain or gzip file; a cut or damaged gzip file is refused."""
    raw = path.read_bytes()
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        problem = f" is truncated or not a gzip file ({error})"
        raise damaged(path, problem, cure, "the publisher's file, compressed as a whole") from error


def plain_lines(raw: bytes) -> bytes:
    """Return a text with plain line ends, without byte-order mark; a spreadsheet's first line "sep=;" becomes blank."""
    plain = raw.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return re.sub(rb'\A"?sep=.?"?(?=\n)', b"", plain, flags=re.IGNORECASE)


def read_delimited(
    path: Path, raw: bytes, cure: str, *, separator: str = ",", decimal_comma: bool = False, **options: Any
) -> pd.DataFrame:
    """Return the table in the bytes (UTF-8 with a header) of a file; a damaged table is refused with `cure`."""
    try:
        plain = plain_lines(raw)
        text = plain.decode().rstrip("\n")
    except UnicodeDecodeError as error:
        line = plain.count(b"\n", 0, error.start) + 1
        raise damaged(path, f", line {line} is not UTF-8: another program has saved the file", cure) from error
    header, *rows = text.lstrip("\n").split("\n")
    first = len(text) - len(text.lstrip("\n")) + 2
    if not header.strip():
        raise damaged(path, " is empty", cure)
    if separator not in header:
        got = next((name for sign, name in _SEPARATORS.items() if sign in header), "no")
        allowed = f"columns separated by {separator!r} and decimal points"
        raise damaged(path, f" has {got} separator in its first line {header[:60]!r}", cure, allowed)
    if not rows:
        raise damaged(path, " has a header and no rows: it is truncated", cure)
    comma = re.compile(rf"(?<![^{separator}])-?\d+,\d+(?![^{separator}])")
    quoted = b'"' in raw  # rows may hold the separator: only the last one is checked
    for number, row in enumerate(rows, start=first):
        last = number == first + len(rows) - 1
        if not row or (quoted and (not last or '"' in row)):
            continue
        if separator != "," and not decimal_comma and (value := comma.search(row)):
            problem = "is written with a decimal comma (a spreadsheet saved the file again)"
            raise damaged(path, f", line {number}: {value[0]!r} {problem}", cure, "decimal points")
        fields, n_columns = row.count(separator) + 1, header.count(separator) + 1
        if fields != n_columns and not (quoted and '"' in header):
            why = "the file is truncated" if last else "the row is damaged"
            why = "unquoted decimal commas do that" if separator == "," and fields > n_columns else why
            raise damaged(path, f", line {number}: {fields} fields, the header has {n_columns}: {why}", cure)
    if not plain.endswith(b"\n"):
        raise damaged(path, ": its last line has no end: it may be cut", f"{cure}; if it is whole, end its last line")
    try:
        frame: pd.DataFrame = pd.read_csv(io.BytesIO(plain), sep=separator, **options)
    except ValueError as error:
        raise damaged(path, f" cannot be read: {' '.join(str(error).split())[:160]}", cure) from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise damaged(path, " has more fields in its rows than in its header: unquoted decimal commas do that", cure)
    return frame


def read_published(
    name: str,
    file_name: str,
    folder: str | Path | None,
    *,
    columns: Sequence[str],
    numbers: Sequence[str] = (),
    separator: str = ",",
    text: Mapping[str, type[str]] | None = None,
    missing: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the table of a data set with `columns` present, `numbers` numeric and `text` as text; else refuse it."""
    cure = "download the publisher's file again"
    path = find_file(name, file_name, folder, fetchable=False)
    raw = read_bytes(path, cure)
    frame = read_delimited(path, raw, cure, separator=separator, dtype=dict(text or {}), na_values=list(missing))
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        hint = did_you_mean(absent[0], frame.columns)
        raise DatasetError(f"{path} lacks the columns {', '.join(absent)}. {hint} Next step: {cure}.")
    for column in numbers:
        try:
            number_column(frame[column])
        except DataError as error:
            raise damaged(path, f": {error}", cure, "numbers with a decimal point") from None
    return frame


def refuse_twice(file_name: str, frame: pd.DataFrame, keys: list[str]) -> None:
    """Refuse a table with two rows of the same keys."""
    twice = frame[frame.duplicated(keys)]
    if len(twice):
        shown = ", ".join(f"{key} {twice.iloc[0][key]}" for key in keys)
        raise DatasetError(f"{file_name} has {shown} twice. Allowed: one row each. Next step: download the file again.")
