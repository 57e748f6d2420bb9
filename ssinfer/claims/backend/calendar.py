"""Periods as an Ibis table and dates as whole days, so that all backends count alike."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Self

import ibis
import numpy as np
import pandas as pd

from ssinfer.errors import ClaimsError, DataError, raised_as
from ssinfer.periods import PER_YEAR, Frequency, consecutive, read_periods

EPOCH = dt.date(1970, 1, 1)


def day_of(date: dt.date) -> int:
    """Return the number of days since 1970-01-01."""
    return (date - EPOCH).days


@dataclass(frozen=True, eq=False)
class Calendar:
    """The T periods of a study. Days count from 1970-01-01; last days are included."""

    periods: tuple[Any, ...]
    frequency: Frequency
    number: int
    first: tuple[int, ...]
    last: tuple[int, ...]
    year: tuple[int, ...]

    @classmethod
    def of(cls, periods: Any) -> Self:
        """Return the calendar of consecutive years, quarters or months."""
        labels = tuple(periods)
        with raised_as(ClaimsError, of=DataError):
            timeline = consecutive(labels)
        periods = timeline.periods or ()
        return cls(
            labels,
            periods[0].frequency,
            periods[0].number,
            tuple(day_of(period.first_day) for period in periods),
            tuple(day_of(period.end) - 1 for period in periods),
            tuple(period.first_day.year for period in periods),
        )

    def position(self, label: Any) -> int:
        """Return the position of a period; an unknown period is refused with the study's range."""
        timeline = read_periods(self.periods)
        column = timeline.column(label)
        if column is None:
            raise ClaimsError(f"Period {label!r} is not in the study, which has {timeline.describe()}.")
        return column

    @property
    def year_days(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Days of each period's calendar year (T,)."""
        return np.array([day_of(dt.date(y + 1, 1, 1)) - day_of(dt.date(y, 1, 1)) for y in self.year], dtype=np.int64)

    def table(self, *, by_year: bool = False) -> Any:
        """Return an Ibis table: t, p_first, p_last, year, year_days; by calendar year inside the study without t."""
        columns = {"p_first": self.first, "p_last": self.last, "year": self.year, "year_days": self.year_days}
        frame = pd.DataFrame({"t": range(len(self.periods)), **columns})
        if by_year:
            years = frame.groupby(["year", "year_days"], as_index=False)
            frame = years.agg({"p_first": "min", "p_last": "max"})
        return ibis.memtable(frame, schema=dict.fromkeys(frame.columns, "int64"))

    def running(self, date: Any) -> Any:
        """Return the position of a date's period as an Ibis expression: 0 to T-1 inside the study."""
        running = date.year().cast("int64") * PER_YEAR[self.frequency]
        if self.frequency != "year":
            part = date.quarter() if self.frequency == "quarter" else date.month()
            running = running + part.cast("int64") - 1
        return running - self.number

    def last_month(self, t: Any) -> Any:
        """Return the running month (12 year + month - 1) in which period t ends, as an Ibis expression."""
        step = 12 // PER_YEAR[self.frequency]
        return (t + self.number) * step + step - 1


def overlap(spans: Any, periods: Any) -> Any:
    """Return spans (lo, hi) joined with the periods they touch; `days` is the number of days in both."""
    joined = spans.join(periods, [spans["lo"] <= periods["p_last"], spans["hi"] >= periods["p_first"]])
    days = ibis.least(joined["hi"], joined["p_last"]) - ibis.greatest(joined["lo"], joined["p_first"]) + 1
    return joined.mutate(days=days)


def epoch_day(date: Any) -> Any:
    """Return a date as days since 1970-01-01, as an Ibis expression."""
    return date.epoch_days().cast("int64")


def january_first(year: Any) -> Any:
    """Return the first day of a year as days since 1970-01-01, as an Ibis expression."""
    # Days before year y of the Gregorian calendar, by whole-number arithmetic that all backends share.
    before = year - 1
    leap = (before / 4).floor() - (before / 100).floor() + (before / 400).floor()
    return (before * 365 + leap).cast("int64") - 719162


def running_month(date: Any) -> Any:
    """Return 12 year + month - 1 as an Ibis expression."""
    return date.year().cast("int64") * 12 + date.month().cast("int64") - 1


def months_until(date: dt.date) -> int:
    """Return the running month (12 year + month - 1) of the last month that is over at the end of a day."""
    after = date + dt.timedelta(days=1)
    return after.year * 12 + after.month - 2
