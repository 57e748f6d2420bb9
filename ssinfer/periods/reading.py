"""Timeline: the periods of a whole column, under the reading that fits all labels best."""

import datetime as dt
import numbers
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from ssinfer.errors import AmbiguousPeriodsError, DataError
from ssinfer.periods.period import FREQUENCIES, PER_YEAR, WITH_SEASONS, Frequency, Period, of_day, plural
from ssinfer.periods.spelling import as_day, as_text, candidates, has_fraction, running_number


@dataclass(frozen=True, eq=False)
class Timeline:
    """Labels of a column in the order of time."""

    labels: tuple[Any, ...]  # as given
    periods: tuple[Period, ...] | None  # None: the labels have no known spelling and are ordered as they sort
    given_per_year: int | None = None  # as stated by the user for labels without a calendar

    @property
    def frequency(self) -> Frequency | None:
        """Frequency of the periods; None for labels without a known spelling."""
        return None if self.periods is None else self.periods[0].frequency

    @property
    def per_year(self) -> int | None:
        """Periods per year; None if it is not known."""
        return self.given_per_year if self.given_per_year is not None else PER_YEAR.get(self.frequency or "")

    @property
    def last_day(self) -> dt.date | None:
        """The last day of the last period; None for labels without a calendar."""
        return self.periods[-1].end - dt.timedelta(1) if self.periods and self.frequency != "ordinal" else None

    def seasons(self) -> int:
        """Return the number of seasons: periods per year of years, quarters and months; others are refused."""
        if self.per_year is not None and (self.given_per_year is not None or self.frequency in WITH_SEASONS):
            return self.per_year
        if self.frequency in (None, "ordinal"):
            raise DataError(
                f"Periods {_shown(self.labels, 3)} have no calendar, so the number of persons and the seasons are not "
                "known. Pass Panel.from_frame(periods_per_year=4) for quarters, 1 for years, or 12 for months."
            )
        raise DataError(
            f"Periods {_shown(self.labels, 3)} are {plural(str(self.frequency))}, for which seasons are not supported. "
            "Aggregate to years, quarters or months."
        )

    def missing(self) -> tuple[str, ...]:
        """Return the labels of the periods that are missing between the first and the last, at the smallest step."""
        if self.periods is None or len(self.periods) < 3:
            return ()
        running = [period.number for period in self.periods]
        absent = sorted(set(range(running[0], running[-1], min(_steps(self.periods)))).difference(running))
        return tuple(Period(self.periods[0].frequency, number).label for number in absent)

    @cached_property
    def _columns(self) -> dict[Any, int]:
        """Return the column of each label and of each period."""
        return {name: column for names in (self.labels, self.periods or ()) for column, name in enumerate(names)}

    def column(self, label: Any) -> int | None:
        """Return the column of a period named in any spelling; None if it is not in the timeline."""
        try:
            if label in self._columns:
                return self._columns[label]
        except TypeError:  # not hashable
            pass
        columns = {self._columns.get(period) for period, same in self._named(label) if same} - {None}
        return columns.pop() if len(columns) == 1 else None

    def begins(self, label: Any) -> int | None:
        """Return the column of the period that begins on the first day of a label's period; None if there is none."""
        if (column := self.column(label)) is not None or self.frequency in (None, "ordinal"):
            return column
        days = {given.first_day for given in candidates(label)}
        columns = [column for column, period in enumerate(self.periods or ()) if period.first_day in days]
        return columns[0] if len(columns) == 1 else None

    def outside(self, label: Any) -> bool:
        """Return whether a label names a period before the first or after the last of the timeline."""
        periods, named = self.periods or (), [period for period, _ in self._named(label)]
        return bool(named) and all(not periods[0] <= period <= periods[-1] for period in named)

    def _named(self, label: Any) -> Iterator[tuple[Period, bool]]:
        """Return each period in which a label's period begins; True if the label names it or begins it."""
        if self.frequency == "ordinal":
            if (read := running_number(label)) is not None:
                yield Period("ordinal", read[1]), True
        elif self.frequency is not None:
            for given in candidates(label):
                if given.frequency == self.frequency:
                    yield given, True
                    continue
                period = of_day(self.frequency, given.first_day)
                finer = PER_YEAR.get(given.frequency, 366) > PER_YEAR.get(self.frequency, 366)
                yield period, finer and given.frequency != "week" and period.first_day == given.first_day

    def describe(self) -> str:
        """Return the timeline in words."""
        count = len(self.labels)
        return f"{count} {plural(self.frequency or 'ordinal', count)}, {self.name(0)} to {self.name(count - 1)}"

    def name(self, column: int) -> str:
        """Return the period of a column in the package's own spelling."""
        if self.periods is None or self.frequency == "ordinal":
            return as_text(self.labels[column])
        return self.periods[column].label


def read_periods(labels: Iterable[Any], per_year: int | None = None) -> Timeline:
    """Read the distinct labels of a column, in any order, by the reading under which the fewest periods are missing."""
    given = tuple(labels)
    if not given:
        raise DataError("There are no periods. Give years (2015), quarters ('2018Q2') or months ('2018-04').")
    kinds = sorted({_kind(label) for label in given})
    if len(kinds) > 1:
        raise DataError(f"Periods mix {' and '.join(kinds)}: {_shown(given)}. Use one type.")
    readings = _calendar_readings(given)
    if not readings:
        return _without_calendar(given, per_year)
    best, timeline = readings[0], _ascending(given, readings[0], per_year)
    for rival in readings[1:]:
        same = all(coarse.first_day == fine.first_day for coarse, fine in zip(best, rival, strict=True))
        if _n_missing(rival) == _n_missing(best) and not same and len(given) > 1:
            either = " or as ".join(
                f"{plural(periods[0].frequency)} ({min(periods).label} to {max(periods).label})"
                for periods in (best, rival)
            )
            raise AmbiguousPeriodsError(
                f"Periods {_shown(given, 4)} can be read as {either}. Write quarters as 2018Q2 and months as 2018-04.",
                timeline.labels,
            )
    return timeline


