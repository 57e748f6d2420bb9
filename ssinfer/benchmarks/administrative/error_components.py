"""ErrorComponents: variance of an administrative benchmark's error by source."""

from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.administrative.placebo_history import NoiseParameters
from ssinfer.benchmarks.administrative.reference_group import unit_noise
from ssinfer.benchmarks.problem import Problem
from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class ErrorComponents:
    """Variance factors of the benchmark error: to be multiplied by k^2, or by tau^2 for shocks.

    Baseline noise, of the unit and of its reference group, is the same in every performance period. The shocks of both
    have the autocorrelation of a contrast.
    """

    performance: Floats  # (I, P): sampling noise of each treated unit
    baseline: Floats  # (I, 1)
    reference_performance: Floats  # (P,): sampling noise of the reference group
    reference_baseline: Floats  # (P,)
    reference_shock: float  # shocks of the reference group, relative to one unit's
    donor_shares: Floats  # (J,): share of each donor in the reference group

    @classmethod
    def of(cls, problem: Problem, shares: Floats) -> "ErrorComponents":
        """Return the variance factors of a problem's treated units; `shares` (B,) weigh the baseline periods."""
        noise, divisor = unit_noise(problem, shares)
        after = problem.performance_columns
        donors = problem.sizes[:, after][problem.donors]
        donor_shares = donors / donors.sum(axis=0)
        donor_noise = noise[:, after][problem.donors]
        donor_baseline = (noise[:, problem.baseline][problem.donors] @ shares**2)[:, None]
        return cls(
            performance=noise[np.ix_(problem.treated, after)] / divisor,
            baseline=(noise[np.ix_(problem.treated, problem.baseline)] @ shares**2)[:, None] / divisor,
            reference_performance=(donor_shares**2 * donor_noise).sum(axis=0) / divisor,
            reference_baseline=(donor_shares**2 * donor_baseline).sum(axis=0) / divisor,
            reference_shock=float((donor_shares**2).sum(axis=0).mean()),
            donor_shares=donor_shares.mean(axis=1),
        )

    def by_source(self, parameters: NoiseParameters) -> dict[str, Floats]:
        """Return the variance of the relative benchmark error by source, arrays that broadcast to (I, P)."""
        k2, tau2 = parameters.k_hat**2, parameters.tau_hat**2
        reference_noise = self.reference_performance + self.reference_baseline
        return {
            "performance_noise": k2 * self.performance,
            "baseline_noise": k2 * self.baseline,
            "group_shock": np.array(tau2),
            "reference_group": k2 * reference_noise + tau2 * self.reference_shock,
        }
