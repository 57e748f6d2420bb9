"""Reads a panel file (CSV, a spreadsheet or Parquet) as a long frame; what was guessed is said, damage refused."""

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ssinfer.datasets.io.csv import damaged, read_bytes, read_delimited
from ssinfer.datasets.io.layout import Layout, decode, find_header, guess_separator, last_row, split
from ssinfer.datasets.io.number_text import read_numbers
from ssinfer.datasets.io.wide import long_frame
from ssinfer.errors import DatasetError, did_you_mean
from ssinfer.finding import Finding
from ssinfer.input_table import plain_value
from ssinfer.periods import plain_label
from ssinfer.periods.spelling import as_text
from ssinfer.sentences import refuse

TEXTS, SHEETS = (".csv", ".txt", ".tsv", ".gz"), (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
CURE = "export it again"


@dataclass(frozen=True)
class PanelFile:
    """A panel file as a long frame, the layout in which it was read, and what was guessed or is in doubt."""

    frame: pd.DataFrame
    layout: Layout
    findings: tuple[Finding, ...] = ()


def read_panel_file(path: str | Path, unit: str = "unit", layout: Layout | None = None) -> pd.DataFrame:
    """Read a long table with one row per unit and period; labels of units and dates become text; doubts are refused."""
    file = open_panel_file(path, unit, layout=layout)
    refuse(file.findings, (), DatasetError)
    return file.frame


def open_panel_file(
    path: str | Path,
    unit: str = "unit",
    period: str = "period",
    spending: str = "spending",
    layout: Layout | None = None,
    labels: Sequence[str] = (),
) -> PanelFile:
    """Read a panel file, and say what was guessed; `layout` overrules guesses, and `labels` are columns of text."""
    path, layout = Path(path), layout or Layout()
    suffix = path.suffix.lower()
    if suffix not in (".parquet", *TEXTS, *SHEETS):
        raise DatasetError(f"{path} is not a panel file: its name must end in .csv, .xlsx or .parquet. Export it so.")
    folder = suffix == ".parquet" and path.is_dir()  # Spark writes a folder of parts
    try:
        raw = b"" if folder else read_bytes(path, CURE)
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror}. Check the path.") from None
    if suffix == ".parquet":
        file = PanelFile(_parquet(path, None if folder else raw), layout)
    else:
        file = _text(path, raw, layout) if suffix in TEXTS else _sheet(path, raw, layout)
    frame, findings = file.frame, list(file.findings)
    if layout.wide or (layout.wide is None and period not in frame):
        melted = long_frame(frame, period or "period", spending)
        if melted is None and layout.wide:
            raise DatasetError(f"{path}: wide = true, but no three columns are periods. Write wide = false.")
        if melted is not None:
            frame = melted[0]
            findings.append(melted[1])
    decimal, doubts = layout.decimal, list[Finding]()
    if suffix != ".parquet" or decimal:  # the columns of Parquet have their types
        frame, decimal, doubts = read_numbers(frame, {unit, period, *labels}, decimal)
    if unit in frame:
        frame[unit] = frame[unit].map(_unit_label)
    if period in frame:
        plain = read_numbers(frame[[period]], (), ".")[0]
        frame[period] = plain[period] if pd.api.types.is_numeric_dtype(plain[period]) else frame[period].map(_blank)
    for name in frame.columns:
        if pd.api.types.infer_dtype(frame[name]) in ("date", "datetime64", "datetime"):
            frame[name] = frame[name].map(plain_label, na_action="ignore").astype(object)
    used = replace(file.layout, decimal=decimal)
    if suffix in TEXTS:
        numbers = {"separator": used.separator, "decimal": decimal or ".", "encoding": used.encoding}
        findings.insert(0, Finding("reader.layout", {**numbers, "header": used.header}, refuses=False))
    return PanelFile(frame, used, (*findings, *doubts))


def _unit_label(value: Any) -> Any:
    """Return the label of a unit as text; "NA" is one, and only an empty field is missing."""
    value = plain_value(value)
    return None if value is None or value != value or value == "" else str(value)  # noqa: PLR0124  (NaN)


