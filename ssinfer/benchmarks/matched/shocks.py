"""Shocks of practices and regions: learned from practices without a contract, drawn once each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.kernels.practice_shocks import ShockPosterior, learn_shocks, shock_correlation
from ssinfer.check import Check
from ssinfer.typing import Floats, Integers, Positions


@dataclass(frozen=True, eq=False)
class Shocks:
    """Posterior of the shocks, and their weights in the benchmark's error."""

    posterior: ShockPosterior
    shares: Floats  # (I, J): share of each donor practice in each treated unit's comparison
    region_contrast: Floats  # (I, R): treated unit's region (0 or 1) minus the comparison's share of each region
    n_placebos: int  # practices and regions from which the shocks are learned
    n_regions: int
    n_periods: int
    baseline_spending: float  # of the treated group, per insured-year

    @classmethod
    def learn(
        cls, problem: CohortProblem, placebos: tuple[Floats, Floats, Positions], shares: Floats, prior: float
    ) -> "Shocks":
        """Learn the shocks from the growth of placebo practices; the scale `prior` is a fraction of spending."""
        money, years = problem.before[problem.is_treated].sum(axis=0)
        baseline_spending = float(money / years)
        growth, variance, donor = placebos
        n_placebos, n_periods = growth.shape
        region = _unit_regions(problem)
        donor_region = region[problem.donors]
        placebo_region, n_seen = donor_region[donor], len(np.unique(donor_region[donor]))
        contrast = np.zeros((len(problem.treated), int(region.max()) + 1))
        for i, unit in enumerate(problem.treated):
            contrast[i] -= np.bincount(donor_region, weights=shares[i], minlength=contrast.shape[1])
            contrast[i, region[unit]] += 1.0
        posterior = learn_shocks(growth, variance, placebo_region, prior * baseline_spending)
        return cls(posterior, shares, contrast, n_placebos, n_seen, n_periods, baseline_spending)

    def draw(self, n_draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw the comparison practices' shocks (D, I, P), and those of the treated units and of regions (D, I, P)."""
        chosen = rng.choice(len(self.posterior.probability), size=n_draws, p=self.posterior.probability)
        practice_sd, region_sd, rho = self.posterior.points[chosen].T
        comparison = self._correlated(practice_sd, rho, self.shares, rng)
        treated = self._correlated(practice_sd, rho, np.eye(len(self.shares)), rng)
        return comparison, treated + self._correlated(region_sd, rho, self.region_contrast, rng)

    def draw_plug_in(self, n_draws: int, rng: np.random.Generator, *, comparison: bool) -> Floats:
        """Draw shocks (D, I, P) at the posterior means of their variances; the comparison's only if `comparison`."""
        practice_sd, region_sd = (np.full(n_draws, value**0.5) for value in self.posterior.mean_squares)
        rho = np.full(n_draws, self.posterior.persistence)
        shocks = self._correlated(practice_sd, rho, np.eye(len(self.shares)), rng)
        if comparison:
            shocks = shocks + self._correlated(practice_sd, rho, self.shares, rng)
        return shocks + self._correlated(region_sd, rho, self.region_contrast, rng)

    def _correlated(self, sd: Floats, rho: Floats, loading: Floats, rng: np.random.Generator) -> Floats:
        """Draw sd x loading x z (D, I, P), z correlated over periods by rho. Only loading x loading' matters."""
        values, vectors = np.linalg.eigh(loading @ loading.T)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        z = np.einsum("ij,djp->dip", root, rng.standard_normal((len(sd), len(root), self.n_periods)))
        for value in np.unique(rho):
            C = shock_correlation(float(value), self.n_periods) + 1e-12 * np.eye(self.n_periods)
            z[rho == value] = z[rho == value] @ np.linalg.cholesky(C / C[0, 0]).T
        return np.asarray(z * sd[:, None, None])

    def checks(self) -> list[Check]:
        """Return the posterior means of the standard deviations as fractions of baseline spending."""
        practice, region = (value**0.5 / self.baseline_spending for value in self.posterior.mean_squares)
        text = "fraction of spending, 90% interval {:.4f} to {:.4f}, from {} {}"
        message = text.format(*self._interval(0), self.n_placebos, "placebo practices")
        of_practice = Check("practice shock SD", "NOT EVALUATED", practice, message)
        if self.n_regions > 1:
            message = text.format(*self._interval(1), self.n_regions, "regions")
            return [of_practice, Check("contract shock SD", "NOT EVALUATED", region, message)]
        message = (
            "with fewer than two regions, the shock that a contract's practices share cannot be learned and is left "
            "out; give each person a region"
        )
        return [of_practice, Check("contract shock SD", "WARN", 0.0, message)]

    def _interval(self, column: int) -> tuple[float, float]:
        """Return the 90% posterior interval of a standard deviation, as fractions of baseline spending."""
        values = self.posterior.points[:, column]
        order = np.argsort(values, kind="stable")
        total = np.cumsum(self.posterior.probability[order])
        positions = [min(int(np.searchsorted(total, q)), len(order) - 1) for q in (0.05, 0.95)]
        low, high = values[order][positions]
        return float(low) / self.baseline_spending, float(high) / self.baseline_spending


def _unit_regions(problem: CohortProblem) -> Integers:
    """Return the region of most persons of each panel unit (N,); one region for all if regions are unknown."""
    if problem.cohort.region is None:
        return np.zeros(len(problem.panel.units), dtype=np.int64)
    counts = pd.crosstab(problem.unit, problem.cohort.region[problem.rows])
    return np.asarray(counts.reindex(range(len(problem.panel.units)), fill_value=0).to_numpy().argmax(axis=1))
