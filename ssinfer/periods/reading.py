"""Timeline: the periods of a whole column, under the reading that fits all labels best."""

from __future__ import annotations

import datetime as dt
import numbers
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ssinfer.errors import AmbiguousPeriodsError, DataError, did_you_mean
from ssinfer.periods.period import PER_YEAR, WITH_SEASONS, Frequency, Period, of_day, plural
from ssinfer.periods.spelling import as_day, as_text, candidates, has_fraction, running_number

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A finer period is read as a coarser one if all labels are this many steps apart: months three apart are quarters.
_COARSER: dict[str, tuple[tuple[Frequency, int], ...]] = {
    "month": (("quarter", 3), ("half-year", 6), ("year", 12)),
    "quarter": (("half-year", 2), ("year", 4)),
    "half-year": (("year", 2),),
}


@dataclass(frozen=True, eq=False)
class Timeline:
    """Labels of a column in the order of time.

    Attributes
    ----------
    labels : tuple
        The labels as given, ascending in time.
    periods : tuple of Period, or None
        Their periods; None if the labels have no known spelling and are ordered as they sort.
    given_per_year : int or None
        Periods per year, as stated by the user for labels without a calendar.
    """

    labels: tuple[Any, ...]
    periods: tuple[Period, ...] | None
    given_per_year: int | None = None
    _columns: dict[Any, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_columns", {label: column for column, label in enumerate(self.labels)})

    @property
    def frequency(self) -> Frequency | None:
        """Frequency of the periods; None for labels without a known spelling."""
        return None if self.periods is None else self.periods[0].frequency

    @property
    def per_year(self) -> int | None:
        """Periods per year; None if it is not known."""
        if self.given_per_year is not None:
            return self.given_per_year
        return PER_YEAR.get(self.frequency or "")

    def seasons(self) -> int:
        """Return the number of seasons: periods per year of years, quarters and months.

        Raises
        ------
        DataError
            The labels have no calendar, or are half-years, weeks or days.
        """
        if self.given_per_year is not None:
            return self.given_per_year
        if self.frequency in WITH_SEASONS:
            return PER_YEAR[str(self.frequency)]
        shown = ", ".join(repr(label) for label in self.labels[:3])
        if self.frequency in (None, "ordinal"):
            raise DataError(
                f"Periods {shown} have no calendar, so the number of persons and the seasons are not known. Pass "
                "periods_per_year to Panel.from_frame (1 for years, 4 for quarters, 12 for months)."
            )
        raise DataError(
            f"Periods {shown} are {plural(str(self.frequency), 2)[2:]}, for which seasons are not supported. Aggregate "
            "to years, quarters or months."
        )

    def missing(self) -> tuple[str, ...]:
        """Return the labels of the periods that are missing between the first and the last, at the smallest step.

        >>> read_periods(["2018Q1", "2018Q2", "2018Q4"]).missing(), read_periods([2016, 2018, 2020]).missing()
        (('2018Q3',), ())
        """
        if self.periods is None or len(self.periods) < 3:
            return ()
        running = [period.number for period in self.periods]
        step = min(later - earlier for earlier, later in pairwise(running))
        absent = [number for number in range(running[0], running[-1], step) if number not in set(running)]
        return tuple(Period(self.periods[0].frequency, number).label for number in absent)

    @cached_property
    def _by_period(self) -> dict[Period, int]:
        return {period: column for column, period in enumerate(self.periods or ())}

    def column(self, label: Any) -> int | None:
        """Return the column of a period named in any spelling; None if it is not in the timeline.

        >>> read_periods(["2018Q1", "2018Q2"]).column("2018-04-01")
        1
        """
        exact = self._exact(label)
        if exact is not None or self.periods is None:
            return exact
        if self.frequency == "ordinal":
            read = running_number(label)
            return None if read is None else self._by_period.get(Period("ordinal", read[1]))
        found = {column for period in candidates(label) if (column := self._match(period)) is not None}
        return found.pop() if len(found) == 1 else None

    def _exact(self, label: Any) -> int | None:
        try:
            return self._columns.get(label)
        except TypeError:  # not hashable
            return None

    def _match(self, period: Period) -> int | None:
        """Return the column of a period, or of the coarser period that a month or day begins."""
        if period.frequency == self.frequency:
            return self._by_period.get(period)
        if period.frequency in ("day", "month", "quarter", "half-year") and self.frequency in PER_YEAR:
            coarse = of_day(self.frequency, period.first_day)
            if coarse.first_day == period.first_day and PER_YEAR.get(period.frequency, 366) > PER_YEAR[self.frequency]:
                return self._by_period.get(coarse)
        return None

    def outside(self, label: Any) -> bool:
        """Return whether a label names a period before the first or after the last of the timeline."""
        if self.periods is None:
            return False
        if self.frequency == "ordinal":
            read = running_number(label)
            named = [] if read is None else [Period("ordinal", read[1])]
        else:
            named = [of_day(self.periods[0].frequency, period.first_day) for period in candidates(label)]
        return bool(named) and all(not self.periods[0] <= period <= self.periods[-1] for period in named)

    def describe(self) -> str:
        """Return the timeline in words.

        >>> read_periods(["2018Q2", "2018Q3"]).describe()
        '2 quarters, 2018Q2 to 2018Q3'
        """
        count = plural(str(self.frequency or "ordinal"), len(self.labels))
        first, last = (self.name(column) for column in (0, len(self.labels) - 1))
        return f"{count}, {first} to {last}"

    def name(self, column: int) -> str:
        """Return the period of a column in the package's own spelling."""
        if self.periods is None or self.frequency == "ordinal":
            return as_text(self.labels[column])
        return self.periods[column].label


def read_periods(labels: Iterable[Any], per_year: int | None = None) -> Timeline:
    """Read the period labels of a whole column.

    The reading is chosen for the column: under it, all labels are distinct and the fewest periods are missing.

    Parameters
    ----------
    labels : iterable
        Distinct labels in any order: int, text, date, datetime, pandas Period or Timestamp, Arrow date or timestamp.
    per_year : int, optional
        Periods per year of labels without a calendar.

    Raises
    ------
    DataError
        Two readings fit equally well, labels mix frequencies or types, or two labels name one period.

    Examples
    --------
    >>> read_periods(["2018-4", "2018-7", "2018-10", "2019-1"]).describe()
    '4 quarters, 2018Q2 to 2019Q1'
    """
    given = tuple(labels)
    if not given:
        raise DataError("There are no periods. Give years (2015), quarters ('2018Q2') or months ('2018-04').")
    kinds = sorted({_kind(label) for label in given})
    if len(kinds) > 1:
        shown = ", ".join(repr(label) for label in given[:6])
        raise DataError(f"Periods mix {' and '.join(kinds)}: {shown}. Use one type.")
    readings = _calendar_readings(given)
    if not readings:
        return _without_calendar(given, per_year)
    scored = sorted(
        ((_n_missing(periods), _grain(frequency), frequency) for frequency, periods in readings.items()),
        key=lambda score: score[:2],
    )
    best = scored[0]
    rivals = [
        score for score in scored[1:] if score[0] == best[0] and not _nested(readings[best[2]], readings[score[2]])
    ]
    if rivals and len(given) > 1:
        first, second = (readings[score[2]] for score in (best, rivals[0]))
        raise AmbiguousPeriodsError(
            f"Periods {', '.join(repr(label) for label in given[:4])} can be read as {plural(best[2], 2)[2:]} "
            f"({min(first).label} to {max(first).label}) or as {plural(rivals[0][2], 2)[2:]} ({min(second).label} to "
            f"{max(second).label}). Write quarters as 2018Q2 and months as 2018-04.",
            tuple(label for _, label in sorted(zip(first, given, strict=True), key=lambda pair: pair[0])),
        )
    periods = readings[best[2]]
    order = sorted(range(len(given)), key=lambda place: periods[place])
    return Timeline(tuple(given[place] for place in order), tuple(periods[place] for place in order), per_year)


def _kind(label: Any) -> str:
    """Return the kind of a label: numbers, text, dates, or the name of its type."""
    if as_day(label) is not None:
        return "dates"
    value = label.as_py() if hasattr(label, "as_py") else label
    if isinstance(value, str):
        return "text"
    return "numbers" if isinstance(value, numbers.Real) else type(value).__name__


def _calendar_readings(labels: tuple[Any, ...]) -> dict[str, tuple[Period, ...]]:
    """Return the readings of a column that give every label a period of its own, by frequency."""
    fraction = any(map(has_fraction, labels))
    options = [{period.frequency: period for period in candidates(label, fraction=fraction)} for label in labels]
    frequencies = set(options[0]).intersection(*options[1:])
    readings: dict[str, tuple[Period, ...]] = {}
    for frequency in frequencies:
        periods = tuple(option[frequency] for option in options)
        if frequency == "day":
            periods, frequency = _of_days(periods)  # noqa: PLW2901  (days that begin months are months)
        if len(set(periods)) < len(periods):
            continue
        coarser, periods = _coarsened(frequency, periods)
        readings.setdefault(coarser, periods)
    if not readings and all(options):
        kinds = sorted({frequency for option in options for frequency in list(option)[:1]})
        if len(kinds) > 1:
            shown = ", ".join(repr(label) for label in labels[:6])
            raise DataError(
                f"Periods mix {' and '.join(plural(kind, 2)[2:] for kind in kinds)}: {shown}. Use one frequency."
            )
        twice = next(
            label for label in labels if sum(set(candidates(label)) == set(candidates(other)) for other in labels) > 1
        )
        raise DataError(f"Period {twice!r} stands in the column in two spellings. Use one spelling.")
    return readings


def _of_days(days: tuple[Period, ...]) -> tuple[tuple[Period, ...], Frequency]:
    """Return months if all days begin a month or all end one, otherwise the days."""
    dates = [day.first_day for day in days]
    if all(date.day == 1 for date in dates) or all((date + dt.timedelta(days=1)).day == 1 for date in dates):
        return tuple(of_day("month", date) for date in dates), "month"
    return days, "day"


def _coarsened(frequency: str, periods: tuple[Period, ...]) -> tuple[Frequency, tuple[Period, ...]]:
    """Return the coarsest frequency whose length divides every step between the periods."""
    steps = [later - earlier for earlier, later in pairwise(sorted(period.number for period in periods))]
    for coarser, length in reversed(_COARSER.get(frequency, ())):
        if steps and all(step % length == 0 for step in steps):
            return coarser, tuple(of_day(coarser, period.first_day) for period in periods)
    return periods[0].frequency, periods


def _n_missing(periods: tuple[Period, ...]) -> int:
    running = [period.number for period in periods]
    return max(running) - min(running) + 1 - len(running)


def _grain(frequency: str) -> int:
    """Return the place of a frequency from coarse to fine."""
    return ("year", "half-year", "quarter", "month", "week", "day").index(frequency)


def _nested(coarse: tuple[Period, ...], fine: tuple[Period, ...]) -> bool:
    """Return whether a finer reading names the same days as a coarser one."""
    return all(a.first_day == b.first_day for a, b in zip(coarse, fine, strict=True))


def _without_calendar(labels: tuple[Any, ...], per_year: int | None) -> Timeline:
    """Return ordinals if the labels hold one running number each, otherwise the labels as they sort."""
    read = [running_number(label) for label in labels]
    ordinals = [entry for entry in read if entry is not None]
    if len(ordinals) == len(labels) and len({prefix for prefix, _ in ordinals}) == 1:
        if len(set(ordinals)) < len(ordinals):
            raise DataError(f"Two periods have the same number: {', '.join(map(repr, labels[:6]))}. Name each once.")
        order = sorted(range(len(labels)), key=lambda place: ordinals[place])
        periods = tuple(Period("ordinal", ordinals[place][1]) for place in order)
        return Timeline(tuple(labels[place] for place in order), periods, per_year)
    return Timeline(tuple(sorted(labels)), None, per_year)


def parse_period(label: Any, among: Iterable[Any] = ()) -> Period:
    """Return the period that one label names.

    Raises
    ------
    DataError
        The label is not a period, or names several.

    >>> parse_period("K2 2018").label
    '2018Q2'
    """
    found = list(candidates(label))
    if not found:
        hint = f" {did_you_mean(label, among)}" if among else ""
        raise DataError(
            f"{label!r} is not a period. Write years as 2018, quarters as '2018Q2', months as '2018-04'.{hint}"
        )
    if as_day(label) is None and len(found) > 1:
        shown = " or ".join(period.label for period in found)
        raise DataError(f"{label!r} may be {shown}. Write quarters as '2018Q2' and months as '2018-04'.")
    return found[0]


def span(first: Any, last: Any) -> tuple[Any, ...]:
    """Return the labels from `first` to `last`, both included, in the package's own spelling; years are int.

    >>> span("2018Q3", "2019Q1"), span(2018, "2019")
    (('2018Q3', '2018Q4', '2019Q1'), (2018, 2019))
    """
    low, high = parse_period(first), parse_period(last)
    if low.frequency != high.frequency:
        raise DataError(f"{first!r} is a {low.frequency} and {last!r} a {high.frequency}. Use one frequency.")
    if high < low:
        raise DataError(f"No periods lie between {first!r} and {last!r}. Give the earlier one first.")
    periods = [low.after(step) for step in range(high.number - low.number + 1)]
    return tuple(period.number if period.frequency == "year" else period.label for period in periods)


def consecutive(labels: Iterable[Any]) -> Timeline:
    """Return the timeline of successive years, quarters or months without gaps; other periods are refused."""
    given = tuple(labels)
    timeline = read_periods(given)
    if timeline.frequency not in WITH_SEASONS:
        raise DataError(f"Periods must be years, quarters or months, got {list(given)[:6]}.")
    if timeline.labels != given or (timeline.periods and _n_missing(timeline.periods)):
        raise DataError(f"Periods must follow each other without gaps, got {list(given)[:6]}.")
    return timeline
