"""Problem: the arrays that a benchmark method may see of a panel and a design."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from ssinfer.accept import advice
from ssinfer.comparison import with_spillover
from ssinfer.design import Design
from ssinfer.errors import DesignError, PanelError, raised_as
from ssinfer.panel import Panel, carried_forward
from ssinfer.typing import Booleans, Floats, Positions

MIN_BEYOND = 10  # donors that an inner radius has to leave


@dataclass(frozen=True, eq=False)
class Problem:
    """Arrays of a panel for one design. N units, T periods, I treated units, J donors, P performance periods.

    **Sealed**: spending and sampling variance of treated units are NaN in their own performance periods, so that no
    benchmark draw can depend on them. **Standardised**: spending is divided by `factor`, the relative case mix (1
    without a standard). Benchmarks are multiplied by it again.

    Attributes
    ----------
    spending : array (N, T), standardised, in EUR per insured-year; NaN where sealed or absent
    insured_years : array (N, T), or None
    variance : array (N, T) or None
        Known variance of each standardised mean, from the panel's `sampling_variance` or `cv`; NaN where sealed.
    factor : array (N, T), case-mix-expected spending relative to its mean over units
    treated, donors : arrays (I,), (J,) of rows of the panel
    near : array (K,) of rows that are no donors only for their distance (inner radius) or providers (named apart)
    pre, post : arrays (I, T), baseline and performance cells of each treated unit, without masked periods
    performance_columns, baseline : arrays (P,), (B,), columns of the unmasked periods
    """

    panel: Panel
    design: Design
    spending: Floats
    insured_years: Floats | None
    variance: Floats | None
    factor: Floats
    treated: Positions
    donors: Positions
    pre: Booleans
    post: Booleans
    performance_columns: Positions
    baseline: Positions
    near: Positions

    @classmethod
    def of(cls, panel: Panel, design: Design) -> "Problem":
        """Return the problem of a design on a panel; a period, unit, donor or needed cell that is absent is refused."""
        design = design.on(panel)
        treated = design.treated_rows(panel)
        with raised_as(DesignError, of=PanelError):
            masked = panel.columns(_masked_periods(panel, design))
            before = np.setdiff1d(panel.columns(design.baseline, "baseline period"), masked)
            after = np.setdiff1d(panel.columns(design.performance, "performance period"), masked)
        for name, columns in (("baseline", before), ("performance", after)):
            if not len(columns):
                raise DesignError(f"Every {name} period is masked ({list(design.masked)}). Unmask or choose others.")
        needed = np.union1d(before, after)
        pre, post = _cells(panel, design, treated, before, after)
        donors = design.donor_rows(panel)
        donors = _complete_donors(panel, design, donors, needed)
        near = _near_units(panel, design, donors, before)
        _refuse_doubles(panel, treated, donors, before)
        factor = _case_mix(panel, design, np.concatenate([treated, donors]), needed)
        spending = panel.spending / factor
        variance = panel.sampling_variance
        if variance is None and panel.cv is not None and panel.insured_years is not None:
            variance = (panel.cv * panel.spending) ** 2 / panel.insured_years
        variance = None if variance is None else variance / factor**2
        for i, row in enumerate(treated):
            spending[row, post[i]] = np.nan
            if variance is not None:
                variance[row, post[i]] = np.nan
            absent = pre[i] & ~np.isfinite(spending[row])
            if absent.any():
                raise PanelError(
                    f"Treated unit {panel.units[row]!r} has no spending in baseline period "
                    f"{panel.periods[int(np.flatnonzero(absent)[0])]!r}. Shorten the baseline or mask the period."
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
            performance_columns=after,
            baseline=before,
            near=near,
        )

    def with_positive_spending(self, method: str) -> "Problem":
        """Return the problem with cells that are not positive taken as absent; refused where `method` needs them."""
        wrong = self.spending <= 0
        if not wrong.any():
            return self
        rows = np.sort(np.concatenate([self.treated, self.donors]))
        columns = np.union1d(self.baseline, self.performance_columns)
        needed = np.argwhere(wrong[np.ix_(rows, columns)])
        if len(needed):
            row, column = rows[needed[0, 0]], columns[needed[0, 1]]
            window = "baseline" if column in self.baseline else "performance"
            raise PanelError(
                f"Spending of {self.panel.units[row]!r} is {self.panel.spending[row, column]:g} in {window} period "
                f"{self.panel.periods[column]!r} ({len(needed)} such cells); {method} takes spending relative to a "
                "unit's own, so it must be positive. Correct the cell; or remove it and set Design(incomplete='drop'); "
                "or use SyntheticControl or HierarchicalBenchmark(scale='identity')."
            )
        return replace(self, spending=np.where(wrong, np.nan, self.spending))

    @property
    def performance_insured_years(self) -> Floats:
        """Insured-years (I, P) of performance: 0 before a unit's start, the last known if unknown, 1 without any."""
        columns = self.performance_columns
        return np.where(self.post[:, columns], self.sizes[np.ix_(self.treated, columns)], 0.0)

    @cached_property
    def sizes(self) -> Floats:
        """Insured-years (N, T), with unknown ones carried forward; ones if the panel has none."""
        if self.insured_years is None:
            return np.ones_like(self.spending)
        return carried_forward(self.insured_years)

    @cached_property
    def history(self) -> Positions:
        """Columns of the baseline and before it that are not masked; before it all units must be known."""
        rows = np.ix_(np.concatenate([self.treated, self.donors, self.near]), np.arange(self.baseline[-1] + 1))
        known = np.isfinite(self.spending[rows]) & (np.nan_to_num(self.sizes[rows]) > 0)
        if self.variance is not None:
            known &= np.isfinite(self.variance[rows])
        if self.design.standard is not None:
            known &= np.nan_to_num(self.panel.covariate(self.design.standard)[rows]) > 0
        masked = self.panel.columns(_masked_periods(self.panel, self.design))
        return np.union1d(np.setdiff1d(np.flatnonzero(known.all(axis=0)), masked), self.baseline)

    def on_baseline(self) -> Self:
        """Return the problem with the baseline periods in the place of the performance periods, which stay sealed."""
        return replace(self, performance_columns=self.baseline)

    def labels(self, rows: Positions) -> list[str]:
        """Return the names of units."""
        return [self.panel.units[row] for row in rows]

    def periods(self, columns: Positions) -> list[Any]:
        """Return the labels of periods."""
        return [self.panel.periods[column] for column in columns]


