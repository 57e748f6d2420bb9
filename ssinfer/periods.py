"""Period labels: years (2018), quarters ("2018Q2") and months ("2018-04"), and their dates."""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from ssinfer.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

Frequency = Literal["year", "quarter", "month"]
PER_YEAR: dict[str, int] = {"year": 1, "quarter": 4, "month": 12}


def number(label: Any) -> tuple[Frequency, int]:
    """Return the frequency of a label and its running number. Successive periods differ by one.

    >>> number("2018Q2"), number(2018)
    (('quarter', 8073), ('year', 2018))
    """
    text = str(label)
    if found := re.fullmatch(r"(\d{4})", text):
        return "year", int(found[1])
    if found := re.fullmatch(r"(\d{4})Q([1-4])", text):
        return "quarter", 4 * int(found[1]) + int(found[2]) - 1
    if found := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text):
        return "month", 12 * int(found[1]) + int(found[2]) - 1
    raise DataError(f"{label!r} is not a period. Write years as 2018, quarters as '2018Q2', months as '2018-04'.")


def label(frequency: Frequency, running: int) -> Any:
    """Return the label of a running number, the inverse of :func:`number`."""
    if frequency == "year":
        return running
    year, part = divmod(running, PER_YEAR[frequency])
    return f"{year}Q{part + 1}" if frequency == "quarter" else f"{year}-{part + 1:02d}"


def span(first: Any, last: Any) -> tuple[Any, ...]:
    """Return the labels from `first` to `last`, both included.

    >>> span("2018Q3", "2019Q1")
    ('2018Q3', '2018Q4', '2019Q1')
    """
    (frequency, low), (other, high) = number(first), number(last)
    if frequency != other:
        raise DataError(f"{first!r} is a {frequency} and {last!r} a {other}. Use one frequency.")
    if high < low:
        raise DataError(f"No periods lie between {first!r} and {last!r}. Give the earlier one first.")
    return tuple(label(frequency, running) for running in range(low, high + 1))


def bounds(period: Any) -> tuple[dt.date, dt.date]:
    """Return the first day of a period and the first day after it.

    >>> [day.isoformat() for day in bounds("2018Q4")]
    ['2018-10-01', '2019-01-01']
    """
    frequency, running = number(period)

    def first_day(running: int) -> dt.date:
        year, part = divmod(running, PER_YEAR[frequency])
        return dt.date(year, part * 12 // PER_YEAR[frequency] + 1, 1)

    return first_day(running), first_day(running + 1)


def missing(periods: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the missing labels of ascending periods, at their smallest step; none for labels of an unknown kind.

    A mixture of years, quarters and months is refused.

    >>> missing((2018, 2019, 2021)), missing(("2018Q1", "2018Q2", "2018Q4")), missing((2016, 2018, 2020))
    ((2020,), ('2018Q3',), ())
    """
    running, back = _running(periods)
    if len(running) < 3:
        return ()
    step = min(later - earlier for earlier, later in pairwise(running))
    if step < 1:
        return ()
    present = set(running)
    return tuple(back(place) for place in range(running[0], running[-1], step) if place not in present)


def seasons(periods: tuple[Any, ...]) -> int:
    """Return the number of periods per year: 4 for quarters, 12 for months, otherwise 1.

    >>> seasons(("2018Q2", "2018Q3")), seasons(("2018-02", "2018-03")), seasons((2018, 2019)), seasons(("a",))
    (4, 12, 1, 1)
    """
    try:
        kinds = {number(_canonical(period))[0] for period in periods}
    except DataError:
        return 1
    return PER_YEAR[kinds.pop()] if len(kinds) == 1 else 1


def _canonical(period: Any) -> str:
    """Return 2018q2 and 2018-Q2 as 2018Q2, 2018M04 as 2018-04."""
    text = re.sub(r"^(\d{4})-?[Qq](\d)$", r"\1Q\2", str(period))
    return re.sub(r"^(\d{4})-?[Mm](\d{2})$", r"\1-\2", text)


def _running(periods: tuple[Any, ...]) -> tuple[list[int], Callable[[int], Any]]:
    """Return the running numbers of labels and the inverse; whole numbers stay, unknown labels give none."""
    if all(isinstance(period, int) for period in periods):
        return list(periods), int
    try:
        found = [number(_canonical(period)) for period in periods]
    except DataError:
        return [], int
    frequency = found[0][0]
    if any(kind != frequency for kind, _ in found):
        kinds = " and ".join(sorted({f"{kind}s" for kind, _ in found}))
        raise DataError(f"Periods mix {kinds}: {list(periods)[:6]}. Use one frequency.")
    return [running for _, running in found], partial(label, frequency)


def consecutive(periods: tuple[Any, ...]) -> Frequency:
    """Return the frequency of successive periods without gaps; other periods are refused."""
    if not periods:
        raise DataError("There are no periods. Give years (2015), quarters ('2018Q2') or months ('2018-04').")
    found = [number(period) for period in periods]
    frequency, first = found[0]
    if found != [(frequency, first + place) for place in range(len(found))]:
        raise DataError(f"Periods must follow each other without gaps, got {list(periods)[:6]}.")
    return frequency
