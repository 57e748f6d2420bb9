"""FitWindow: the units and periods over which one treated unit is fitted by its donors."""

from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.problem import Problem
from ssinfer.errors import DesignError
from ssinfer.typing import Floats, Integers, Positions


@dataclass(frozen=True, eq=False)
class FitWindow:
    """One treated unit with its donors and its periods. N units, T periods, T0 of baseline and P of performance.

    Attributes
    ----------
    rows : array (N,), rows of the panel, ascending: the donors and this treated unit
    treated : int, position of the treated unit in `rows`
    Y : array (T, N), standardised spending; sealed and missing cells are zero, and no fit reads them
    noise : array (T, N) or None
        Variance of each mean. Unless `noise_is_known` it is squared spending divided by insured-years: the variance up
        to a factor k^2, which has to be learned.
    pre, post : arrays (T0,), (P,), columns of baseline and performance
    pooling : array (P,), insured-years of the treated unit over performance, scaled to sum one
    """

    problem: Problem
    rows: Positions
    treated: int
    Y: Floats
    noise: Floats | None
    noise_is_known: bool
    pre: Positions
    post: Positions
    pooling: Floats

    @classmethod
    def of(cls, problem: Problem, i: int) -> "FitWindow":
        """Return the window of the i-th treated unit of `problem`."""
        unit = problem.treated[i]
        rows = np.sort(np.append(problem.donors, unit))
        treated = int(np.searchsorted(rows, unit))
        spending = problem.spending[rows].T
        pre, post = np.flatnonzero(problem.pre[i]), np.flatnonzero(problem.post[i])
        noise = None
        if problem.variance is not None:
            noise = problem.variance[rows].T.copy()
        elif problem.insured_years is not None:
            noise = spending**2 / problem.sizes[rows].T
        if noise is not None:
            baseline_noise = noise[pre, treated]
            known = baseline_noise[np.isfinite(baseline_noise)]
            noise[post, treated] = known.mean() if known.size else 0.0
            noise = np.ascontiguousarray(np.nan_to_num(noise))
        insured_years = problem.performance_insured_years[i, np.searchsorted(problem.performance_columns, post)]
        return cls(
            problem=problem,
            rows=rows,
            treated=treated,
            Y=np.ascontiguousarray(np.nan_to_num(spending)),
            noise=noise,
            noise_is_known=problem.variance is not None,
            pre=pre,
            post=post,
            pooling=insured_years / insured_years.sum(),
        )

    @property
    def name(self) -> str:
        """Label of the treated unit."""
        return str(self.problem.panel.units[self.rows[self.treated]])

    @property
    def others(self) -> Integers:
        """Positions of the donors in `rows`."""
        return np.delete(np.arange(self.rows.size), self.treated).astype(np.int64)

    def labels(self) -> list[str]:
        """Return the labels of all units, in order."""
        return self.problem.labels(self.rows)

    def require_usable(self, method: str) -> None:
        """Refuse data from which no weights can be learned by a DesignError; `method` is its name, for messages."""
        n_donors = self.rows.size - 1
        if n_donors < 2:
            raise DesignError(
                f"{self.name!r} has one donor, {self.labels()[int(self.others[0])]!r}, so there is nothing to weight. "
                "Name at least two donors, or use a method without donor weights."
            )
        if self.pre.size < 2:
            raise DesignError(
                f"{self.name!r} has {self.pre.size} unmasked baseline period; {method} needs at least two to compare "
                "donors. Lengthen the baseline or unmask periods."
            )
        baseline = self.Y[self.pre, self.treated]
        if np.ptp(baseline) == 0.0:
            raise DesignError(
                f"Spending of {self.name!r} is {baseline[0]:g} in every baseline period. No group of insured persons "
                "shows this. Check the data for placeholders."
            )
        paths = np.ascontiguousarray(self.Y[np.append(self.pre, self.post)][:, self.others].T)
        if len({path.tobytes() for path in paths}) < n_donors:
            _, inverse = np.unique(paths, axis=0, return_inverse=True)
            shared = np.flatnonzero(np.bincount(inverse) > 1)
            twins = self.others[np.flatnonzero(np.isin(inverse, shared[:1]))[:2]]
            first, second = sorted(self.labels()[int(twin)] for twin in twins)
            raise DesignError(
                f"Donors {first!r} and {second!r} have identical spending in every period: one group seems to be in "
                "the data twice. Drop one of them."
            )
