"""Shocks of practices and regions in a benchmark from persons: learned from placebo practices, drawn once each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.kernels.practice_shocks import ShockPosterior, learn_shocks, shock_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
    from ssinfer.benchmarks.matched.growth import PlaceboGrowth
    from ssinfer.typing import Floats

    Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shocks:
    """Posterior of the shocks, and how they enter the benchmark's error.

    Attributes
    ----------
    posterior : ShockPosterior
    shares : (I, J) share of each donor practice in each treated unit's comparison
    region_contrast : (I, R) treated unit's region (0 or 1) less the comparison's share of each region
    n_placebos, n_regions : int
    n_periods : int
    level : float
        Baseline spending of the treated group per insured-year.
    """

    posterior: ShockPosterior
    shares: Floats
    region_contrast: Floats
    n_placebos: int
    n_regions: int
    n_periods: int
    level: float

    @classmethod
    def learn(cls, problem: CohortProblem, placebos: PlaceboGrowth, shares: Floats, prior: float) -> Shocks:
        """Learn SDs and persistence from the growth of practices without a contract.

        `prior` is the scale of the half-normal priors, as a share of the treated group's baseline spending.
        """
        own = problem.before[problem.is_treated].sum(axis=0)
        level = float(own[0] / own[1])
        region = _unit_regions(problem)
        of_donors = None if region is None else region[problem.donors]
        placed = None if of_donors is None else of_donors[placebos.place]
        posterior = learn_shocks(placebos.growth, placebos.variance, placed, prior * level)
        n_regions = 0 if region is None or of_donors is None else int(region.max()) + 1
        contrast = np.zeros((len(problem.treated), max(n_regions, 1)))
        if region is not None and of_donors is not None:
            for i, unit in enumerate(problem.treated):
                contrast[i] -= np.bincount(of_donors, weights=shares[i], minlength=n_regions)
                contrast[i, region[unit]] += 1.0
        known = 0 if placed is None else len(np.unique(placed))
        return cls(posterior, shares, contrast, len(placebos.growth), known, placebos.growth.shape[1], level)

    def draw(self, n_draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return (D, I, P) twice: the comparison practices' shocks, and own practice and region shocks."""
        picked = rng.choice(len(self.posterior.probability), size=n_draws, p=self.posterior.probability)
        points = self.posterior.points[picked]
        kept = self._correlated(points[:, 0], points[:, 2], self.shares, rng)
        lost = self._correlated(points[:, 0], points[:, 2], np.eye(len(self.shares)), rng)
        return kept, lost + self._correlated(points[:, 1], points[:, 2], self.region_contrast, rng)

    def draw_plug_in(self, n_draws: int, rng: np.random.Generator, *, comparison: bool) -> Floats:
        """Return shocks (D, I, P) at the posterior means of their variances.

        Own practice and region shocks, and those of the comparison practices if `comparison`.
        """
        practice, region = self.posterior.mean_squares
        rho = np.full(n_draws, self.posterior.persistence)
        own = self._correlated(np.full(n_draws, practice**0.5), rho, np.eye(len(self.shares)), rng)
        if comparison:
            own = own + self._correlated(np.full(n_draws, practice**0.5), rho, self.shares, rng)
        return own + self._correlated(np.full(n_draws, region**0.5), rho, self.region_contrast, rng)

    def _correlated(self, sd: Floats, rho: Floats, loading: Floats, rng: np.random.Generator) -> Floats:
        """Return sd x loading x z (D, I, P), z correlated over periods by rho; only loading's Gram matrix matters."""
        values, vectors = np.linalg.eigh(loading @ loading.T)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        z = np.einsum("ij,djp->dip", root, rng.standard_normal((len(sd), len(root), self.n_periods)))
        for value in np.unique(rho):
            here = rho == value
            C = shock_correlation(float(value), self.n_periods) + 1e-12 * np.eye(self.n_periods)
            z[here] = z[here] @ np.linalg.cholesky(C / C[0, 0]).T
        return np.asarray(z * sd[:, None, None])

    def rows(self) -> list[tuple[str, str, float, str]]:
        """Return rows of diagnostics: SDs as shares of baseline spending."""
        practice, region = (value**0.5 / self.level for value in self.posterior.mean_squares)
        low, high = self._interval(0)
        rows = [
            (
                "practice shock SD",
                "INFO",
                practice,
                f"share of spending, 90% interval {low:.4f} to {high:.4f}, from {self.n_placebos} placebo practices",
            )
        ]
        if self.n_regions > 1:
            low, high = self._interval(1)
            text = f"share of spending, 90% interval {low:.4f} to {high:.4f}, from {self.n_regions} regions"
            rows.append(("contract shock SD", "INFO", region, text))
        else:
            text = (
                "no regions (or one): a shock that a contract's practices share cannot be learned and is left out; "
                "give Cohort(region=...)"
            )
            rows.append(("contract shock SD", "WARN", 0.0, text))
        return rows

    def _interval(self, column: int) -> tuple[float, float]:
        values = self.posterior.points[:, column]
        order = np.argsort(values, kind="stable")
        total = np.cumsum(self.posterior.probability[order])
        places = [min(int(np.searchsorted(total, q)), len(order) - 1) for q in (0.05, 0.95)]
        low, high = values[order][places]
        return float(low) / self.level, float(high) / self.level


def _unit_regions(problem: CohortProblem) -> Codes | None:
    """Return the region in which most persons of each panel unit live (N,), or None."""
    if problem.cohort.region is None:
        return None
    codes, _ = pd.factorize(problem.cohort.region[problem.rows], sort=True)
    counts = np.zeros((len(problem.panel.units), int(codes.max()) + 1))
    np.add.at(counts, (problem.unit, codes), 1.0)
    return np.asarray(counts.argmax(axis=1), dtype=np.int64)
