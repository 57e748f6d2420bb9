"""Problem: a design laid over a panel, checked, sealed and standardised, as plain arrays for the methods."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.errors import DesignError, PanelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.design import Design
    from ssinfer.panel import Panel
    from ssinfer.typing import Booleans, Floats

    Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Problem:
    """What a method sees. N units, T periods, I treated units, P performance periods.

    **Sealed**: spending, sampling variance of treated units in their own performance periods are NaN, so
    that no benchmark draw can depend on them. **Standardised**: spending is divided by `factor`, the
    relative case mix (1 without a standard); benchmarks are multiplied by it again.

    Attributes
    ----------
    panel, design : the originals
    spending : (N, T) standardised, NaN where sealed or absent
    insured_years : (N, T) or None
    variance : (N, T) or None; known variance of each standardised mean (from sampling_variance or cv), sealed
    factor : (N, T) relative case mix
    treated : (I,) rows of treated units
    donors : (J,) rows of the comparison group
    pre : (I, T) baseline cells of each treated unit, masked periods left out
    post : (I, T) performance cells of each treated unit, masked periods left out
    columns : (P,) unmasked performance periods
    baseline : (B,) unmasked baseline periods
    """

    panel: Panel
    design: Design
    spending: Floats
    insured_years: Floats | None
    variance: Floats | None
    factor: Floats
    treated: Places
    donors: Places
    pre: Booleans
    post: Booleans
    columns: Places
    baseline: Places

    @classmethod
    def of(cls, panel: Panel, design: Design) -> Problem:
        """Lay `design` over `panel`.

        Raises
        ------
        DesignError
            A period or unit is unknown, nothing is left after masking, or no donors remain.
        PanelError
            Spending is missing in a cell that is needed, other than the treated units' performance cells.
        """
        treated = design.treated_rows(panel)
        try:
            masked = panel.columns(_masked_inside(panel, design))
            before = np.setdiff1d(panel.columns(design.baseline, "baseline period"), masked)
            after = np.setdiff1d(panel.columns(design.performance, "performance period"), masked)
        except PanelError as error:
            raise DesignError(str(error)) from error
        for name, places in (("baseline", before), ("performance", after)):
            if not len(places):
                raise DesignError(f"Every {name} period is masked ({list(design.masked)}). Unmask or choose others.")
        pre, post = _cells(panel, design, treated, before, after)
        donors = design.donor_rows(panel)
        donors = _complete_donors(panel, design, donors, np.union1d(before, after))
        factor = _case_mix(panel, design, np.concatenate([treated, donors]), np.union1d(before, after))
        spending = panel.spending / factor
        variance = panel.sampling_variance
        if variance is None and panel.cv is not None and panel.insured_years is not None:
            variance = (panel.cv * panel.spending) ** 2 / panel.insured_years
        variance = None if variance is None else variance / factor**2
        for i, row in enumerate(treated):
            spending[row, post[i]] = np.nan
            if variance is not None:
                variance[row, post[i]] = np.nan
            hole = pre[i] & ~np.isfinite(spending[row])
            if hole.any():
                raise PanelError(
                    f"Treated unit {panel.units[row]!r} has no spending in baseline period "
                    f"{panel.periods[int(np.flatnonzero(hole)[0])]!r}. Shorten the baseline or mask the period."
                )
        return cls(
            panel=panel,
            design=design,
            spending=spending,
            insured_years=panel.insured_years,
            variance=variance,
            factor=factor,
            treated=treated,
            donors=donors,
            pre=pre,
            post=post,
            columns=after,
            baseline=before,
        )

    @property
    def weights(self) -> Floats:
        """Insured-years (I, P) of the performance cells, as observed; 0 before a unit's start, 1 without sizes.

        A treated unit whose performance insured-years are not known yet takes its last known ones.
        """
        cells = self.post[:, self.columns]
        if self.insured_years is None:
            return cells.astype(np.float64)
        sizes = self.insured_years[self.treated].copy()
        for row in sizes:
            for column in range(1, len(row)):
                if not np.isfinite(row[column]):
                    row[column] = row[column - 1]
        return np.where(cells, sizes[:, self.columns], 0.0)

    @cached_property
    def sizes(self) -> Floats:
        """Insured-years (N, T), carried forward where not known yet; ones when the panel has none."""
        if self.insured_years is None:
            return np.ones_like(self.spending)
        sizes = self.insured_years.copy()
        for column in range(1, sizes.shape[1]):
            sizes[:, column] = np.where(np.isfinite(sizes[:, column]), sizes[:, column], sizes[:, column - 1])
        return sizes

    def labels(self, rows: Places) -> list[str]:
        """Return the names of units."""
        return [self.panel.units[row] for row in rows]

    def periods(self, columns: Places) -> list[Any]:
        """Return the labels of periods."""
        return [self.panel.periods[column] for column in columns]


def _masked_inside(panel: Panel, design: Design) -> list[Any]:
    """Return the masked periods that the panel holds; those outside its span are harmless, others are refused."""
    known, inside = set(panel.periods), []
    for period in design.masked:
        if period in known:
            inside.append(period)
            continue
        try:
            harmless = period < panel.periods[0] or period > panel.periods[-1]
        except TypeError:
            harmless = False
        if not harmless:
            raise DesignError(
                f"masked names {period!r}, which is no period of the panel ({panel.periods[0]!r} to "
                f"{panel.periods[-1]!r}): nothing would be masked. Name it as the panel does."
            )
    return inside


def _cells(panel: Panel, design: Design, treated: Places, before: Places, after: Places) -> tuple[Booleans, Booleans]:
    """Return baseline and performance cells (I, T), each treated unit from its own start."""
    pre = np.zeros((len(treated), len(panel.periods)), dtype=bool)
    post = np.zeros_like(pre)
    for i, row in enumerate(treated):
        start = (design.starts or {}).get(panel.units[row], design.performance[0])
        first = int(panel.columns([start])[0])
        pre[i, before] = True
        pre[i, after[after < first]] = True
        post[i, after[after >= first]] = True
        if not post[i].any():
            raise DesignError(
                f"{panel.units[row]!r} starts in {start!r}, after which every performance period is masked."
            )
    return pre, post


def _complete_donors(panel: Panel, design: Design, donors: Places, needed: Places) -> Places:
    """Return the donors with spending wherever it is needed; refuse or drop the others as the design says."""
    whole = np.isfinite(panel.spending[np.ix_(donors, needed)]).all(axis=1)
    if whole.all():
        return donors
    if design.incomplete == "drop":
        if not whole.any():
            raise DesignError("No donor has spending in every period that the design needs. Shorten the windows.")
        return donors[whole]
    row = donors[~whole][0]
    column = needed[~np.isfinite(panel.spending[row, needed])][0]
    raise PanelError(
        f"Donor {panel.units[row]!r} has no spending in period {panel.periods[column]!r} ({int((~whole).sum())} such "
        "donors). Drop them with Design(incomplete='drop'), name other donors, or mask the period."
    )


def _case_mix(panel: Panel, design: Design, rows: Places, needed: Places) -> Floats:
    """Return expected spending relative to its mean over the panel in the period (N, T); ones without a standard.

    The mean is weighted by insured-years; dividing by it keeps the level of spending and its trend.
    """
    if design.standard is None:
        return np.ones(panel.spending.shape)
    expected = panel.covariate(design.standard)
    wanted = expected[np.ix_(rows, needed)]
    if not (np.isfinite(wanted) & (wanted > 0)).all():
        r, c = np.argwhere(~(np.isfinite(wanted) & (wanted > 0)))[0]
        raise PanelError(
            f"Standard {design.standard!r} is {wanted[r, c]} for {panel.units[rows[r]]!r} in "
            f"{panel.periods[needed[c]]!r}; expected spending must be positive. Complete the covariate."
        )
    usable = np.isfinite(expected) & (expected > 0)
    sizes = np.ones(expected.shape) if panel.insured_years is None else np.nan_to_num(panel.insured_years)
    weights = np.where(usable, sizes, 0.0)
    mean = (np.where(usable, expected, 0.0) * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-300)
    return np.where(usable, expected / np.where(mean > 0, mean, 1.0), 1.0)
