"""Reads a panel file, CSV or Parquet, as a long frame; damaged files are refused."""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ssinfer.datasets.io.csv import damaged, read_delimited
from ssinfer.errors import DatasetError
from ssinfer.periods import plain_label


def read_panel_file(path: str | Path, unit: str = "unit") -> pd.DataFrame:
    """Read a long table with one row per unit and period, CSV or Parquet; labels of units and dates become text."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise DatasetError(
            f"{path} is not a panel file: its name must end in .csv or .parquet. Export it in that format."
        )
    folder = suffix == ".parquet" and path.is_dir()  # Spark writes a folder of parts
    try:
        raw = b"" if folder else path.read_bytes()
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror}. Check the path.") from None
    if suffix == ".csv":
        cure = "write commas between columns and decimal points in numbers, and export it again"
        frame = read_delimited(path, raw, cure, dtype={unit: str})
        if unit in frame.columns:  # "NA" is a label: only an empty field is missing
            labels = read_delimited(path, raw, cure, usecols=[unit], dtype=str, keep_default_na=False)[unit]
            frame[unit] = labels.where(labels != "")
    else:
        try:
            source = path if folder else io.BytesIO(raw)
            table = pq.read_table(source, page_checksum_verification=True)
            text = [field.with_type(pa.string()) if pa.types.is_binary(field.type) else field for field in table.schema]
            frame = table.cast(pa.schema(text)).to_pandas(ignore_metadata=True)
        except (pa.ArrowException, ValueError, OSError) as error:
            problem = f" is truncated or not a Parquet file ({' '.join(str(error).split())[:160]})"
            raise damaged(path, problem, "export it again", "a Parquet file") from None
    for name in frame.columns:
        if pd.api.types.infer_dtype(frame[name]) in ("date", "datetime64"):
            frame[name] = frame[name].map(plain_label, na_action="ignore").astype(object)
    return frame
