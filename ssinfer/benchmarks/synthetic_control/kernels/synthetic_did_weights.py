"""Time weights of synthetic difference in differences, at their exact optimum.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021, doi:10.1257/aer.20190159), with T0 periods before, T1
after, N0 donors, N1 treated units and sigma the standard deviation of the donors' first differences before:

    omega  = argmin |demeaned(y_1 - Y_0 omega)|^2 / T0 + zeta_omega^2 |omega|^2,
    lambda = argmin |demeaned(ybar_after - Y_before lambda)|^2 / N0 + zeta_lambda^2 |lambda|^2,

both over the simplex, with zeta_omega = (N1 T1)^(1/4) sigma and zeta_lambda = 1e-6 sigma. The estimate is the
weighted double difference. The unit weights omega come from ``simplex_least_squares``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_weights
from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from ssinfer.typing import Booleans, Floats


def first_difference_noise(before: Floats, donors: Booleans) -> float:
    """Return the standard deviation (n - 1) of first differences of the outcomes `before` (T0, N) of donors (N,)."""
    steps = np.diff(before[:, donors], axis=0)
    return float(steps.std(ddof=1)) if steps.size > 1 else 0.0


@compiled
def time_weights(before: Floats, after: Floats, donors: Booleans, zeta: float) -> tuple[Floats, float, int, int]:
    """Return the weights of the earlier periods that predict the donors' later mean.

    Parameters
    ----------
    before : array (T0, N)
        Outcomes before the contract.
    after : array (N,)
        Each unit's mean over the performance periods.
    donors : bool array (N,)
        Units that count.
    zeta : float
        Ridge, in the unit of the outcome.

    Returns
    -------
    weights : array (T0,)
        Weights on the simplex.
    gap, status, iterations : float, int, int
        As for `simplex_weights`.
    """
    T0, N = before.shape
    count = 0
    mean = np.zeros(T0 + 1)
    for j in range(N):
        if donors[j]:
            count += 1
            mean[T0] += after[j]
            for t in range(T0):
                mean[t] += before[t, j]
    mean /= count
    G = np.zeros((T0, T0))
    row = np.empty(T0)
    for j in range(N):
        if donors[j]:
            later = after[j] - mean[T0]
            for t in range(T0):
                row[t] = before[t, j] - mean[t] - later
            for t in range(T0):
                for s in range(t + 1):
                    G[t, s] += row[t] * row[s]
    for t in range(T0):
        for s in range(t):
            G[s, t] = G[t, s]
    return simplex_weights(G, np.full(T0, count * zeta * zeta), np.zeros(T0))
