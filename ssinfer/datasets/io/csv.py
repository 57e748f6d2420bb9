"""Reads a published table, plain or compressed; damaged tables are refused."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from ssinfer.datasets.io.folders import find_file
from ssinfer.errors import DatasetError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

_OTHER_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


def read_bytes(path: Path, cure: str) -> bytes:
    """Return the bytes of a plain or gzip file; a cut or damaged gzip file is refused."""
    raw = path.read_bytes()
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = (
            f"{path} is truncated or not a gzip file ({error}). Allowed: the publisher's file, compressed as a whole. "
            f"Next step: {cure}."
        )
        raise DatasetError(message) from error


def read_delimited(
    name: str,
    file_name: str,
    folder: str | Path | None,
    *,
    columns: Sequence[str],
    numbers: Sequence[str],
    separator: str = ",",
    text: Mapping[str, type[str]] | None = None,
    missing: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the table `file_name` of the data set `name`, with `columns` present and `numbers` numeric.

    Parameters
    ----------
    name, file_name, folder
        Data set, its file, and where to look (None: under ``SSINFER_DATA_DIR``).
    columns
        Required columns; other columns are kept.
    numbers
        Columns that must hold numbers or missing values.
    separator
        Separator of columns.
    text
        Columns to keep as text, such as codes with leading zeros.
    missing
        Texts that mean a missing value, besides the empty field.

    Raises
    ------
    DatasetError
        The file is absent, truncated or separated otherwise, lacks columns, or holds text in a column of numbers.
    """
    import io  # noqa: PLC0415

    import pandas as pd  # noqa: PLC0415

    path = find_file(name, file_name, folder, fetchable=False)
    raw = read_bytes(path, "download it again")
    header = raw[: raw.find(b"\n")].decode("utf-8-sig", errors="replace")
    other = next((sign for sign in _OTHER_SEPARATORS if sign != separator and sign in header), None)
    if separator not in header:
        got = _OTHER_SEPARATORS[other] if other else "no separator"
        message = (
            f"{path} has {got} in its first line {header[:60]!r}. Allowed: columns separated by {separator!r}. "
            "Next step: download it again."
        )
        raise DatasetError(message)
    try:
        frame = pd.read_csv(
            io.BytesIO(raw),
            sep=separator,
            encoding="utf-8-sig",
            dtype=dict(text or {}),
            na_values=list(missing),
            keep_default_na=True,
        )
    except (ValueError, pd.errors.ParserError) as error:
        message = f"{path} cannot be read: {error}. Allowed: whole rows of UTF-8. Next step: download it again."
        raise DatasetError(message) from error
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        message = (
            f"{path} lacks the columns {', '.join(absent)}. {did_you_mean(absent[0], frame.columns)} "
            "Next step: download the publisher's file again."
        )
        raise DatasetError(message)
    _refuse_cut_row(path, raw, separator, frame)
    for column in numbers:
        _refuse_text(path, column, frame[column])
    return frame


def _refuse_cut_row(path: Path, raw: bytes, separator: str, frame: pd.DataFrame) -> None:
    """Refuse a last row with too few fields, which a CSV reader would fill with missing values."""
    last = raw.rstrip(b"\r\n").rsplit(b"\n", 1)[-1].decode("utf-8-sig", errors="replace")
    if '"' in last:
        return  # quoted fields may hold the separator: pandas has read them
    fields = last.count(separator) + 1
    if fields != frame.shape[1] or not len(frame):
        message = (
            f"{path}: the last row has {fields} fields, the header {frame.shape[1]}: the file is truncated. "
            "Allowed: whole rows. Next step: download it again."
        )
        raise DatasetError(message)


def _refuse_text(path: Path, column: str, values: pd.Series[float]) -> None:
    import pandas as pd  # noqa: PLC0415

    if pd.api.types.is_numeric_dtype(values):
        return
    bad = values[pd.to_numeric(values, errors="coerce").isna() & values.notna()]
    value = bad.iloc[0] if len(bad) else values.iloc[0]
    why = " with a decimal comma" if "," in str(value) else ""
    message = (
        f"{path}: column {column} holds {value!r}, which is not a number{why}. Allowed: numbers with a decimal point. "
        "Next step: download the publisher's file again."
    )
    raise DatasetError(message)
