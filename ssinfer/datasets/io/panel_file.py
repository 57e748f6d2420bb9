"""Reads a panel file, CSV or Parquet, as a long frame; damaged files are refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.errors import DatasetError

_SUFFIXES = (".csv", ".parquet")


def read_panel_file(path: str | Path, unit: str = "unit") -> pd.DataFrame:
    r"""Read a long table with one row per unit and period.

    Parameters
    ----------
    path : str or Path
        Comma-separated UTF-8 with a header and decimal points (.csv), or Parquet (.parquet).
    unit : str
        Column of unit labels, kept as text: "0363" stays "0363".

    Returns
    -------
    pandas.DataFrame
        Whole numbers that another tool wrote as 2016.0 are int again; dates are text like "2016-01-31".

    Raises
    ------
    DatasetError
        The file is absent, of another kind, truncated, separated by something else, or written with decimal commas.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "panel.csv"
    ...     _ = path.write_text("unit,period,spending\n0363,2016,2100.5\n")
    ...     read_panel_file(path).iloc[0].to_dict()
    {'unit': '0363', 'period': 2016, 'spending': 2100.5}
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise DatasetError(
            f"{path} is not a panel file: its name must end in {' or '.join(_SUFFIXES)}. Export it in that format."
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror}. Check the path.") from None
    frame = _csv(path, raw, unit) if path.suffix.lower() == ".csv" else _parquet(path, raw)
    if unit in frame.columns and frame[unit].notna().all():
        frame[unit] = frame[unit].astype(str)
    for name in frame.columns:
        frame[name] = _plain(frame[name])
    return frame


def _parquet(path: Path, raw: bytes) -> pd.DataFrame:
    try:
        return pd.read_parquet(io.BytesIO(raw))
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path} is truncated or not a Parquet file ({_first(error)}). Export it again.") from None


def _csv(path: Path, raw: bytes, unit: str) -> pd.DataFrame:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 ({_first(error)}). Export it as UTF-8.") from None
    header = text.partition("\n")[0].strip()
    if not header:
        raise DatasetError(f"{path} is empty. Export it again.")
    if "," not in header:
        other = next((words for sign, words in ((";", "semicolons"), ("\t", "tabs")) if sign in header), None)
        got = f"{other} between its columns" if other else "a single column"
        raise DatasetError(
            f"{path} has {got} ({header[:60]!r}). Write commas between columns and decimal points in numbers."
        )
    try:
        frame = pd.read_csv(io.StringIO(text), dtype={unit: str})
    except ValueError as error:
        raise DatasetError(
            f"{path} is damaged, or has more fields in a row than in its header ({_first(error)}): unquoted decimal "
            "commas do that. Write decimal points, and export it again."
        ) from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise DatasetError(
            f"{path} has more fields in its rows than in its header: unquoted decimal commas do that. Write decimal "
            "points, or name every column."
        )
    last = text.rstrip("\r\n").rsplit("\n", 1)[-1]
    if '"' not in last and last.count(",") + 1 != frame.shape[1]:
        raise DatasetError(
            f"{path} is truncated: its last row has {last.count(',') + 1} fields, the header "
            f"{frame.shape[1]}. Export it again."
        )
    return frame


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return whole-number floats without gaps as int, dates as ISO text, and other columns unchanged."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(column.dt.strftime("%Y-%m-%d"), dtype=object)
    if pd.api.types.is_float_dtype(column) and column.notna().all():
        values = column.to_numpy(dtype=np.float64)
        if np.isfinite(values).all() and (values == np.round(values)).all() and (np.abs(values) < 2**53).all():
            return column.astype(np.int64)
    return column


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
