"""Windows: the contract's baseline, gap and performance period, moved over history."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError
from ssinfer.panel import Panel


@dataclass(frozen=True)
class ContractWindow:
    """One placement of the contract's baseline and performance periods."""

    origin: Any  # label of the first performance period
    baseline: tuple[Any, ...]
    performance: tuple[Any, ...]
    masked: tuple[Any, ...] = ()  # the design's masked periods, and the periods in the same positions of this window

    @property
    def learned(self) -> list[Any]:
        """The baseline periods that are not masked."""
        return [period for period in self.baseline if period not in self.masked]

    @property
    def measured(self) -> list[Any]:
        """The performance periods that are not masked."""
        return [period for period in self.performance if period not in self.masked]

    def place(self, design: Design, unit: str) -> Design:
        """Return the design with `unit` as the treated unit, in this window."""
        moved = _moved(design, self)
        given = moved.donors
        donors = tuple(label for label in given if label != unit) if isinstance(given, tuple) else given
        if donors == ():
            return moved.replace(treated=[unit], donors=donors)  # its message
        placed = object.__new__(type(moved))  # checked once per window, not per unit
        vars(placed).update(vars(moved), treated=(unit,), donors=donors)
        return placed


@lru_cache(maxsize=4)
def _moved(design: Design, window: ContractWindow) -> Design:
    """Return the design in a window, checked, with its own treated units."""
    return design.replace(baseline=window.baseline, performance=window.performance, masked=window.masked, starts=None)


def rolling_windows(panel: Panel, design: Design, origins: Iterable[Any] | None = None) -> list[ContractWindow]:
    """Return every placement of the design's windows in the panel's periods, with its lengths, season and mask.

    A placement is left out if a masked period of the design falls on a position that the contract measures, or if the
    mask takes a whole season from the baseline: a mean of three quarters is not that of a year. On another baseline
    position it stays masked. `origins` are the first performance periods wanted, None for all that fit. Periods without
    a calendar have no seasons: they need `origins`, or `periods_per_year` of the panel.
    """
    design = design.on(panel)
    before = panel.columns(design.baseline, "baseline period")
    after = panel.columns(design.performance, "performance period")
    try:
        step = panel.timeline.seasons()
    except DataError as error:
        if origins is None:
            raise DesignError(str(error)) from None
        step = 1
    masked = set(design.masked)
    labels = panel.periods
    both = [int(column) for column in (*before, *after)]
    hidden = [column for column in both if labels[column] in masked]
    learned, measured = ([column for column in part if labels[column] not in masked] for part in (before, after))
    windows = {}
    for shift in range(-min(both), len(labels) - max(both)):
        moved = (tuple(labels[column + shift] for column in part) for part in (before, after, measured, hidden))
        baseline, performance, seen, unseen = moved
        kept = {column % step for column in learned if labels[column + shift] not in masked}
        if shift % step or not seen or masked.intersection(seen) or kept != {column % step for column in learned}:
            continue
        left_out = tuple(dict.fromkeys((*design.masked, *unseen)))
        windows[performance[0]] = ContractWindow(performance[0], baseline, performance, left_out)
    if origins is None:
        if not windows:
            raise DesignError(
                f"{design!r} fits nowhere in periods {labels[0]}-{labels[-1]}. Add periods or unmask some."
            )
        return list(windows.values())
    columns = [(origin, panel.timeline.column(origin)) for origin in origins]
    wanted = [origin if column is None else panel.periods[column] for origin, column in columns]
    absent = [origin for origin in wanted if origin not in windows]
    if absent or not wanted:
        raise DesignError(
            f"No window of the design starts in {absent}: a baseline or performance period is masked or lies outside "
            f"{labels[0]}-{labels[-1]}. Origins that fit: {list(windows)}."
        )
    return [windows[origin] for origin in panel.periods if origin in wanted]
