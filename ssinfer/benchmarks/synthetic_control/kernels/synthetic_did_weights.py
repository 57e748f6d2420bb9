"""Weights of synthetic difference in differences, at their exact optimum.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021, doi:10.1257/aer.20190159), with N0 donors:

    lambda = argmin |demeaned(ybar_after - Y_before lambda)|^2 / N0 + zeta_lambda^2 |lambda|^2   over the simplex.

The unit weights come from ``simplex_least_squares``, with ridge T0 zeta_omega^2.
"""

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_batch, simplex_weights
from ssinfer.typing import Booleans, Floats, Integers


def first_difference_noise(before: Floats) -> float:
    """Return the standard deviation (n - 1) of first differences of donors' outcomes `before` (T0, J)."""
    steps = np.diff(before, axis=0)
    return float(steps.std(ddof=1)) if steps.size > 1 else 0.0


def time_weights(outcomes: Floats, zeta: float) -> tuple[Floats, float, int, int]:
    """Return weights (T0,) of earlier periods that predict the donors' later mean, and gap, status and iterations.

    `outcomes` (T0 + 1, J) of donors are those of the baseline and, last, the means over performance. `zeta` is the
    ridge, in the unit of the outcome.
    """
    T0, J = len(outcomes) - 1, outcomes.shape[1]
    X = outcomes - outcomes.mean(axis=1, keepdims=True)
    X = X[:-1] - X[-1]
    weights: tuple[Floats, float, int, int] = simplex_weights(X @ X.T, np.full(T0, J * zeta * zeta), np.zeros(T0))
    return weights


def synthetic_did_weights(
    outcomes: Floats, F: Floats, targets: Integers, donors: Booleans, ridges: tuple[float, float], warm: Floats | None
) -> tuple[Floats, Floats, Floats, Integers, Integers]:
    """Return unit weights (M, N), time weights (M, T0), and gap, status and iterations (2, M) of both.

    `outcomes` (T0 + 1, N) are those of `time_weights`, F (T0, N) is their factor, `donors` (M, N) are allowed to
    `targets` (M,), and `ridges` are zeta of units and of periods over the noise. The search starts from `warm` (M, N)
    or, without it, from the fit before.
    """
    M, N = donors.shape
    T0 = F.shape[0]
    K = F.T @ F
    W, periods = np.zeros((M, N)), np.zeros((M, T0))
    gap, status, iterations = np.zeros((2, M)), np.zeros((2, M), dtype=np.int64), np.zeros((2, M), dtype=np.int64)
    for m in range(M):
        others = outcomes[:, donors[m]]
        noise = first_difference_noise(others[:T0])
        start = np.where(donors[m], W[m - 1], 0.0) if warm is None else warm[m]
        fit, penalty = slice(m, m + 1), np.full(N, T0 * (ridges[0] * noise) ** 2)
        W[fit], gap[0, fit], status[0, fit], iterations[0, fit] = simplex_batch(
            K, F, targets[fit], donors[fit], penalty, start[None]
        )
        periods[m], gap[1, m], status[1, m], iterations[1, m] = time_weights(others, ridges[1] * noise)
    return W, periods, gap, status, iterations
