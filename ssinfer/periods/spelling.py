"""Spellings of a period: every reading that one label allows."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ssinfer.periods.period import PER_YEAR, Frequency, Period, of_day

LARGEST_ORDINAL = 999
_MONTH_NAMES = (
    "jan januari january, feb februari february, mrt maart mar march, apr april, mei may, jun juni june, "
    "jul juli july, aug augustus august, sep sept september, okt oktober oct october, nov november, dec december"
)
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split(","), start=1) for name in names.split()}

_YEAR, _GAP = r"(?P<year>\d{4})", r"[-\s/]?"
_NAMED_MONTH, _PART = r"(?P<name>[A-Za-z]{3,9})\.?", r"(?P<part>\d\d?)"
_QUARTER, _HALF, _FOURTH = r"[QqKk]\s?(?P<part>[1-4])", r"[Hh](?P<part>[12])", r"(?P<part>[1-4])"
#: Each spelling, in the order of the documentation. Day-month-year has the day first.
SPELLINGS: tuple[tuple[Frequency, tuple[str, ...]], ...] = (
    ("year", (_YEAR,)),
    ("quarter", (f"{_YEAR}{_GAP}{_QUARTER}", f"{_QUARTER}{_GAP}{_YEAR}")),
    ("half-year", (f"{_YEAR}{_GAP}{_HALF}", f"{_HALF}{_GAP}{_YEAR}")),
    ("month", (rf"{_YEAR}{_GAP}[Mm]{_PART}", rf"{_YEAR}[-/\s]?{_PART}", rf"{_PART}[-/\s]{_YEAR}")),
    ("quarter", (rf"{_YEAR}[-/\s]?{_FOURTH}", rf"{_FOURTH}[-/\s]{_YEAR}")),
    ("month", (f"{_NAMED_MONTH}{_GAP}{_YEAR}", f"{_YEAR}{_GAP}{_NAMED_MONTH}")),
    ("week", (f"{_YEAR}{_GAP}[Ww]{_PART}", f"[Ww]{_PART}{_GAP}{_YEAR}")),
    ("day", (rf"{_YEAR}[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?)([ T]00:00(:00)?(\.0+)?)?",)),
    ("day", (rf"(?P<day>\d\d?)[-/.](?P<month>\d\d?)[-/.]{_YEAR}", rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)")),
    ("quarter", (rf"{_YEAR}\.(?P<fraction>0|00|25|5|50|75)",)),
)
_PATTERNS = [(frequency, re.compile(pattern)) for frequency, patterns in SPELLINGS for pattern in patterns]
_RUNNING = re.compile(r"(?P<prefix>\D*?)\s*(?P<number>\d+)")


def has_fraction(label: Any) -> bool:
    """Return whether a label is a year with a fraction, such as 2018.25."""
    return re.fullmatch(rf"{_YEAR}\.\d+", as_text(label)) is not None


def candidates(label: Any, *, fraction: bool = False) -> Iterator[Period]:
    """Return every period that a label may name, one per frequency. `fraction`: 2018 stands for 2018.0, a quarter."""
    day = as_day(label)
    if day is not None:
        yield of_day("day", day)
        return
    text = as_text(label)
    if fraction and re.fullmatch(_YEAR, text):
        text = f"{text}.0"
    for frequency, pattern in _PATTERNS:
        if (match := pattern.fullmatch(text)) and (period := _period(frequency, match.groupdict())) is not None:
            yield period


def _period(frequency: Frequency, parts: dict[str, str]) -> Period | None:
    """Return the period of a year with these parts; None if the calendar has no such period."""
    year, per_year = int(parts["year"]), PER_YEAR.get(frequency, 0)
    if "fraction" in parts:
        part = 1 + int(4 * float(f"0.{parts['fraction']}"))
    else:
        part = MONTHS.get(parts["name"].lower(), 0) if "name" in parts else int(parts.get("part", 1))
    try:
        if frequency == "day":
            return of_day("day", dt.date(year, int(parts["month"]), int(parts["day"])))
        if frequency == "week":
            return of_day("week", dt.date.fromisocalendar(year, part, 1))
    except ValueError:
        return None
    return Period(frequency, year * per_year + part - 1) if 1 <= part <= per_year else None


def running_number(label: Any) -> tuple[str, int] | None:
    """Return the prefix and the number of a text with one running number, such as W10; None for other labels."""
    match = _RUNNING.fullmatch(as_text(label))
    if match is None or (not match["prefix"] and int(match["number"]) > LARGEST_ORDINAL):
        return None
    return match["prefix"].lower(), int(match["number"])


def as_day(label: Any) -> dt.date | None:
    """Return the local day of a date, datetime, Timestamp or Arrow scalar; None for other labels and times of day."""
    value = label.as_py() if hasattr(label, "as_py") else label
    value = value.astype("datetime64[s]").item() if isinstance(value, np.datetime64) else value
    if isinstance(value, dt.datetime):
        return value.date() if value.time() == dt.time() else None
    return value if isinstance(value, dt.date) else None


def plain_label(label: Any) -> Any:
    """Return a label that files can hold: numbers and text as they are, dates and pandas Periods as text."""
    value = label.item() if isinstance(label, np.generic) else label
    if isinstance(value, (str, int, float)):
        return value
    day = as_day(label)
    return as_text(label) if day is None else day.isoformat()


def as_text(label: Any) -> str:
    """Return a label as text: 2018.0 as 2018, a pandas Period in its own spelling."""
    value = label.as_py() if hasattr(label, "as_py") else label
    value = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
