"""Spellings of a period: every reading that one label allows."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.periods.period import Period, of_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Years are read from four digits in this range, so that counts such as 12 are not taken for years.
FIRST_YEAR, LAST_YEAR = 1000, 9999
LARGEST_ORDINAL = 999

MONTHS = {
    name: place
    for place, names in enumerate(
        (
            "jan januari january",
            "feb februari february",
            "mrt maart mar march",
            "apr april",
            "mei may",
            "jun juni june",
            "jul juli july",
            "aug augustus august",
            "sep sept september",
            "okt oktober oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}

_YEAR, _GAP = r"(?P<year>\d{4})", r"[-\s/]?"
_NAMED_MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"


def _part(frequency: Any, per_year: int) -> Callable[[dict[str, str]], Period | None]:
    """Return the reader of a year and the number of a part of it."""

    def read(parts: dict[str, str]) -> Period | None:
        place = MONTHS.get(parts["name"].lower(), 0) if "name" in parts else int(parts["part"])
        return Period(frequency, int(parts["year"]) * per_year + place - 1) if 1 <= place <= per_year else None

    return read


def _week(parts: dict[str, str]) -> Period | None:
    try:
        return of_day("week", dt.date.fromisocalendar(int(parts["year"]), int(parts["part"]), 1))
    except ValueError:
        return None


def _day(parts: dict[str, str]) -> Period | None:
    try:
        return of_day("day", dt.date(int(parts["year"]), int(parts["month"]), int(parts["day"])))
    except ValueError:
        return None


def _fraction(parts: dict[str, str]) -> Period | None:
    quarters = 4 * float(f"0.{parts['part']}")
    return Period("quarter", int(parts["year"]) * 4 + int(quarters)) if quarters.is_integer() else None


_QUARTER, _HALF, _MONTH = _part("quarter", 4), _part("half-year", 2), _part("month", 12)
#: Each spelling, in the order of the documentation. Day-month-year has the day first.
SPELLINGS: tuple[tuple[re.Pattern[str], Callable[[dict[str, str]], Period | None]], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (_YEAR, lambda parts: Period("year", int(parts["year"]))),
        (rf"{_YEAR}{_GAP}[QqKk]\s?(?P<part>[1-4])", _QUARTER),
        (rf"[QqKk]\s?(?P<part>[1-4]){_GAP}{_YEAR}", _QUARTER),
        (rf"{_YEAR}{_GAP}[Hh](?P<part>[12])", _HALF),
        (rf"[Hh](?P<part>[12]){_GAP}{_YEAR}", _HALF),
        (rf"{_YEAR}{_GAP}[Mm](?P<part>\d\d?)", _MONTH),
        (rf"{_YEAR}[-/\s](?P<part>\d\d?)", _MONTH),
        (rf"{_YEAR}[-/\s](?P<part>[1-4])", _QUARTER),
        (rf"(?P<part>\d\d?)[-/\s]{_YEAR}", _MONTH),
        (rf"(?P<part>[1-4])[-/\s]{_YEAR}", _QUARTER),
        (rf"{_YEAR}(?P<part>\d\d?)", _MONTH),
        (rf"{_YEAR}(?P<part>[1-4])", _QUARTER),
        (rf"{_NAMED_MONTH}{_GAP}{_YEAR}", _MONTH),
        (rf"{_YEAR}{_GAP}{_NAMED_MONTH}", _MONTH),
        (rf"{_YEAR}{_GAP}[Ww](?P<part>\d\d?)", _week),
        (rf"[Ww](?P<part>\d\d?){_GAP}{_YEAR}", _week),
        (rf"{_YEAR}[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?)([ T]00:00(:00)?(\.0+)?)?", _day),
        (rf"(?P<day>\d\d?)[-/.](?P<month>\d\d?)[-/.]{_YEAR}", _day),
        (rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)", _day),
        (rf"{_YEAR}\.(?P<part>0|00|25|5|50|75)", _fraction),
    )
)
_RUNNING = re.compile(r"(?P<prefix>\D*?)\s*(?P<number>\d+)")


def has_fraction(label: Any) -> bool:
    """Return whether a label is a year with a fraction, such as 2018.25."""
    return re.fullmatch(rf"{_YEAR}\.\d+", as_text(label)) is not None


def candidates(label: Any, *, fraction: bool = False) -> Iterator[Period]:
    """Return every period that a label may name, one per frequency. `fraction`: 2018 stands for 2018.0, a quarter.

    >>> [period.label for period in candidates("2018-4")], [period.label for period in candidates("K2 2018")]
    (['2018-04', '2018Q4'], ['2018Q2'])
    """
    day = as_day(label)
    if day is not None:
        yield of_day("day", day)
        return
    text = as_text(label)
    if fraction and re.fullmatch(_YEAR, text):
        text = f"{text}.0"
    for pattern, reader in SPELLINGS:
        if (match := pattern.fullmatch(text)) and (period := reader(match.groupdict())) is not None:
            yield period


def running_number(label: Any) -> tuple[str, int] | None:
    """Return the prefix and the number of a text with one running number, such as W10; None for other labels.

    >>> running_number("W10"), running_number(3), running_number("a1b")
    (('w', 10), ('', 3), None)
    """
    match = _RUNNING.fullmatch(as_text(label))
    if match is None or (not match["prefix"] and int(match["number"]) > LARGEST_ORDINAL):
        return None
    return match["prefix"].lower(), int(match["number"])


def as_day(label: Any) -> dt.date | None:
    """Return the day of a date, datetime, Timestamp or Arrow scalar; None for another label.

    A time with a zone gives the local date of its zone. A time of day other than midnight is not a period.
    """
    value = label.as_py() if hasattr(label, "as_py") else label
    if hasattr(value, "to_timestamp") and hasattr(value, "freqstr"):
        return None
    if hasattr(value, "astype") and hasattr(value, "dtype") and str(value.dtype).startswith("datetime64"):
        value = value.astype("datetime64[s]").item()
    if isinstance(value, dt.datetime):
        return value.date() if value.time() == dt.time() else None
    return value if isinstance(value, dt.date) else None


def plain_label(label: Any) -> Any:
    """Return a label that files can hold: numbers and text as they are, dates and pandas Periods as text.

    >>> plain_label(dt.date(2018, 4, 1)), plain_label(2018), plain_label("K2 2018")
    ('2018-04-01', 2018, 'K2 2018')
    """
    value = label.item() if isinstance(label, np.generic) else label
    if isinstance(value, (str, int, float)):
        return value
    day = as_day(label)
    return as_text(label) if day is None else day.isoformat()


def as_text(label: Any) -> str:
    """Return a label as text: 2018.0 as 2018, a pandas Period in its own spelling."""
    value = label.as_py() if hasattr(label, "as_py") else label
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
