"""ErrorComponents: variance of an administrative benchmark's error by source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.administrative.reference_group import relative_variance

if TYPE_CHECKING:
    from ssinfer.benchmarks.administrative.placebo_history import NoiseParameters
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class ErrorComponents:
    """Variance factors of the benchmark error: to be multiplied by k^2, or by tau^2 for shocks.

    Baseline noise, of the unit and of its reference group, is the same in every performance period. The shocks of both
    have the autocorrelation of a contrast. performance (I, P) and baseline (I, 1): sampling noise of each treated unit;
    reference_performance and reference_baseline (P,): of the reference group;  reference_shock: shocks of the reference
    group, relative to one unit's;  donor_shares (J,): share of each donor in the reference group.
    """

    performance: Floats
    baseline: Floats
    reference_performance: Floats
    reference_baseline: Floats
    reference_shock: float
    donor_shares: Floats

    @classmethod
    def of(cls, problem: Problem, shares: Floats, known: str) -> ErrorComponents:
        """Return the variance factors of a problem's treated units.

        `shares` (B,) are the weights of the baseline periods. `known` says whether the panel gives sampling variances
        ("variance"), insured-years only ("size"), or neither ("none").
        """
        sizes = problem.sizes
        divisor = 1.0
        if known == "variance":
            unit_noise = relative_variance(problem)
        elif known == "size":
            unit_noise = 1.0 / sizes
            divisor = 1.0 + float(shares @ shares)
        else:
            unit_noise = np.zeros_like(sizes)
        after = problem.performance_columns
        performance = unit_noise[np.ix_(problem.treated, after)] / divisor
        baseline = (unit_noise[np.ix_(problem.treated, problem.baseline)] @ shares**2)[:, None] / divisor
        donors = sizes[np.ix_(problem.donors, after)]
        donor_shares = donors / donors.sum(axis=0)
        donor_noise = unit_noise[np.ix_(problem.donors, after)]
        donor_baseline = (unit_noise[np.ix_(problem.donors, problem.baseline)] @ shares**2)[:, None]
        return cls(
            performance=performance,
            baseline=baseline,
            reference_performance=(donor_shares**2 * donor_noise).sum(axis=0) / divisor,
            reference_baseline=(donor_shares**2 * donor_baseline).sum(axis=0) / divisor,
            reference_shock=float((donor_shares**2).sum(axis=0).mean()),
            donor_shares=donor_shares.mean(axis=1),
        )

    def table(self, problem: Problem, parameters: NoiseParameters) -> pd.DataFrame:
        """Return the variance of the relative benchmark error by source, per treated unit and period."""
        k2, tau2 = parameters.k_hat**2, parameters.tau_hat**2
        rows = []
        for i, unit in enumerate(problem.labels(problem.treated)):
            for p, period in enumerate(problem.periods(problem.performance_columns)):
                reference_noise = self.reference_performance[p] + self.reference_baseline[p]
                sources = {
                    "performance_noise": k2 * self.performance[i, p],
                    "baseline_noise": k2 * self.baseline[i, 0],
                    "group_shock": tau2,
                    "reference_group": k2 * reference_noise + tau2 * self.reference_shock,
                }
                rows.append({"unit": unit, "period": period, **sources, "total": sum(sources.values())})
        return pd.DataFrame(rows)
