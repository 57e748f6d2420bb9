"""Time weights of synthetic difference in differences, at their exact optimum.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021, doi:10.1257/aer.20190159), with N0 donors:

    lambda = argmin |demeaned(ybar_after - Y_before lambda)|^2 / N0 + zeta_lambda^2 |lambda|^2   over the simplex.

The unit weights come from ``simplex_least_squares``.
"""

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_weights
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Booleans, Floats


def first_difference_noise(before: Floats, donors: Booleans) -> float:
    """Return the standard deviation (n - 1) of first differences of the outcomes `before` (T0, N) of donors (N,)."""
    steps = np.diff(before[:, donors], axis=0)
    return float(steps.std(ddof=1)) if steps.size > 1 else 0.0


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
            for j in range(J):
                G[t, s] += X[t, j] * X[s, j]
            G[s, t] = G[t, s]
    return simplex_weights(G, np.full(T0, J * zeta * zeta), np.zeros(T0))
