"""Error components: sampling noise that shrinks with size, and a group shock that does not.

A unit's contrast of relative spending is performance minus weighted baseline. Over P periods it has the covariance

    V_j = k^2 / n_j A + tau^2 S(rho),      A = (I + (w'w) 1 1') / (1 + w'w)

w are the baseline weights, k^2 / n_j is the sampling variance in a single period, and S is the contrast of a stationary
AR(1) shock, scaled to mean diagonal one: tau is the SD that the shock adds in one period. A^-1/2 S A^-1/2 =
U diag(lambda) U' turns the P errors of any unit into independent ones, with variances k^2 / n_j + tau^2 lambda_p.
"""

from dataclasses import dataclass

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats

MAX_FACTORS = 8  # variances that are multiplied before one logarithm is taken


def shock_contrast(rho: float, weights: Floats, baseline: Floats, performance: Floats) -> Floats:
    """Return S (P, P), the covariance of performance minus weighted-baseline AR(1) shocks, with mean diagonal one."""

    def cov(times: Floats, other_times: Floats) -> Floats:
        return np.asarray(rho ** np.abs(times[:, None] - other_times[None, :]))

    within = weights @ cov(baseline, baseline) @ weights
    across = cov(performance, baseline) @ weights
    shape = cov(performance, performance) - across[:, None] - across[None, :] + within
    return np.asarray(shape / np.diag(shape).mean())


def noise_shape(weights: Floats, n_performance: int) -> Floats:
    """Return A (P, P), the sampling covariance of the contrast at equal sizes, with diagonal one."""
    spread = float(weights @ weights)
    return np.asarray((np.eye(n_performance) + spread) / (1.0 + spread))


def rotation(noise: Floats, shock: Floats) -> tuple[Floats, Floats]:
    """Return Q and lambda: z = Q x has independent entries with variances k^2/n + tau^2 lambda."""
    values, vectors = np.linalg.eigh(noise)
    root = vectors / np.sqrt(values) @ vectors.T
    lam, turn = np.linalg.eigh(root @ shock @ root)
    return np.asarray(turn.T @ root), np.clip(lam, 0.0, None)


def gaussian_terms(squares: Floats, size: Floats, lam: Floats, noise: Floats, shock: Floats) -> tuple[Floats, Floats]:
    """Return sums of log V and of squares (J, W, P) / V (F, J); V = noise_f size_jw + shock_f lam_p, NaN: no window."""
    logs, product, quadratics = _gaussian_parts(squares, size, lam, noise, shock)
    return (logs + np.log(product)).T, quadratics.T  # NumPy takes many logarithms at once


@compiled
def _gaussian_parts(
    squares: Floats, size: Floats, lam: Floats, noise: Floats, shock: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the sums (J, F) of `gaussian_terms`; each log V is in the first one, or still a factor of the second."""
    shape = len(squares), noise.size
    logs, product, quadratics = np.zeros(shape), np.ones(shape), np.zeros(shape)
    for j in range(len(squares)):
        for f in range(noise.size):
            n_factors, factors, total = 0, 1.0, 0.0  # total / factors is the sum of squares / V: one division for many
            for w in range(squares.shape[1]):
                for p in range(lam.size):
                    square = squares[j, w, p]
                    if np.isnan(square):
                        continue
                    if n_factors == MAX_FACTORS:
                        logs[j, f] += np.log(factors)
                        quadratics[j, f] += total / factors
                        n_factors, factors, total = 0, 1.0, 0.0
                    n_factors += 1
                    variance = noise[f] * size[j, w] + shock[f] * lam[p]
                    total = total * variance + square * factors
                    factors *= variance
            product[j, f] = factors
            quadratics[j, f] += total / factors
    return logs, product, quadratics


@dataclass(frozen=True, eq=False)
class NoiseFit:
    """Maximum-likelihood k and tau per set of unit weights (R,), and the log likelihood there."""

    k: Floats
    tau: Floats
    log_likelihood: Floats


def fit_noise(squares: Floats, size: Floats, lam: Floats, known: str, masses: Floats, points: int = 33) -> NoiseFit:
    """Return k and tau by maximum likelihood, from the arrays of `gaussian_terms` and masses (J, R) of units.

    If `known` is "size", V = s^2 [(1 - phi) d_j / dbar + phi lambda]: phi is the shock's share of the variance at the
    typical size, on a grid, and s^2 has a closed form. "variance": `size` holds variances and k is 1; "none": k is 0.
    """
    if known == "variance":
        scale = float(np.nanmean(squares))
        tau2 = (np.linspace(0.0, 1.6, 4 * points) ** 2) * scale
        logs, quadratics = gaussian_terms(squares, size, lam, np.ones_like(tau2), tau2)
        value = (logs + quadratics) @ masses
        best = value.argmin(axis=0)
        return NoiseFit(np.ones(masses.shape[1]), np.sqrt(tau2[best]), -0.5 * value.min(axis=0))
    count = np.isfinite(squares).sum(axis=(1, 2)) @ masses  # (R,)
    typical = float(np.nanmean(size)) if known == "size" else 1.0
    # phi stays off 0 and 1: some noise and some shock keep the likelihood finite at any size
    phi = np.linspace(1e-6, 1 - 1e-6, points) if known == "size" else np.ones(1)
    relative = size / typical if known == "size" else np.zeros_like(size)
    logs, quadratics = gaussian_terms(squares, relative, lam, 1 - phi, phi)
    s2 = (quadratics @ masses) / count  # (F, R)
    value = -0.5 * (logs @ masses + count * np.log(s2) + count)
    best = value.argmax(axis=0)
    s2 = s2[best, np.arange(masses.shape[1])]
    k = np.sqrt(s2 * (1 - phi[best]) / typical) if known == "size" else np.zeros(masses.shape[1])
    return NoiseFit(k, np.sqrt(s2 * phi[best]), value.max(axis=0))