def _masked_periods(panel: Panel, design: Design) -> list[Any]:
    """Return the masked periods that the panel has. Periods outside its span are ignored, other names refused."""
    present = []
    for period in design.masked:
        column = panel.timeline.column(period)
        if column is not None:
            present.append(panel.periods[column])
        elif not panel.timeline.outside(period):
            raise DesignError(
                f"masked names {period!r}, but the panel has no such period ({panel.timeline.describe()}), so nothing "
                "would be masked. Name a period of the panel."
            )
    return present


def _cells(
    panel: Panel, design: Design, treated: Positions, before: Positions, after: Positions
) -> tuple[Booleans, Booleans]:
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
                f"{panel.units[row]!r} starts in {start!r}, and every performance period from then on is masked. "
                "Unmask one, or give an earlier start."
            )
    return pre, post


def _complete_donors(panel: Panel, design: Design, donors: Positions, needed: Positions) -> Positions:
    """Return the donors that have spending in every needed period. Refuse or drop the others as the design says."""
    complete = np.isfinite(panel.spending[np.ix_(donors, needed)]).all(axis=1)
    if complete.all():
        return donors
    if design.incomplete == "drop":
        if not complete.any():
            raise DesignError("No donor has spending in every period that the design needs. Shorten the windows.")
        return donors[complete]
    row = donors[~complete][0]
    column = needed[~np.isfinite(panel.spending[row, needed])][0]
    raise PanelError(
        f"Donor {panel.units[row]!r} has no spending in period {panel.periods[column]!r} ({int((~complete).sum())} "
        "such donors). Drop them with Design(incomplete='drop'), name other donors, or mask the period."
    )


def _refuse_doubles(panel: Panel, treated: Positions, donors: Positions, before: Positions) -> None:
    """Refuse a unit that equals a treated unit in all baseline periods (two at least), unless the user accepts it."""
    others = np.concatenate([treated, donors])
    for row in () if "similar_names" in panel.accept or len(before) < 2 else treated:
        same = (panel.spending[np.ix_(others, before)] == panel.spending[row, before]).all(axis=1) & (others != row)
        if same.any():
            raise DesignError(
                f"{panel.units[others[same][0]]!r} has the same spending as treated unit {panel.units[row]!r} in every "
                "baseline period: one group seems to be in the data twice. Drop one of them. If they are two groups, "
                f"read the data with {advice('similar_names')}."
            )


def _near_units(panel: Panel, design: Design, donors: Positions, baseline: Positions) -> Positions:
    """Return the units with a complete baseline that are no donors only because the contract may spread to them."""
    outer = with_spillover(design.donors)
    if outer is design.donors or outer == design.donors:
        return np.empty(0, dtype=np.intp)
    if len(donors) < MIN_BEYOND:
        raise DesignError(
            f"Without near units and those of the same providers, {len(donors)} donors are left for "
            f"{', '.join(design.treated)}; allowed: at least {MIN_BEYOND}. "
            "Choose a smaller inner radius, or name fewer units in spillover."
        )
    near = np.setdiff1d(replace(design, donors=outer).donor_rows(panel), design.donor_rows(panel))
    return near[np.isfinite(panel.spending[np.ix_(near, baseline)]).all(axis=1)]


def _case_mix(panel: Panel, design: Design, rows: Positions, needed: Positions) -> Floats:
    """Return case-mix-expected spending (N, T), relative to its mean over units in the period (by insured-years)."""
    if design.standard is None:
        return np.ones(panel.spending.shape)
    expected = panel.covariate(design.standard)
    needed_values = expected[np.ix_(rows, needed)]
    valid = np.isfinite(needed_values) & (needed_values > 0)
    if not valid.all():
        r, c = np.argwhere(~valid)[0]
        raise PanelError(
            f"Standard {design.standard!r} is {needed_values[r, c]} for {panel.units[rows[r]]!r} in "
            f"{panel.periods[needed[c]]!r}; expected spending must be positive. Complete the covariate."
        )
    usable = np.isfinite(expected) & (expected > 0)
    sizes = np.ones(expected.shape) if panel.insured_years is None else np.nan_to_num(panel.insured_years)
    weights = np.where(usable, sizes, 0.0)
    mean = (np.where(usable, expected, 0.0) * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-300)
    return np.where(usable, expected / np.where(mean > 0, mean, 1.0), 1.0)
