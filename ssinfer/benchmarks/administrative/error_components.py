"""Error parts: the variance of an administrative benchmark by source, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.administrative.reference_group import relative_variance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.administrative.placebo_history import NoiseParameters
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ErrorParts:
    """Variance factors of the benchmark error of each treated unit: times k^2, or tau^2 for the shocks.

    performance : (I, P);  baseline : (I, 1);  reference_performance, reference_baseline : (P,);
    reference_shock : scalar;  share : (J,) donor shares. Baseline noise, of the unit and of its reference group, is
    the same in every performance period; the shocks of both have the autocorrelation of a contrast.
    """

    performance: Floats
    baseline: Floats
    reference_performance: Floats
    reference_baseline: Floats
    reference_shock: float
    share: Floats

    @property
    def reference_noise(self) -> Floats:
        """Variance factor of the reference group's noise in each performance period (P,)."""
        return self.reference_performance + self.reference_baseline

    @classmethod
    def of(cls, problem: Problem, shares: Floats, known: str) -> ErrorParts:
        """Split the error of a problem's treated units; `known` is what is known of sampling noise."""
        n_periods = len(problem.performance_columns)
        sizes = problem.sizes
        if known == "variance":
            unit_noise = relative_variance(problem)
            split = 1.0
        elif known == "size":
            unit_noise = 1.0 / sizes
            split = 1.0 + float(shares @ shares)
        else:
            unit_noise = np.zeros_like(sizes)
            split = 1.0
        performance = unit_noise[np.ix_(problem.treated, problem.performance_columns)] / split
        baseline = (unit_noise[np.ix_(problem.treated, problem.baseline)] @ shares**2)[:, None] / split
        donors = sizes[np.ix_(problem.donors, problem.performance_columns)]
        share = donors / donors.sum(axis=0)
        donor_noise = unit_noise[np.ix_(problem.donors, problem.performance_columns)]
        donor_base = (unit_noise[np.ix_(problem.donors, problem.baseline)] @ shares**2)[:, None]
        reference_performance = (share**2 * donor_noise).sum(axis=0) / split
        reference_baseline = (share**2 * donor_base).sum(axis=0) / split
        reference_shock = float((share**2).sum(axis=0).mean())
        assert performance.shape == (len(problem.treated), n_periods)  # noqa: S101  (shape of the formula)
        return cls(
            performance, baseline, reference_performance, reference_baseline, reference_shock, share.mean(axis=1)
        )

    def table(self, problem: Problem, parameters: NoiseParameters) -> pd.DataFrame:
        """Return the variance of the relative benchmark error by source, per treated unit and period."""
        k2, tau2 = parameters.k_hat**2, parameters.tau_hat**2
        rows = []
        for i, unit in enumerate(problem.labels(problem.treated)):
            for p, period in enumerate(problem.periods(problem.performance_columns)):
                parts = {
                    "performance_noise": k2 * self.performance[i, p],
                    "baseline_noise": k2 * self.baseline[i, 0],
                    "group_shock": tau2,
                    "reference_group": k2 * self.reference_noise[p] + tau2 * self.reference_shock,
                }
                rows.append({"unit": unit, "period": period, **parts, "total": sum(parts.values())})
        return pd.DataFrame(rows)
