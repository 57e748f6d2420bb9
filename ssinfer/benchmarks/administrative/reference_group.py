"""Reference group: whose growth trends the baseline, and how noisy each contrast is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ReferenceMeans:
    """Mean spending of each unit's reference group, weighted by insured-years.

    In an earlier window a group consists of those of its members whose spending is known in the whole window, so
    that R_t / R_b never compares different members.

    groups : (N, N) membership;  spending, sizes : (N, T), zero where unknown;  seen : (N, T)
    means : (N, T) of all members
    """

    groups: Floats
    spending: Floats
    sizes: Floats
    seen: NDArray[np.bool_]
    means: Floats

    @classmethod
    def of(cls, problem: Problem, groups: Floats) -> ReferenceMeans:
        """Lay out the means of `groups` (N, N), a row per unit."""
        sizes = problem.sizes
        seen = np.isfinite(problem.spending) & np.isfinite(sizes)
        spending, sizes = np.where(seen, problem.spending, 0.0), np.where(seen, sizes, 0.0)
        return cls(groups, spending, sizes, seen, _weighted_means(groups, spending, sizes))

    def over(self, window: Places) -> Floats:
        """Return means (N, T), right in the columns of `window`; NaN where a group has no member with spending."""
        whole = self.seen[:, window].all(axis=1)
        if whole[self.groups.any(axis=0)].all():
            return self.means
        return _weighted_means(self.groups * whole, self.spending, self.sizes)

    def dilution(self, window: Places, noise: Floats) -> tuple[Floats, Floats]:
        """Return, per unit, the sum of its reference group's squared shares, and of these times `noise` (N,).

        The first is the variance of the group's shock relative to one unit's, the second the group's sampling noise
        where `noise` is each member's.
        """
        whole = self.seen[:, window].all(axis=1)
        size = np.where(whole, self.sizes[:, window].mean(axis=1), 0.0)
        weight = self.groups * size
        total = weight.sum(axis=1)
        squares = (weight / np.where(total > 0, total, np.inf)[:, None]) ** 2
        return squares.sum(axis=1), squares @ np.where(whole, np.nan_to_num(noise), 0.0)


def _weighted_means(groups: Floats, spending: Floats, sizes: Floats) -> Floats:
    total = groups @ sizes
    return np.asarray(groups @ (spending * sizes) / np.where(total > 0, total, np.nan))


def reference_groups(problem: Problem) -> Floats:
    """Return membership (N, N): row j marks the comparison group that the design's rule gives unit j."""
    panel, design = problem.panel, problem.design
    usable = np.zeros(len(panel.units))
    contracted = set(design.under_contract)
    usable[[row for row, unit in enumerate(panel.units) if unit not in contracted]] = 1.0
    needed = np.union1d(problem.baseline, problem.performance_columns)
    usable[~np.isfinite(panel.spending[:, needed]).all(axis=1)] = 0.0
    groups = np.tile(usable, (len(panel.units), 1))
    rule = design.donors
    if isinstance(rule, tuple):
        named = np.zeros(len(panel.units))
        named[panel.rows(rule)] = 1.0
        groups *= named
    elif rule is not None:
        for row, unit in enumerate(panel.units):
            groups[row] *= rule.admits(panel, [unit], problem.baseline)
    np.fill_diagonal(groups, 0.0)
    return groups


def trended(spending: Floats, means: Floats, shares: Floats, before: Places, after: Places) -> Floats:
    """Return sum_b w_b y_b R_t / R_b (N, P), NaN where a unit lacks baseline spending."""
    with np.errstate(invalid="ignore", divide="ignore"):
        level = (spending[:, before] / means[:, before]) @ shares
    return np.asarray(level[:, None] * means[:, after])


def relative_variance(problem: Problem) -> Floats:
    """Return known sampling variance over squared spending (N, T); sealed cells take their unit's mean, by size."""
    variance, sizes = problem.variance, problem.sizes
    assert variance is not None  # noqa: S101  (called only where the variance is known)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = variance / problem.spending**2
    typical = np.nanmean(np.where(np.isfinite(relative), relative * sizes, np.nan)[:, problem.baseline], axis=1)
    return np.where(np.isfinite(relative), relative, typical[:, None] / sizes)


def inverse_size(problem: Problem, shares: Floats, before: Places, after: Places) -> Floats:
    """Return 1 / n_j (N,) so that k^2 / n_j is the mean variance of one performance period's contrast.

    With known variances it is that variance itself (k = 1); without sizes it is zero.
    """
    if problem.panel.noise == "none":
        return np.zeros(len(problem.panel.units))
    if problem.variance is not None:
        relative = relative_variance(problem)
        return np.asarray(relative[:, after].mean(axis=1) + relative[:, before] @ shares**2)
    sizes = problem.sizes
    spread = 1.0 + float(shares @ shares)
    return np.asarray(((1.0 / sizes[:, after]).mean(axis=1) + (1.0 / sizes[:, before]) @ shares**2) / spread)
