"""Likelihood of the shocks' size and persistence, from donors in the treated unit's place.

Donor j less the mean of the others, over all T periods and in units of its own level, is taken as

    N(0, loose_j + omega_j^2 / (1 - rho^2) [rho^|s - t|] + k^2 diag(noise_j)),   log omega_j ~ N(log omega, s^2).

`loose` holds directions in which donors differ for reasons that weights can reproduce (level, common factor), with a
variance so large that what a placebo shows in them says nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.kernels.compile import compiled
from ssinfer.kernels.simplex_posterior import LARGEST_RHO, cholesky

Array = NDArray[np.float64]


@compiled
def shock_log_likelihood(
    theta: Array,
    residual: Array,
    noise: Array,
    times: Array,
    loose: Array,
    nodes: Array,
    masses: Array,
) -> float:
    """Return the sum over placebos of the log likelihood.

    Parameters
    ----------
    theta : array (4,)
        log omega, logit(rho / 0.995), log k, log s.
    residual : array (m, T)
    noise : array (m, T)
        Sampling variance of the residual, up to k^2.
    times : array (T,)
    loose : array (m, T, T)
    nodes, masses : array (h,)
        Quadrature for a standard normal.
    """
    m, T = residual.shape
    rho = LARGEST_RHO / (1.0 + np.exp(-theta[1]))
    k2, s = np.exp(2.0 * theta[2]), np.exp(theta[3])
    power = np.empty((T, T))
    for a in range(T):
        for b in range(T):
            power[a, b] = rho ** abs(times[a] - times[b]) / (1.0 - rho * rho)
    total = 0.0
    C, half = np.empty((T, T)), np.empty(T)
    logs = np.empty(nodes.size)
    for j in range(m):
        for h in range(nodes.size):
            omega2 = np.exp(2.0 * (theta[0] + s * nodes[h]))
            for a in range(T):
                for b in range(a + 1):
                    C[a, b] = loose[j, a, b] + omega2 * power[a, b]
                C[a, a] += k2 * noise[j, a]
            if not cholesky(C):
                return -np.inf
            value = 0.0
            for a in range(T):
                x = residual[j, a]
                for b in range(a):
                    x -= C[a, b] * half[b]
                half[a] = x / C[a, a]
                value -= 0.5 * half[a] * half[a] + np.log(C[a, a])
            logs[h] = value + np.log(masses[h])
        top = logs.max()
        total += top + np.log(np.exp(logs - top).sum())
    return total
