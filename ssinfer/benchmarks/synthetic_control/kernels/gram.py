"""Gram matrices from which all synthetic-control fits of one panel are read.

With Y (T, N) the outcomes, a_t >= 0 the weight of period t, and weights w that sum to one,

    sum_t a_t (y_it - sum_j w_j y_jt)^2 = w' G w,    G_jk = K_jk - K_ij - K_ik + K_ii,    K = Y' A Y.

A constant added to a period leaves G unchanged, so periods are centred first: the differences lose no digits.
"""

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats, Integers


def factor(Y: Floats, period_weights: Floats, intercept: bool) -> Floats:
    """Return F (T, N) with F'F the Gram matrix of Y (T, N) by period weights a (T,); `intercept`: of demeaned units."""
    F = Y - Y.mean(axis=1, keepdims=True)
    if intercept:
        F -= period_weights @ F / period_weights.sum()
    return np.asarray(np.sqrt(period_weights)[:, None] * F)


@compiled
def differenced_gram(K: Floats, target: int, donors: Integers) -> Floats:
    """Return G (J, J) of the differences of donors (J,) from the target, given the Gram matrix K (N, N) of units."""
    J = donors.size
    G = np.empty((J, J))
    for p in range(J):
        for q in range(p + 1):
            j, k = donors[p], donors[q]
            G[p, q] = G[q, p] = K[j, k] - K[target, j] - K[target, k] + K[target, target]
    return G
