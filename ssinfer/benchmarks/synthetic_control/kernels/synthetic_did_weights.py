"""Weights of synthetic difference in differences, at their exact optimum.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021, doi:10.1257/aer.20190159), with N0 donors:

    lambda = argmin |demeaned(ybar_after - Y_before lambda)|^2 / N0 + zeta_lambda^2 |lambda|^2   over the simplex.

The unit weights come from ``simplex_least_squares``, with ridge T0 zeta_omega^2.
"""

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_batch, simplex_weights
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Booleans, Floats, Integers


@compiled
def first_difference_noise(before: Floats, donors: Booleans) -> float:
    """Return the standard deviation (n - 1) of first differences of the outcomes `before` (T0, N) of donors (N,)."""
    steps = (before[1:] - before[:-1])[:, donors]
    if steps.size < 2:
        return 0.0
    return float(np.sqrt(((steps - steps.mean()) ** 2).sum() / (steps.size - 1)))


@compiled
def time_weights(outcomes: Floats, donors: Booleans, zeta: float) -> tuple[Floats, float, int, int]:
    """Return weights (T0,) of earlier periods that predict the donors' later mean, and gap, status and iterations.

    `outcomes` (T0 + 1, N) are those of the baseline and, last, the means over performance; `donors` (N,) are the units
    that count. `zeta` is the ridge, in the unit of the outcome.
    """
    X = outcomes[:, donors]
    T0, J = X.shape[0] - 1, X.shape[1]
    for t in range(T0 + 1):
        X[t] -= X[t].sum() / J
    G = np.zeros((T0, T0))
    for t in range(T0):
        X[t] -= X[T0]
        for s in range(t + 1):
            G[t, s] = G[s, t] = (X[t] * X[s]).sum()
    return simplex_weights(G, np.full(T0, J * zeta * zeta), np.zeros(T0))


@compiled
def synthetic_did_weights(
    outcomes: Floats, F: Floats, targets: Integers, donors: Booleans, ridges: tuple[float, float], warm: Floats
) -> tuple[Floats, Floats, Floats, Integers, Integers]:
    """Return unit weights (M, N), time weights (M, T0), and gap, status and iterations (2, M) of both.

    `outcomes` are those of `time_weights`, F (T0, N) is their factor, `donors` (M, N) are allowed to `targets` (M,),
    and `ridges` are zeta of units and of periods over the noise. The search starts from `warm` (M, N) or, if it is
    empty (0, N), from the fit before.
    """
    M, N = donors.shape
    T0 = F.shape[0]
    K = F.T @ F
    W, periods = np.zeros((M, N)), np.zeros((M, T0))
    gap, status, iterations = np.zeros((2, M)), np.zeros((2, M), dtype=np.int64), np.zeros((2, M), dtype=np.int64)
    start = np.zeros((1, N))
    for m in range(M):
        noise = first_difference_noise(outcomes[:T0], donors[m])
        if warm.size:
            start[0] = warm[m]
        fit, penalty = slice(m, m + 1), np.full(N, T0 * (ridges[0] * noise) ** 2)
        W[fit], gap[0, fit], status[0, fit], iterations[0, fit] = simplex_batch(
            K, F, targets[fit], donors[fit], penalty, start
        )
        if m + 1 < M:
            start[0] = np.where(donors[m + 1], W[m], 0.0)
        periods[m], gap[1, m], status[1, m], iterations[1, m] = time_weights(outcomes, donors[m], ridges[1] * noise)
    return W, periods, gap, status, iterations
