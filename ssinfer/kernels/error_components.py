"""Variance of benchmark errors as sampling noise that shrinks with size plus a group shock that does not.

A contrast of a unit's relative spending, performance less weighted baseline, has the covariance

    V_j = k^2 / n_j A + tau^2 S(rho),      A = (I + (w'w) 1 1') / (1 + w'w)

over P performance periods: w the baseline weights, n_j the insured-years for which k^2 / n_j is the
sampling variance of a single performance period's contrast, S the contrast of a stationary AR(1) shock, scaled to
mean diagonal one, so that tau is the standard deviation that a group's shock adds to one period's error.
A^-1/2 S A^-1/2 = U diag(lambda) U' turns the P correlated errors into P independent ones with variances
k^2 / n_j + tau^2 lambda_p, the same rotation for every unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def shock_contrast(rho: float, weights: Floats, baseline: Floats, performance: Floats) -> Floats:
    """Return S (P, P): covariance of performance less weighted-baseline AR(1) shocks, mean diagonal one.

    `baseline` (B,) and `performance` (P,) are positions in time; `weights` (B,) sum to one.
    """

    def cov(one: Floats, other: Floats) -> Floats:
        return np.asarray(rho ** np.abs(one[:, None] - other[None, :]))

    within = weights @ cov(baseline, baseline) @ weights
    across = cov(performance, baseline) @ weights
    shape = cov(performance, performance) - across[:, None] - across[None, :] + within
    return np.asarray(shape / np.diag(shape).mean())


def noise_shape(weights: Floats, n_performance: int) -> Floats:
    """Return A (P, P): sampling covariance of the contrast at equal sizes, diagonal one."""
    spread = float(weights @ weights)
    return np.asarray((np.eye(n_performance) + spread) / (1.0 + spread))


def rotation(noise: Floats, shock: Floats) -> tuple[Floats, Floats]:
    """Return (Q, lambda): z = Q x has independent entries with variances k^2/n + tau^2 lambda."""
    values, vectors = np.linalg.eigh(noise)
    root = vectors / np.sqrt(values) @ vectors.T
    lam, turn = np.linalg.eigh(root @ shock @ root)
    return np.asarray(turn.T @ root), np.clip(lam, 0.0, None)


@compiled
def log_likelihoods(squares: Floats, inverse_size: Floats, lam: Floats, k: Floats, tau: Floats) -> Floats:
    """Return Gaussian log-likelihoods (K x H, J) of each unit over a grid of k (K,) and tau (H,).

    Parameters
    ----------
    squares : (J, W, P) squared rotated errors of unit j in window w; NaN where the unit has no window
    inverse_size : (J, W) 1 / n_j of the window (or the known variance, with k = 1)
    lam : (P,) eigenvalues of the shock
    """
    n_units, n_windows, n_parts = squares.shape
    out = np.zeros((k.size * tau.size, n_units))
    for a in range(k.size):
        for b in range(tau.size):
            row = a * tau.size + b
            for j in range(n_units):
                total = 0.0
                for w in range(n_windows):
                    base = k[a] * k[a] * inverse_size[j, w]
                    # a product of few variances stays in range; one logarithm serves a window
                    product = 1.0
                    quadratic = 0.0
                    seen = False
                    for p in range(n_parts):
                        square = squares[j, w, p]
                        if not np.isnan(square):
                            variance = base + tau[b] * tau[b] * lam[p]
                            product *= variance
                            quadratic += square / variance
                            seen = True
                    if seen:
                        total -= 0.5 * (np.log(product) + quadratic)
                out[row, j] = total
    return out


def noise_grid(squares: Floats, inverse_size: Floats, known: str, points: int = 28) -> tuple[Floats, Floats]:
    """Return grids of k and tau that cover the data: from near 0 to 1.6 times what either alone would need.

    `known` is "size" (k to be learned), "variance" (inverse_size holds known variances: k is 1) or "none" (k is 0).
    """
    mean_square = float(np.nanmean(squares))
    if known == "size":
        ratio = squares / inverse_size[:, :, None]
        top = np.sqrt(np.nanmean(ratio))
        k = np.linspace(0.02, 1.6, points) * top
    else:
        k = np.ones(1) if known == "variance" else np.zeros(1)
    low = 0.02 if known == "none" else 0.0
    tau = np.linspace(low, 1.6, points if known == "size" else 4 * points) * np.sqrt(mean_square)
    return np.asarray(k), np.asarray(tau)
