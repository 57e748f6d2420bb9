"""Reads a panel file, CSV or Parquet, as a long frame; damaged files are refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.datasets.io.csv import damaged, read_delimited
from ssinfer.errors import DatasetError
from ssinfer.periods import plain_label


def read_panel_file(path: str | Path, unit: str = "unit") -> pd.DataFrame:
    """Read a long table with one row per unit and period: comma-separated UTF-8 with decimal points, or Parquet.

    Labels in the column `unit` are kept as text: "0363" stays "0363". Whole numbers that another tool wrote as 2016.0
    are int again; dates are text like "2016-01-31". Absent and damaged files are refused.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise DatasetError(
            f"{path} is not a panel file: its name must end in .csv or .parquet. Export it in that format."
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror}. Check the path.") from None
    if suffix == ".csv":
        cure = "write commas between columns and decimal points in numbers, and export it again"
        frame = read_delimited(path, raw, cure, dtype={unit: str})
    else:
        try:
            frame = pd.read_parquet(io.BytesIO(raw))
        except (ValueError, OSError) as error:
            problem = f" is truncated or not a Parquet file ({' '.join(str(error).split())[:160]})"
            raise damaged(path, problem, "export it again", "a Parquet file") from None
    if unit in frame.columns and frame[unit].notna().all():
        frame[unit] = frame[unit].astype(str)
    for name in frame.columns:
        frame[name] = _plain(frame[name])
    return frame


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return whole-number floats without gaps as int, dates as ISO text, and other columns unchanged."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(column.dt.strftime("%Y-%m-%d"), dtype=object)
    if pd.api.types.infer_dtype(column) == "date":
        return column.map(plain_label, na_action="ignore")
    if pd.api.types.is_float_dtype(column) and column.notna().all():
        values = column.to_numpy(dtype=np.float64)
        if np.isfinite(values).all() and (values == np.round(values)).all() and (np.abs(values) < 2**53).all():
            return column.astype(np.int64)
    return column
