"""Posterior of the true saving d given M = d + E0, with E0 = Bbar - B: proportional to pi(d) p(M - d).

The density p of E0 is a mixture of normals fitted to the draws. A kernel density would have the tails of the kernel.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, logsumexp

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats

MAX_ITERATIONS = 200
MAX_MIXTURE_DRAWS = 4000
# Weights, means and SDs of the starts: from narrow and frequent to wide and rare, with different means for skewness.
STARTS = (
    (np.array([1.0]), np.array([0.0]), np.array([1.0])),
    (np.array([0.8, 0.2]), np.array([0.0, 0.1]), np.array([0.8, 1.6])),
    (np.array([0.7, 0.2, 0.1]), np.array([0.0, 0.5, -0.5]), np.array([0.8, 1.4, 2.0])),
)


@dataclass(frozen=True, eq=False)
class NormalMixture:
    """Weights, means and SDs (K,) of a mixture of normals."""

    weights: Floats
    means: Floats
    sds: Floats


def fit_normal_mixture(draws: Floats) -> NormalMixture:
    """Return the mixture of one to three normals with the smallest BIC, by EM on at most 4,000 quantiles."""
    centre, spread = float(draws.mean()), float(draws.std())
    z = (draws - centre) / spread
    if len(z) > MAX_MIXTURE_DRAWS:
        z = np.sort(z)[np.linspace(0, len(z) - 1, MAX_MIXTURE_DRAWS).round().astype(np.intp)]
    best, lowest = None, np.inf
    for weights, means, sds in STARTS:
        *fitted, log_likelihood = _expectation_maximisation(z, weights, means, sds, MAX_ITERATIONS)
        bic = -2 * log_likelihood + (3 * len(weights) - 1) * np.log(len(z))
        if bic >= lowest:
            break
        best, lowest = fitted, bic
    assert best is not None  # noqa: S101  (one normal always has a likelihood)
    return NormalMixture(best[0], centre + spread * best[1], spread * best[2])


def probability_positive(measured: Floats, error: NormalMixture, mean: float, sd: float) -> Floats:
    """Return P(d > 0 | M) (R,) for measured savings (R,); the flat prior where sd is infinite."""
    weight, centre, scale = _posterior_components(measured, error, mean, sd)
    positive = log_ndtr(centre / scale)
    return np.asarray(np.exp(logsumexp(weight + positive, axis=1) - logsumexp(weight, axis=1)))


def highest_density_lower(measured: float, error: NormalMixture, mean: float, sd: float, level: float) -> float:
    """Return the lower end of the highest-density region of d given M at `level`."""
    (weight,), (centre,), (scale,) = _posterior_components(np.array([measured]), error, mean, sd)
    grid = np.linspace((centre - 8 * scale).min(), (centre + 8 * scale).max(), 4001)
    share, z = np.exp(weight - logsumexp(weight)), (grid[:, None] - centre) / scale
    density = (share / scale * np.exp(-0.5 * z**2)).sum(axis=1) / np.sqrt(2 * np.pi)
    order = np.argsort(density)[::-1]
    mass = np.cumsum(density[order])
    inside = order[: int(np.searchsorted(mass, level * mass[-1])) + 1]
    return float(grid[inside].min())


def _posterior_components(
    measured: Floats, error: NormalMixture, mean: float, sd: float
) -> tuple[Floats, Floats, Floats]:
    """Return log weights, means and SDs (R, K) of the posterior mixture of d."""
    shift = measured[:, None] - error.means[None, :]
    if not np.isfinite(sd):
        return np.broadcast_to(np.log(error.weights), shift.shape), shift, np.broadcast_to(error.sds, shift.shape)
    total = error.sds**2 + sd**2
    weight = np.log(error.weights) - 0.5 * np.log(total) - 0.5 * (shift - mean) ** 2 / total
    precision = 1 / error.sds**2 + 1 / sd**2
    centre = (shift / error.sds**2 + mean / sd**2) / precision
    return weight, centre, np.broadcast_to(1 / np.sqrt(precision), shift.shape)


@compiled
def _expectation_maximisation(
    z: Floats, weights: Floats, means: Floats, sds: Floats, iterations: int
) -> tuple[Floats, Floats, Floats, float]:
    """Fit normals (K,) to standardised draws (S,) from a start; also return the log-likelihood."""
    n = weights.size
    weights, means, sds = weights.copy(), means.copy(), sds.copy()
    term = np.empty(n)
    before = -np.inf
    value = 0.0
    for _ in range(iterations):
        count, first, second = np.zeros(n), np.zeros(n), np.zeros(n)
        value = 0.0
        for draw in z:
            total = 0.0
            for k in range(n):
                term[k] = weights[k] / sds[k] * np.exp(-0.5 * ((draw - means[k]) / sds[k]) ** 2)
                total += term[k]
            total = max(total, 1e-300)
            value += np.log(total)
            for k in range(n):
                share = term[k] / total
                count[k] += share
                first[k] += share * draw
                second[k] += share * draw * draw
        if value - before < 1e-3:
            break
        before = value
        for k in range(n):
            mass = max(count[k], 1e-300)
            weights[k] = max(count[k] / z.size, 1e-8)
            means[k] = first[k] / mass
            # no component is narrower than a tenth of the draws' SD
            sds[k] = np.sqrt(max(second[k] / mass - means[k] ** 2, 0.01))
    return weights / weights.sum(), means, sds, value
