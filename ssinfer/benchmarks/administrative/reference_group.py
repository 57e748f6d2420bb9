"""Reference group: the units whose growth trends the baseline, and the noise of each contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Booleans, Floats, Positions


@dataclass(frozen=True, eq=False)
class ReferenceMeans:
    """Mean spending of each unit's reference group, weighted by insured-years.

    In an earlier window a group consists of its members that have spending in every period of the window. R_t / R_b
    then never compares different members.
    """

    groups: Floats  # (N, N): membership, one row per unit
    spending: Floats  # (N, T), zero where unknown
    sizes: Floats
    seen: Booleans  # (N, T): whether spending and size are known
    means: Floats  # (N, T): over all members

    @classmethod
    def of(cls, problem: Problem, groups: Floats) -> ReferenceMeans:
        """Return the means of `groups` (N, N), one row per unit."""
        sizes = problem.sizes
        seen = np.isfinite(problem.spending) & np.isfinite(sizes)
        spending, sizes = np.where(seen, problem.spending, 0.0), np.where(seen, sizes, 0.0)
        return cls(groups, spending, sizes, seen, _weighted_means(groups, spending, sizes))

    def over(self, window: Positions) -> Floats:
        """Return means (N, T) that are valid in the columns of `window`; NaN for a group without members there."""
        complete = self.seen[:, window].all(axis=1)
        if complete[self.groups.any(axis=0)].all():
            return self.means
        return _weighted_means(self.groups * complete, self.spending, self.sizes)

    def relative_variances(self, window: Positions, noise: Floats) -> tuple[Floats, Floats]:
        """Return the variances (N,) of each unit's reference group in a window, of shock and of sampling noise.

        That of the shock is the sum of squared shares, relative to one unit's. `noise` (N,) is each unit's own.
        """
        complete = self.seen[:, window].all(axis=1)
        size = np.where(complete, self.sizes[:, window].mean(axis=1), 0.0)
        weight = self.groups * size
        total = weight.sum(axis=1)
        squares = (weight / np.where(total > 0, total, np.inf)[:, None]) ** 2
        return squares.sum(axis=1), squares @ np.where(complete, np.nan_to_num(noise), 0.0)


def _weighted_means(groups: Floats, spending: Floats, sizes: Floats) -> Floats:
    total = groups @ sizes
    return np.asarray(groups @ (spending * sizes) / np.where(total > 0, total, np.nan))


def reference_groups(problem: Problem) -> Floats:
    """Return membership (N, N): row j marks the comparison group of unit j under the design's rule."""
    panel, design = problem.panel, problem.design
    contracted = set(design.under_contract)
    needed = np.union1d(problem.baseline, problem.performance_columns)
    usable = np.array([unit not in contracted for unit in panel.units]) & np.isfinite(panel.spending[:, needed]).all(1)
    groups = np.tile(usable.astype(np.float64), (len(panel.units), 1))
    rule = design.donors
    if isinstance(rule, tuple):
        groups *= np.isin(np.arange(len(panel.units)), panel.rows(rule))
    elif rule is not None:
        for row, unit in enumerate(panel.units):
            groups[row] *= rule.admits(panel, [unit], problem.baseline)
    np.fill_diagonal(groups, 0.0)
    return groups


def trended(spending: Floats, means: Floats, shares: Floats, before: Positions, after: Positions) -> Floats:
    """Return the trended baseline sum_b w_b y_b R_t / R_b of every unit (N, P); NaN without baseline spending.

    `spending` and `means` (N, T) are those of each unit and of its reference group. `shares` (B,) weigh the columns
    `before` (B,).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (spending[:, before] / means[:, before]) @ shares
    return np.asarray(ratio[:, None] * means[:, after])


def unit_noise(problem: Problem, shares: Floats) -> tuple[Floats, float]:
    """Return the sampling variance of each cell (N, T) in units of k^2, and a divisor that makes k that of a contrast.

    It is 1 / insured-years, or a known variance over squared spending (k = 1), or zero if neither is known. Where
    spending is sealed, the known variance is the unit's mean over the baseline, adjusted for its size.
    """
    variance, sizes = problem.variance, problem.sizes
    if problem.panel.noise == "none":
        return np.zeros_like(sizes), 1.0
    if variance is None:
        return 1.0 / sizes, 1.0 + float(shares @ shares)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = variance / problem.spending**2
    typical = np.nanmean(np.where(np.isfinite(relative), relative * sizes, np.nan)[:, problem.baseline], axis=1)
    return np.where(np.isfinite(relative), relative, typical[:, None] / sizes), 1.0


def inverse_size(problem: Problem, shares: Floats, before: Positions, after: Positions) -> Floats:
    """Return 1 / n_j (N,): k^2 / n_j is the mean sampling variance of one performance period's contrast.

    If sampling variances are known it is that variance itself (k = 1). Without insured-years it is zero. `before` and
    `after` are the columns of the baseline and of the performance periods, `shares` (B,) weighs the baseline periods.
    """
    noise, divisor = unit_noise(problem, shares)
    return np.asarray((noise[:, after].mean(axis=1) + noise[:, before] @ shares**2) / divisor)
