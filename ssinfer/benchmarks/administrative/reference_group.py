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
    then never compares different members. groups (N, N): membership, one row per unit. spending, sizes (N, T): zero
    where unknown. seen (N, T): whether both are known. means (N, T): over all members.
    """

    groups: Floats
    spending: Floats
    sizes: Floats
    seen: Booleans
    means: Floats

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
        """Return the variances of each unit's reference group in a window, of shock and of sampling noise (N,).

        That of the shock is relative to one unit's: the sum of squared shares. `noise` (N,) is the sampling variance of
        each unit.
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


def trended(spending: Floats, means: Floats, shares: Floats, before: Positions, after: Positions) -> Floats:
    """Return the trended baseline sum_b w_b y_b R_t / R_b of every unit (N, P); NaN without baseline spending.

    Parameters
    ----------
    spending, means : array (N, T)
        Spending of each unit and of its reference group, in EUR per insured-year.
    shares : array (B,)
        Weights of the baseline periods.
    before, after : array (B,), (P,)
        Columns of the baseline and of the performance periods.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (spending[:, before] / means[:, before]) @ shares
    return np.asarray(ratio[:, None] * means[:, after])


def relative_variance(problem: Problem) -> Floats:
    """Return known sampling variance over squared spending (N, T).

    A sealed cell gets the unit's mean over the baseline, adjusted for its size.
    """
    variance, sizes = problem.variance, problem.sizes
    assert variance is not None  # noqa: S101  (called only where the variance is known)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = variance / problem.spending**2
    typical = np.nanmean(np.where(np.isfinite(relative), relative * sizes, np.nan)[:, problem.baseline], axis=1)
    return np.where(np.isfinite(relative), relative, typical[:, None] / sizes)


def inverse_size(problem: Problem, shares: Floats, before: Positions, after: Positions) -> Floats:
    """Return 1 / n_j (N,): k^2 / n_j is the mean sampling variance of one performance period's contrast.

    If sampling variances are known it is that variance itself (k = 1). Without insured-years it is zero.

    Parameters
    ----------
    problem : Problem
    shares : array (B,)
        Weights of the baseline periods.
    before, after : array (B,), (P,)
        Columns of the baseline and of the performance periods.
    """
    if problem.panel.noise == "none":
        return np.zeros(len(problem.panel.units))
    if problem.variance is not None:
        relative = relative_variance(problem)
        return np.asarray(relative[:, after].mean(axis=1) + relative[:, before] @ shares**2)
    sizes = problem.sizes
    spread = 1.0 + float(shares @ shares)
    return np.asarray(((1.0 / sizes[:, after]).mean(axis=1) + (1.0 / sizes[:, before]) @ shares**2) / spread)
