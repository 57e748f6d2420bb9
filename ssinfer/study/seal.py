"""Seal: what may be read of the data at signing; Signed: what an agreement then fixes for the run that settles."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.contracts.contract import Contract
from ssinfer.errors import DataError, StudyError, raised_as
from ssinfer.finding import Finding
from ssinfer.panel import Panel, carried_forward
from ssinfer.periods import Period, parse_period, read_periods, span
from ssinfer.typing import Floats

if TYPE_CHECKING:
    from ssinfer.study.data import StudyData


@dataclass(frozen=True, eq=False)
class Signed:
    """What an agreement fixes for the run that settles on it; see :mod:`ssinfer.agreement`.

    Attributes
    ----------
    contracts : contract and sharing rate, by name of the sharing rule
    origins : first performance periods of the placebo windows that were known at signing, by name of fits
    rate : the threshold, a fraction of the benchmark; None: it is learned by the signed rule, or stands in the contract
    rates : the same of each contract year, or block of pooled years, of a term; empty: none is signed as a number
    """

    contracts: Mapping[str, tuple[Contract, float]]
    origins: Mapping[str, tuple[Any, ...]]
    rate: float | None = None
    rates: tuple[float, ...] = ()


@dataclass(eq=False)
class Seal:
    """What may be read at signing.

    Attributes
    ----------
    first, last : first and last performance period of all designs
    as_of : day after which no payment of a claim is known
    months : run-out of claims; a period is read if it is over by `as_of`
    present : whether the data held performance data, or later payments, which were not read
    """

    first: Period
    last: Period
    as_of: dt.date
    months: int = 0
    present: bool = False

    def end_of_claims(self, periods: Iterable[Any]) -> dt.date:
        """Return the first day of claims that is not read: that of the start, or of a period with an open run-out."""
        known = map(parse_period, periods)
        open_days = [p.first_day for p in known if self.months and p.months_until(self.as_of) < self.months]
        return min([self.first.first_day, *open_days])

    def check_baseline(self, periods: Iterable[Any], baseline: Sequence[Any]) -> None:
        """Refuse a baseline of which no period has its run-out over by `as_of`."""
        first, last = parse_period(baseline[0]), parse_period(baseline[-1])
        if first.first_day >= self.end_of_claims(periods):
            raise StudyError(
                f"agreement.as_of is {self.as_of}, and of no baseline period ({first.label} to {last.label}) is the "
                f"run-out of {self.months} months over by then. Allowed: a day before the start, "
                f"{self.first.first_day}, and {self.months} months or more after the end of {first.label}. Give a "
                "later as_of, let the baseline begin earlier, or shorten run_out.months."
            )

    def before(self, labels: Iterable[Any]) -> tuple[Any, ...]:
        """Return those of the periods that end before the first performance period, ascending."""
        timeline = read_periods(dict.fromkeys(labels))
        if timeline.periods is None or timeline.frequency == "ordinal":
            raise StudyError("Periods without a calendar cannot be signed. Name them as 2018, 2018Q2 or 2018-04.")
        end = sum(period.first_day < self.first.first_day for period in timeline.periods)
        self.present |= end < len(timeline.labels)
        return timeline.labels[:end]

    def hide(self, data: "StudyData") -> "StudyData":
        """Return data whose panels end before the start and have empty cells in later periods."""
        if data.claims is None:
            hidden = self._hide
            views = {name: replace(view, panel=hidden(view.panel)) for name, view in data.views.items()}
            whole = data.whole and replace(data.whole, whole=hidden(data.whole.whole), parts={})
            first = next((view.panel for view in views.values()), None) or hidden(data.panel)
            data = replace(data, panel=first, views=views, whole=whole)
        found = (Finding("performance_not_read", {"as_of": self.as_of}, refuses=False),) if self.present else ()
        return replace(data, findings=(*data.findings, *found))

    def _hide(self, panel: Panel) -> Panel:
        kept = panel.select(periods=self.before(panel.periods))
        with raised_as(StudyError, "windows:", DataError):
            later = span(kept.timeline.name(len(kept.periods) - 1), self.last.label)[1:]
        later = tuple(str(label) if isinstance(kept.periods[0], str) else label for label in later)

        def longer(values: Floats | None) -> Floats | None:
            return None if values is None else np.pad(values, ((0, 0), (0, len(later))), constant_values=np.nan)

        covariates: Any = {name: carried_forward(np.array(longer(values))) for name, values in kept.covariates.items()}
        known: Any = {name: longer(getattr(kept, name)) for name in ("spending", "insured_years", "sampling_variance")}
        return replace(kept, periods=(*kept.periods, *later), covariates=covariates, **known)
