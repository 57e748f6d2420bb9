"""Time weights of synthetic difference in differences, at their exact optimum.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021, doi:10.1257/aer.20190159), with N0 donors:

    lambda = argmin |demeaned(ybar_after - Y_before lambda)|^2 / N0 + zeta_lambda^2 |lambda|^2   over the simplex.

The unit weights come from ``simplex_least_squares``.
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
    """Return weights (T0,) of earlier periods that predict the donors' later mean, and gap, status and iterations.

    `before` (T0, N) are outcomes before the contract, `after` (N,) means over performance, `donors` (N,) the units that
    count. `zeta` is the ridge, in the unit of the outcome.
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