def _blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _text(path: Path, raw: bytes, layout: Layout) -> PanelFile:
    """Return the table of a delimited text, all of it as text."""
    text, encoding = decode(path, raw, layout.encoding, CURE)
    whole = text.endswith("\n")
    lines = text.removeprefix("\ufeff").rstrip("\n").split("\n")
    lines = ["", *lines[1:]] if lines[0].lower().strip('"').startswith("sep=") else lines
    separator = layout.separator or guess_separator(lines) or ","
    header, end = _bounds(path, split(lines, separator), layout)
    body = [*[""] * header, *lines[header:end]]  # lines keep their numbers
    below = [line for line in lines[end:] if line.strip(f' "{separator}')]
    content = ("\n".join(body) + ("\n" if whole or end < len(lines) else "")).encode()
    options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "decimal_comma": True}
    frame = _filled(read_delimited(path, content, CURE, separator=separator, **options))
    used = replace(layout, separator=separator, encoding=encoding, header=header + 1)
    return PanelFile(frame, used, _below(below))


def _sheet(path: Path, raw: bytes, layout: Layout) -> PanelFile:
    """Return the table of a sheet of a spreadsheet: the one stated, or the largest."""
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        if layout.sheet is not None and layout.sheet not in book.sheet_names:
            raise DatasetError(f"{path}: no sheet {layout.sheet!r}. {did_you_mean(layout.sheet, book.sheet_names)}")
        names = [layout.sheet] if layout.sheet else book.sheet_names
        sheets = {name: book.get_sheet_by_name(name).to_python() for name in names}
    except (CalamineError, OSError) as error:
        problem = f" is damaged, or no spreadsheet ({' '.join(str(error).split())[:160]})"
        raise damaged(path, problem, f"save it again, or {CURE} as CSV", "a spreadsheet without a password") from None
    name, rows = max(sheets.items(), key=lambda sheet: len(sheet[1]))
    if not rows:
        raise damaged(path, f": sheet {name!r} is empty", CURE, "a sheet with a table")
    header, end = _bounds(path, rows, layout)
    below = [" ".join(str(cell) for cell in row if cell != "") for row in rows[end:]]
    titles = [as_text(plain_label(cell)) for cell in rows[header]]
    if twice := [title for title in titles if title and titles.count(title) > 1]:
        raise DatasetError(f"{path}: column {twice[0]!r} occurs {titles.count(twice[0])} times. Rename the others.")
    frame = pd.DataFrame([[_midnight(cell) for cell in row] for row in rows[header + 1 : end]], dtype=object)
    frame = _filled(frame.set_axis([title or f"Unnamed: {place}" for place, title in enumerate(titles)], axis=1))
    findings = [*_below([line for line in below if line])]
    if len(sheets) > 1:
        findings.append(Finding("reader.sheet", {"sheet": name, "sheets": tuple(sheets)}, refuses=False))
    return PanelFile(frame, replace(layout, sheet=name, header=header + 1), tuple(findings))


def _midnight(cell: Any) -> Any:
    return cell.date() if isinstance(cell, dt.datetime) and cell.time() == dt.time() else cell


def _bounds(path: Path, rows: Sequence[Sequence[Any]], layout: Layout) -> tuple[int, int]:
    """Return the number of the header's row, and of the first row below the table."""
    if layout.header is not None and not 1 <= layout.header <= len(rows):
        raise DatasetError(f"{path}: header is {layout.header}; allowed: a line from 1 to {len(rows)}.")
    header = find_header(rows) if layout.header is None else layout.header - 1
    return header, last_row(rows, header)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table without blank rows, and without blank columns that have no name."""
    filled = ~frame.isin(["", None])
    kept = [bool(filled[name].any()) or not str(name).startswith("Unnamed: ") for name in frame.columns]
    return frame.loc[filled.any(axis=1), kept].reset_index(drop=True)


def _below(lines: Sequence[str]) -> tuple[Finding, ...]:
    numbers = {"n": len(lines), "line": lines[0][:60] if lines else ""}
    return (Finding("reader.below", numbers, refuses=False),) if lines else ()


def _parquet(path: Path, raw: bytes | None) -> pd.DataFrame:
    """Return the table of a Parquet file, or of a folder of parts."""
    try:
        source = path if raw is None else io.BytesIO(raw)
        table = pq.read_table(source, page_checksum_verification=True)
        text = [field.with_type(pa.string()) if pa.types.is_binary(field.type) else field for field in table.schema]
        frame: pd.DataFrame = table.cast(pa.schema(text)).to_pandas(ignore_metadata=True)
        frame = frame.astype({field.name: float for field in table.schema if pa.types.is_decimal(field.type)})
    except (pa.ArrowException, ValueError, OSError) as error:
        problem = f" is truncated or not a Parquet file ({' '.join(str(error).split())[:160]})"
        raise damaged(path, problem, CURE, "a Parquet file") from None
    return frame
