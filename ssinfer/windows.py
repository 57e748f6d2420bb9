"""Windows: the contract's own shape of baseline, gap and performance, moved over history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssinfer.errors import DesignError
from ssinfer.periods import seasons

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
    masked : tuple of period labels
        The design's masked periods, and those at the places that the design's own window masks.
    """

    origin: Any
    baseline: tuple[Any, ...]
    performance: tuple[Any, ...]
    masked: tuple[Any, ...] = ()

    def place(self, design: Design, unit: str) -> Design:
        """Return `design` with `unit` in the treated unit's place, in this window."""
        donors = design.donors
        if isinstance(donors, tuple):
            donors = tuple(label for label in donors if label != unit)
        return design.replace(
            treated=[unit],
            baseline=self.baseline,
            performance=self.performance,
            donors=donors,
            masked=self.masked,
            starts=None,
        )


def rolling_windows(panel: Panel, design: Design, origins: Iterable[Any] | None = None) -> list[Window]:
    """Return every placement of the design's windows in the panel's periods.

    A placement keeps the baseline's length, the gap, the number of performance periods, the season (periods named
    like 2019Q3 or 2019-03 move by whole years), and the mask: a place that is masked in the design's own window is
    masked in every placement, so that a placebo learns from no more periods than the contract. Placements in which a
    masked period falls on a performance place that the contract measures are left out; on a baseline place it stays
    masked.

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
    own = [int(place) for place in (*before, *after) if labels[place] in masked]
    measured = [int(place) for place in after if labels[place] not in masked]
    learned = [int(place) for place in before if labels[place] not in masked]
    found = {}
    first = min(before.min(), after.min())
    last = max(before.max(), after.max())
    for shift in range(-int(first), len(labels) - int(last)):
        if shift % step:
            continue
        if masked.intersection(labels[place + shift] for place in measured) or not measured:
            continue
        if masked.issuperset(labels[place + shift] for place in learned):
            continue
        performance = tuple(labels[place + shift] for place in after)
        baseline = tuple(labels[place + shift] for place in before)
        hidden = tuple(dict.fromkeys((*design.masked, *(labels[place + shift] for place in own))))
        found[performance[0]] = Window(performance[0], baseline, performance, hidden)
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
    return [found[origin] for origin in sorted(set(wanted))]
