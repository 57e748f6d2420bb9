"""Numbers in text, with a decimal point or comma and marks of thousands, read as the whole column allows."""

import re
from collections.abc import Collection
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.finding import Finding

MARKS = {".": "a decimal point", ",": "a decimal comma"}
MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)  # as pandas
_BLANKS = "' \u00a0\u202f\u2019"  # marks of thousands besides the point or the comma
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


@cache
def _form(decimal: str) -> re.Pattern[str]:
    """Return the form of a number with a decimal mark; the other mark, or a blank, may part thousands."""
    group = f"[{',' if decimal == '.' else '.'}{_BLANKS}]"
    whole = rf"[1-9]\d{{0,2}}(?:({group})\d{{3}})(?:\1\d{{3}})*|\d+"
    return re.compile(rf"[+-]?(?:(?:{whole})(?:[{decimal}]\d*)?|[{decimal}]\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def _value(text: str, decimal: str) -> float:
    return float(re.sub(f"[{',' if decimal == '.' else '.'}{_BLANKS}]", "", text).replace(",", "."))


def read_numbers(
    frame: pd.DataFrame, labels: Collection[str], decimal: str | None
) -> tuple[pd.DataFrame, str | None, list[Finding]]:
    """Return the frame with its columns of numbers, the decimal mark that they have, and doubts.

    Each mark is a reading of a column if all its numbers have it. With two readings that differ, the mark of the other
    columns decides; a column whose reading none decides stays text, with a finding that refuses. `labels` are kept.
    """
    texts = {name: _texts(column) for name, column in frame.items() if name not in labels and _may_be_text(column)}
    readings = {
        name: [mark for mark in ([decimal] if decimal else MARKS) if all(map(_form(mark).fullmatch, unique))]
        for name, unique in texts.items()
        if unique
    }
    known = {marks[0] for name, marks in readings.items() if len(marks) == 1 and _marked(texts[name])}
    common = decimal or (known.pop() if len(known) == 1 else None)
    doubts, columns = [], dict[Any, Any]()
    for name, unique in texts.items():
        marks = readings.get(name, [])
        differs = [text for text in unique if len(marks) > 1 and _value(text, ".") != _value(text, ",")]
        if differs and common is None:
            pair = {"point": f"{_value(differs[0], '.'):.15g}", "comma": f"{_value(differs[0], ','):.15g}"}
            doubts.append(Finding("reader.ambiguous", {"column": name, "value": differs[0], **pair}))
        elif marks or not unique:
            columns[name] = _numbers(frame[name], common if common in marks or not marks else marks[0])
    return frame.assign(**dict[str, Any](columns)), common, doubts


def _may_be_text(column: "pd.Series[Any]") -> bool:
    return column.dtype == object or pd.api.types.is_string_dtype(column)


def _marked(texts: Collection[str]) -> bool:
    return any("." in text or "," in text for text in texts)


def _cleaned(value: object) -> object:
    """Return a text without blanks at its ends and the sign of the euro, None for a missing one; "?" for a list."""
    if not isinstance(value, str):
        return "?" if getattr(value, "__hash__", None) is None else value
    return None if value.strip(" \t") in MISSING else value.strip(" \t").removeprefix("€").lstrip(" \u00a0")


def _texts(column: "pd.Series[Any]") -> list[str]:
    """Return the distinct texts of a column that are not missing; one that is no text and no number is kept as text."""
    values = pd.unique(column.dropna().map(_cleaned).dropna())
    kept = [value for value in values if isinstance(value, str) or not isinstance(value, int | float)]
    return [value if isinstance(value, str) else "?" for value in kept]


def _numbers(column: "pd.Series[Any]", mark: str | None) -> "pd.Series[Any]":
    """Return a column as numbers: whole ones if all of them are whole, as pandas reads them."""
    values = column.map(_cleaned)
    number_of = {text: _value(text, mark or ".") for text in pd.unique(values.dropna()) if isinstance(text, str)}
    out = values.map(lambda value: number_of.get(value, value)).astype(np.float64)
    texts = all(_WHOLE.fullmatch(text) for text in number_of) if number_of else (out == out.round()).all()
    whole = bool(texts and len(out) and out.notna().all() and (out.abs() < 2**53).all())
    return out.astype(np.int64) if whole else out