def _kind(label: Any) -> str:
    """Return the kind of a label: numbers, text, dates, or the name of its type."""
    if as_day(label) is not None:
        return "dates"
    value = label.as_py() if hasattr(label, "as_py") else label
    return "text" if isinstance(value, str) else "numbers" if isinstance(value, numbers.Real) else type(value).__name__


def _shown(labels: Sequence[Any], most: int = 6) -> str:
    return ", ".join(map(repr, labels[:most]))


def _ascending(labels: tuple[Any, ...], periods: tuple[Period, ...], per_year: int | None) -> Timeline:
    order = sorted(range(len(labels)), key=lambda place: periods[place])
    return Timeline(tuple(labels[place] for place in order), tuple(periods[place] for place in order), per_year)


def _calendar_readings(labels: tuple[Any, ...]) -> list[tuple[Period, ...]]:
    """Return the readings that give every label its own period: fewest missing periods first, then coarsest."""
    fraction = any(map(has_fraction, labels))
    options = [{period.frequency: period for period in candidates(label, fraction=fraction)} for label in labels]
    unread = [label for label, option in zip(labels, options, strict=True) if not option]
    if 0 < len(unread) < len(labels) / 2:
        known = next(label for label in labels if label not in unread)
        raise DataError(f"{unread[0]!r} is not a period, but other labels such as {known!r} are. Correct it.")
    common = [frequency for frequency in FREQUENCIES if all(frequency in option for option in options)]
    distinct = [_coarsened(tuple(option[frequency] for option in options)) for frequency in common]
    readings = [periods for periods in distinct if len(set(periods)) == len(periods)]
    if not readings and all(options):
        kinds = sorted({next(iter(option)) for option in options})
        if len(kinds) > 1:
            raise DataError(f"Periods mix {' and '.join(map(plural, kinds))}: {_shown(labels)}. Use one frequency.")
        read = [set(option.values()) for option in options]
        twice = next(label for label, periods in zip(labels, read, strict=True) if read.count(periods) > 1)
        raise DataError(f"Period {twice!r} stands in the column in two spellings. Use one spelling.")
    return sorted(readings, key=lambda periods: (_n_missing(periods), FREQUENCIES.index(periods[0].frequency)))


def _coarsened(periods: tuple[Period, ...]) -> tuple[Period, ...]:
    """Return periods of the coarsest frequency that fits all steps: days that begin or end months are months."""
    days = [period.first_day for period in periods] if periods[0].frequency == "day" else []
    if days and any(all((day + dt.timedelta(days=later)).day == 1 for day in days) for later in (0, 1)):
        periods = tuple(of_day("month", day) for day in days)
    steps, per_year = _steps(periods), PER_YEAR.get(periods[0].frequency, 0)
    for coarse in FREQUENCIES[:3]:
        length = per_year / PER_YEAR[coarse]
        if length > 1 and steps and all(step % length == 0 for step in steps):
            return tuple(of_day(coarse, period.first_day) for period in periods)
    return periods


def _steps(periods: Iterable[Period]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(sorted(period.number for period in periods))]


def _n_missing(periods: Iterable[Period]) -> int:
    return sum(step - 1 for step in _steps(periods))


def _without_calendar(labels: tuple[Any, ...], per_year: int | None) -> Timeline:
    """Return ordinals if the labels hold one running number each, otherwise the labels as they sort."""
    read = [running_number(label) for label in labels]
    ordinals = [entry for entry in read if entry is not None]
    if len(ordinals) < len(labels) or len({prefix for prefix, _ in ordinals}) > 1:
        return Timeline(tuple(sorted(labels)), None, per_year)
    if len(set(ordinals)) < len(ordinals):
        raise DataError(f"Two periods have the same number: {_shown(labels)}. Name each once.")
    return _ascending(labels, tuple(Period("ordinal", number) for _, number in ordinals), per_year)


def parse_period(label: Any) -> Period:
    """Return the period that one label names; a label without a period, or with several, is refused."""
    found = list(candidates(label))
    if not found:
        raise DataError(f"{label!r} is not a period. Write years as 2018, quarters as '2018Q2', months as '2018-04'.")
    if as_day(label) is None and len(found) > 1:
        shown = " or ".join(period.label for period in found)
        raise DataError(f"{label!r} may be {shown}. Write quarters as '2018Q2' and months as '2018-04'.")
    return found[0]


def span(first: Any, last: Any) -> tuple[Any, ...]:
    """Return the labels from `first` to `last`, both included, in the package's own spelling; years are int."""
    low, high = parse_period(first), parse_period(last)
    if low.frequency != high.frequency:
        raise DataError(f"{first!r} is a {low.frequency} and {last!r} a {high.frequency}. Use one frequency.")
    if high < low:
        raise DataError(f"No periods lie between {first!r} and {last!r}. Give the earlier one first.")
    periods = [Period(low.frequency, number) for number in range(low.number, high.number + 1)]
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
