"""Reference group: the units whose growth trends the baseline, and the noise of each contrast."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from ssinfer.benchmarks.problem import Problem
from ssinfer.typing import Booleans, Floats, Positions


@dataclass(frozen=True, eq=False)
class ReferenceGroups:
    """Reference group of every unit: the members that the design's rule admits for it, without the unit itself."""

    members: Booleans  # (N,): units that can be in a group
    admitted: csr_array | None  # (N, N), one row per unit; None: every member
    wanted: Booleans  # (N,): units that the rule admits to some group

    @classmethod
    def of(cls, problem: Problem) -> "ReferenceGroups":
        """Return the groups under the design's rule; members have spending in every period that the design needs."""
        panel, rule = problem.panel, problem.design.donors
        needed = np.union1d(problem.baseline, problem.performance_columns)
        members = np.isfinite(panel.spending[:, needed]).all(axis=1)
        members[[panel.row_of[unit] for unit in problem.design.under_contract if unit in panel.row_of]] = False
        if rule is None or isinstance(rule, tuple):
            listed = rule is None or np.isin(np.arange(len(members)), panel.rows(rule))
            return cls(members & listed, None, np.ones(len(members), dtype=bool))
        rows = []
        for number, unit in enumerate(panel.units):
            row = rule.admits(panel, [unit], problem.baseline) & members
            row[number] = False
            rows.append(np.flatnonzero(row).astype(np.int32))
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        columns = np.concatenate(rows)
        admitted = csr_array((np.ones(len(columns)), columns, starts), shape=(len(rows), len(rows)))
        return cls(members, admitted, np.bincount(columns, minlength=len(rows)) > 0)

    def without(self, rows: Positions) -> "ReferenceGroups":
        """Return the groups without some units."""
        members = self.members.copy()
        members[rows] = False
        return replace(self, members=members)

    def sums(self, values: Floats) -> Floats:
        """Return sums of values (N, q) over each unit's group. Time and memory grow with the number of members."""
        inside = np.where(self.members[:, None], values, 0.0)
        if self.admitted is not None:
            return np.asarray(self.admitted @ inside)
        # Sums of the units before and after it: the total less the unit's own value would cancel digits.
        out = np.zeros_like(inside)
        np.cumsum(inside[:-1], axis=0, out=out[1:])
        out[:-1] += np.cumsum(inside[:0:-1], axis=0)[::-1]
        return out

    def units(self) -> Positions:
        """Return the units that have a group themselves, and that the rule admits to another unit's group."""
        grouped = self.sums(np.ones((len(self.members), 1)))[:, 0] > 0
        return np.flatnonzero(self.members & self.wanted & grouped)


@dataclass(frozen=True, eq=False)
class ReferenceGrowth:
    """Each unit's group in one window: its members that have spending in every period of the window."""

    before: Floats  # (N, B): mean spending in the baseline, weighted by insured-years; NaN without members
    after: Floats  # (N, P): the same in the performance periods
    shock: Floats  # (N,): variance of the group's shock relative to one unit's, the sum of squared shares
    noise: Floats  # (N,): sampling variance of the group

    @classmethod
    def of(
        cls, problem: Problem, groups: ReferenceGroups, before: Positions, after: Positions, noise: Floats
    ) -> "ReferenceGrowth":
        """Return the groups' means and variances in a window; `noise` (N,) is each unit's own sampling variance."""
        window = np.concatenate([before, after])
        sizes, spending = problem.sizes[:, window], problem.spending[:, window]
        n = len(window)
        size = sizes.sum(axis=1) / n
        columns = np.empty((len(sizes), 2 * n + 3))
        columns[:, :n], columns[:, n : 2 * n] = sizes, spending * sizes
        columns[:, 2 * n], columns[:, 2 * n + 1] = size, size**2
        columns[:, 2 * n + 2] = size**2 * np.where(np.isfinite(noise), noise, 0.0)
        columns[~np.isfinite(columns[:, : 2 * n]).all(axis=1)] = 0.0
        sums = groups.sums(columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums[:, n : 2 * n] / sums[:, :n]
        total = np.where(sums[:, 2 * n] > 0, sums[:, 2 * n], np.inf)
        shock, group_noise = (sums[:, 2 * n + 1 :] / total[:, None] ** 2).T
        return cls(means[:, : len(before)], means[:, len(before) :], shock, group_noise)


def trended(baseline: Floats, group: ReferenceGrowth, shares: Floats) -> Floats:
    """Return sum_b w_b y_b R_t / R_b (N, P), of own spending y (N, B) and shares w (B,); NaN without y."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (baseline / group.before) @ shares
    return np.asarray(ratio[:, None] * group.after)


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
    some = ~np.isfinite(relative).all(axis=1)  # few rows: the sealed ones, and those with missing cells
    known, size = np.isfinite(relative[some]), sizes[some]
    typical = np.nanmean(np.where(known, relative[some] * size, np.nan)[:, problem.baseline], axis=1)
    relative[some] = np.where(known, relative[some], typical[:, None] / size)
    return np.asarray(relative), 1.0


def inverse_size(noise: Floats, divisor: float, shares: Floats, before: Positions, after: Positions) -> Floats:
    """Return 1 / n_j (N,): k^2 / n_j is the mean variance of one performance period's contrast."""
    return np.asarray((noise[:, after].sum(axis=1) / len(after) + noise[:, before] @ shares**2) / divisor)
