"""Period: a year, half-year, quarter, month, week or day of the calendar, or an ordinal without a calendar."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

type Frequency = Literal["year", "half-year", "quarter", "month", "week", "day", "ordinal"]

FREQUENCIES: tuple[Frequency, ...] = ("year", "half-year", "quarter", "month", "week", "day")  # from coarse to fine
PER_YEAR: dict[str, int] = {"year": 1, "half-year": 2, "quarter": 4, "month": 12}
WITH_SEASONS = ("year", "quarter", "month")
_LABELS = {"year": "{}", "half-year": "{}H{}", "quarter": "{}Q{}", "month": "{}-{:02d}"}
_FIRST_MONDAY = dt.date(1, 1, 1).toordinal()  # 1 January of year 1 is a Monday


@dataclass(frozen=True, order=True)
class Period:
    """A stretch of time."""

    frequency: Frequency  # "ordinal" for periods without a calendar
    number: int  # successive periods differ by one; of a day, its proleptic ordinal

    @property
    def label(self) -> str:
        """The period in the package's own spelling."""
        if self.frequency == "ordinal":
            return str(self.number)
        if self.frequency == "day":
            return self.first_day.isoformat()
        if self.frequency == "week":
            year, week, _ = self.first_day.isocalendar()
            return f"{year}W{week:02d}"
        year, part = divmod(self.number, PER_YEAR[self.frequency])
        return _LABELS[self.frequency].format(year, part + 1)

    @property
    def first_day(self) -> dt.date:
        """The first day of the period."""
        if self.frequency == "day":
            return dt.date.fromordinal(self.number)
        if self.frequency == "week":
            return dt.date.fromordinal(_FIRST_MONDAY + 7 * self.number)
        year, part = divmod(self.number, PER_YEAR[self.frequency])
        return dt.date(year, part * 12 // PER_YEAR[self.frequency] + 1, 1)

    @property
    def end(self) -> dt.date:
        """The first day after the period."""
        return Period(self.frequency, self.number + 1).first_day

    def months_until(self, day: dt.date) -> int:
        """Return the full months from its end to the end of a day; negative if that is before its end."""
        after = day + dt.timedelta(days=1)
        return 12 * (after.year - self.end.year) + after.month - self.end.month


def of_day(frequency: Frequency, day: dt.date) -> Period:
    """Return the period of a frequency that holds a day."""
    if frequency == "day":
        return Period("day", day.toordinal())
    if frequency == "week":
        return Period("week", (day.toordinal() - _FIRST_MONDAY) // 7)
    per_year = PER_YEAR[frequency]
    return Period(frequency, day.year * per_year + (day.month - 1) * per_year // 12)


def plural(frequency: str, count: int = 2) -> str:
    """Return the word for one period or for several; a period without a calendar is a "period"."""
    return f"{'period' if frequency == 'ordinal' else frequency}{'' if count == 1 else 's'}"
