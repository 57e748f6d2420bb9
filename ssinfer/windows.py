"""Windows: the contract's own shape of baseline, gap and performance, moved over history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssinfer.errors import DesignError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ssinfer.design import Design
    from ssinfer.panel import Panel


@dataclass(frozen=True)
class Window:
    """One placement of the contract's shape.

    Attributes
    ----------
    origin : label of the first performance period
    baseline, performance : tuples of period labels
    """

    origin: Any
    baseline: tuple[Any, ...]
    performance: tuple[Any, ...]

    def place(self, design: Design, unit: str) -> Design:
        """Return `design` with `unit` in the treated unit's place, in this window."""
        donors = design.donors
        if isinstance(donors, tuple):
            donors = tuple(label for label in donors if label != unit)
        return design.replace(
            treated=[unit], baseline=self.baseline, performance=self.performance, donors=donors, starts=None
        )


def rolling_windows(panel: Panel, design: Design, origins: Iterable[Any] | None = None) -> list[Window]:
    """Return every placement of the design's windows in the panel's periods.

    A placement keeps the baseline's length, the gap, the number of performance periods, and the season: periods named
    like 2019Q3 or 2019-03 move by whole years. Placements with a masked performance period are left out; masked
    baseline periods stay masked.

    Parameters
    ----------
    panel : Panel
    design : Design
    origins : iterable of period labels, optional
        First performance periods wanted; None for all that fit.

    Returns
    -------
    list of Window
        By origin, ascending.

    Raises
    ------
    DesignError
        No placement fits, or a wanted origin does not fit.

    Examples
    --------
    >>> import pandas as pd
    >>> from ssinfer import Design, Panel
    >>> frame = pd.DataFrame({"unit": "a", "period": range(2011, 2018), "spending": 1.0, "insured_years": 1.0})
    >>> design = Design(treated=["a"], baseline=range(2014, 2017), performance=[2017])
    >>> [window.origin for window in rolling_windows(Panel.from_frame(frame), design)]
    [2014, 2015, 2016, 2017]
    """
    before = panel.columns(design.baseline, "baseline period")
    after = panel.columns(design.performance, "performance period")
    step = seasons(panel.periods)
    masked = set(design.masked)
    labels = panel.periods
    found = {}
    first = min(before.min(), after.min())
    last = max(before.max(), after.max())
    for shift in range(-int(first), len(labels) - int(last)):
        if shift % step:
            continue
        performance = tuple(labels[place + shift] for place in after)
        baseline = tuple(labels[place + shift] for place in before)
        if masked.intersection(performance) or masked.issuperset(baseline):
            continue
        found[performance[0]] = Window(performance[0], baseline, performance)
    if origins is None:
        if not found:
            raise DesignError(
                f"{design!r} fits nowhere in periods {labels[0]}-{labels[-1]}. Add periods or unmask some."
            )
        return list(found.values())
    wanted = list(origins)
    absent = [origin for origin in wanted if origin not in found]
    if absent:
        raise DesignError(
            f"No window of the design starts in {absent}: a baseline or performance period is masked or lies outside "
            f"{labels[0]}-{labels[-1]}. Origins that fit: {list(found)}."
        )
    return [found[origin] for origin in sorted(wanted)]


def seasons(periods: tuple[Any, ...]) -> int:
    """Return the number of periods in a year: 4 for labels like 2019Q3, 12 for 2019-03, otherwise 1.

    >>> seasons(("2018Q2", "2018Q3")), seasons(("2018-02", "2018-03")), seasons((2018, 2019))
    (4, 12, 1)
    """
    label = str(periods[0])
    if len(label) == 6 and label[4] in "Qq":
        return 4
    if len(label) == 7 and label[4] in "-M":
        return 12
    return 1
