"""Seal: what may be read of the data at signing, which is all before the first performance period."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.errors import StudyError, raised_as
from ssinfer.finding import Finding
from ssinfer.panel import Panel, carried_forward
from ssinfer.periods import parse_period, read_periods, span
from ssinfer.study.config_base import Span
from ssinfer.typing import Floats

if TYPE_CHECKING:
    from ssinfer.study.data import StudyData

EARLIEST_YEAR = 1000  # smaller numbers of periods are no years


@dataclass(eq=False)
class Seal:
    """What may be read at signing.

    Attributes
    ----------
    windows : baseline and performance periods of each design, as the study names them
    as_of : day after which no payment of a claim is known
    months : run-out of claims; a period is read if it is over by `as_of`
    present : whether the data held performance data, or later payments, which were not read
    """

    windows: tuple[tuple[Any, Any], ...]
    as_of: dt.date
    months: int = 0
    present: bool = False

    @property
    def first(self) -> list[Any]:
        """The first performance period of each design."""
        return [part.first if isinstance(part, Span) else part[0] for _, part in self.windows]

    @property
    def start(self) -> dt.date:
        """The first day of the first performance period; DataError for periods without a calendar."""
        return min(parse_period(label).first_day for label in self.first)

    def end_of_claims(self, periods: Iterable[Any]) -> dt.date:
        """Return the first day of claims that is not read: that of the start, or of a period with an open run-out."""
        days = [parse_period(label).first_day for label in periods]
        later = (self.as_of.year * 12 + self.as_of.month) - self.months  # the last month with its run-out over
        later -= (self.as_of + dt.timedelta(days=1)).day != 1
        open_days = [day for day, after in pairwise(days) if self.months and after.year * 12 + after.month - 1 > later]
        return min([self.start, *open_days])

    def before(self, labels: Iterable[Any]) -> tuple[Any, ...]:
        """Return those of the periods that end before the first performance period, ascending."""
        timeline = read_periods(dict.fromkeys(labels))
        columns = [column for label in self.first if (column := timeline.column(label)) is not None]
        end = min(columns, default=len(timeline.labels))
        if not columns and timeline.periods is not None and timeline.frequency != "ordinal":
            end = sum(period.first_day < self.start for period in timeline.periods)
        self.present |= end < len(timeline.labels)
        return timeline.labels[:end]

    def hide(self, data: "StudyData") -> "StudyData":
        """Return data whose panels end before the start and have empty cells in later periods of the windows."""
        if data.claims is None:
            hidden = {id(panel): self._hide(panel) for panel in _panels(data)}
            views = {name: replace(view, panel=hidden[id(view.panel)]) for name, view in data.views.items()}
            whole = data.whole and replace(data.whole, whole=hidden[id(data.whole.whole)], parts={})
            data = replace(data, panel=hidden[id(data.panel)], views=views, whole=whole)
        found = (Finding("performance_not_read", {"as_of": self.as_of}, refuses=False),) if self.present else ()
        return replace(data, findings=(*data.findings, *found))

    def _hide(self, panel: Panel) -> Panel:
        kept = panel.select(periods=self.before(panel.periods))
        with raised_as(StudyError, "windows: the data end before periods of the study, which are not named alike:"):
            named = read_periods(dict.fromkeys(label for pair in self.windows for part in pair for label in _all(part)))
            later: tuple[Any, ...] = named.labels
            if named.periods and named.frequency != "ordinal":  # no period may be missing between
                later = span(kept.timeline.name(len(kept.periods) - 1), named.name(len(named.labels) - 1))
            periods = (*kept.periods, *(label for label in later if kept.timeline.column(label) is None))
        n = len(periods) - len(kept.periods)

        def longer(values: Floats | None) -> Floats | None:
            return None if values is None else np.pad(values, ((0, 0), (0, n)), constant_values=np.nan)

        known: dict[str, Any] = {name: longer(getattr(kept, name)) for name in ("spending", "insured_years")}
        covariates: Any = {name: carried_forward(np.array(longer(values))) for name, values in kept.covariates.items()}
        variance = longer(kept.sampling_variance)
        return replace(kept, periods=periods, sampling_variance=variance, covariates=covariates, **known)


def _panels(data: "StudyData") -> list[Panel]:
    whole = [data.whole.whole] if data.whole else []
    return [data.panel, *(view.panel for view in data.views.values()), *whole]


def _all(part: Any) -> tuple[Any, ...]:
    """Return the periods of a window, also of numbers without a calendar."""
    if not isinstance(part, Span):
        return tuple(part)
    if isinstance(part.first, int) and isinstance(part.last, int) and part.last < EARLIEST_YEAR:
        return tuple(range(part.first, part.last + 1))
    return span(part.first, part.last)
