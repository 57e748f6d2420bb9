"""Input tables: pandas, polars and Arrow tables and dicts of arrays as a pandas frame, and its columns by kind."""

import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.errors import DataError, did_you_mean
from ssinfer.typing import Floats

NUMBER_ADVICE = "Store numbers as numbers, with a decimal point and no separators of thousands: 2074.33, not 2,074.33."
_KINDS = {"str": "text", "Timestamp": "dates", "datetime": "dates", "date": "dates", "Timedelta": "durations"}
_LABELS = {"numbers", "Period", *_KINDS.values()}


def plain_value(label: Any) -> Any:
    """Return a numpy scalar as a Python value, and 2015.0 as 2015: equal labels print alike."""
    value = label.item() if isinstance(label, np.generic) else label
    return int(value) if isinstance(value, float) and value.is_integer() else value


def natural_order(labels: Iterable[object]) -> tuple[str, ...]:
    """Return labels as text in ascending order, runs of digits by their number: 'u2' before 'u10'."""
    return tuple(sorted((str(plain_value(label)) for label in labels), key=_natural_key))


@lru_cache(maxsize=2**16)  # designs of placebos name the same donors again and again
def _natural_key(text: str) -> tuple[list[int | str], str]:
    parts = re.split(r"(\d+)", text)  # text and digits by turns
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], text


def read_table(
    data: Any,
    names: Sequence[str],
    error: type[DataError] = DataError,
    argument_of: Mapping[Any, str] = MappingProxyType({}),
    *,
    optional: bool = False,
) -> pd.DataFrame:
    """Return the wanted columns, or index levels, of any table with the Arrow stream interface as a pandas frame.

    `argument_of` has, by name of a column, the argument of Panel.from_frame that names it.
    """
    for name in names:
        if not isinstance(name, str):
            raise error(f"{name!r} is no name of a column; a text is needed.")
    frame = data_frame(data, error)
    frame = frame.reset_index([level for level in frame.index.names if level in names and level not in frame.columns])
    counts = {name: list(frame.columns).count(name) for name in names}
    for name, count in counts.items():
        if not count and not optional:
            raise error(
                f"The frame has no column {name!r}. {did_you_mean(name, frame.columns)}"
                + _how_to_name(argument_of.get(name), [column for column in frame.columns if column not in names])
            )
        if count > 1:
            raise error(f"Column {name!r} occurs {count} times. Keep one of them, or rename the others.")
    if frame.empty and not optional:
        raise error("The table has no rows. Pass a long frame with one row per unit, or person, and period.")
    return frame[[name for name, count in counts.items() if count]].reset_index(drop=True)


def _how_to_name(argument: str | None, columns: list[Any]) -> str:
    """Return how to name the column of an argument of Panel.from_frame; empty for other tables."""
    if argument is None:
        return ""
    cure = f" If it has another name, give it, such as Panel.from_frame({argument}={columns[0]!r})." if columns else ""
    unknown = " If it is unknown, give Panel.from_frame(insured_years=None)."
    return f"{cure}{unknown if argument == 'insured_years' else ''}"


def data_frame(data: Any, error: type[DataError] = DataError) -> pd.DataFrame:
    """Return a table of any accepted class as a pandas frame; other classes are refused."""
    problem = ""
    try:
        if isinstance(data, pd.DataFrame):
            return data
        if isinstance(data, Mapping):
            plain = {name: part.to_pandas() if hasattr(part, "to_pandas") else part for name, part in data.items()}
            return pd.DataFrame({name: getattr(part, "array", part) for name, part in plain.items()})
        if hasattr(data, "__arrow_c_stream__"):
            import pyarrow as pa  # noqa: PLC0415  (slow to load)

            # Whole numbers with missing values would be floats, which do not hold every identifier.
            frame: pd.DataFrame = pa.table(data).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
            return frame
    except (TypeError, ValueError) as reason:
        problem = f" ({' '.join(str(reason).split())[:160]})"
    kind = f"{type(data).__module__}.{type(data).__qualname__}{problem}"
    allowed = "a pandas, polars or Arrow table, or a dict of arrays of one length"
    raise error(f"The data are of class {kind}. Allowed: {allowed}. Convert them first.")


def label_column(column: "pd.Series[Any]", error: type[DataError] = DataError) -> "pd.Series[Any]":
    """Return a column of one kind, whole floats and decimals as whole numbers; mixed kinds are refused."""
    column = _unboxed(column)
    if column.dtype == object:
        kinds = column.dropna().map(_kind)
        rows = list(kinds.drop_duplicates().index)
        if not set(kinds) <= _LABELS:
            raise error(f"Column {column.name!r} holds {kinds[rows[0]]}. A label is a text, a number or a date.")
        if len(rows) > 1:
            seen = " and ".join(f"{kinds[row]} (row {row + 1})" for row in rows[:2])
            raise error(f"Column {column.name!r} mixes {seen}. Use one type of label.")
        if (kinds == "numbers").any():
            column = pd.to_numeric(column)
    if pd.api.types.is_float_dtype(column) and column.notna().all():
        whole = (column == column.round()) & (column.abs() < 2**53)
        column = column.astype(np.int64) if whole.all() else column
    return column


def number_column(column: "pd.Series[Any]", error: type[DataError] = DataError) -> Floats:
    """Return a column as floats; text, dates and durations are refused with the first value and its row."""
    column = _unboxed(column)
    if not pd.api.types.is_numeric_dtype(column):
        kinds = column.dropna().map(_kind)
        wrong = kinds[kinds != "numbers"]
        unread = wrong[pd.to_numeric(column[wrong.index], errors="coerce").isna()] if len(wrong) else wrong
        wrong = unread if len(unread) else wrong  # an unreadable value before a number stored as text
        if len(wrong):
            row, value = wrong.index[0], column[wrong.index[0]]
            raise error(
                f"Column {column.name!r} holds {wrong[row]} in {len(wrong)} rows, first {str(plain_value(value))!r} "
                f"(row {row + 1}). {NUMBER_ADVICE}"
            )
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:
        raise error(f"Column {column.name!r} holds a number of more than 308 digits. {NUMBER_ADVICE}") from None


def _unboxed(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column with the values of categories and of Arrow's types in place of both."""
    if isinstance(column.dtype, pd.CategoricalDtype | pd.ArrowDtype):
        return pd.Series(np.asarray(column), column.index, name=column.name)
    return column


def _kind(value: Any) -> str:
    if isinstance(value, (numbers.Real, Decimal, np.bool_)):
        return "numbers"
    return _KINDS.get(type(value).__name__, "text" if isinstance(value, str) else type(value).__name__)
