"""Likelihood of the shocks' size, persistence and volatility, from donors in the treated unit's place.

Donor j less the mean of the others, each in units of its own level, is over all T periods taken as

    N(0, loose_j + omega_j^2 / (1 - rho^2) [v_s v_t rho^|s - t|] + k^2 diag(noise_j)),
    log omega_j ~ N(log omega, s^2).

`loose` holds directions in which donors differ for reasons that weights can reproduce (level, common factor), with a
variance so large that what a placebo shows in them says nothing. v_t, how volatile a period is, is common to all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import LARGEST_RHO
from ssinfer.kernels.cholesky import cholesky, inverse
from ssinfer.kernels.compile import compiled

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
    gradient: Array,
) -> float:
    """Return the sum over placebos of the log likelihood, and write its gradient.

    Parameters
    ----------
    theta : array (4 + T,)
        log omega, logit(rho / 0.995), log k, log s, log v.
    residual : array (m, T)
    noise : array (m, T)
        Sampling variance of the residual, up to k^2.
    times : array (T,)
    loose : array (m, T, T)
    nodes, masses : array (h,)
        Quadrature for a standard normal.
    gradient : array (4 + T,)
        Overwritten.
    """
    m, T = residual.shape
    rho = LARGEST_RHO / (1.0 + np.exp(-theta[1]))
    k2, s, v = np.exp(2.0 * theta[2]), np.exp(theta[3]), np.exp(theta[4:])
    power, steep = np.empty((T, T)), np.empty((T, T))
    for a in range(T):
        for b in range(T):
            gap = abs(times[a] - times[b])
            power[a, b] = v[a] * v[b] * rho**gap / (1.0 - rho * rho)
            # slope in logit(rho / 0.995), relative to the entry
            steep[a, b] = (2.0 * rho * rho / (1.0 - rho * rho) + gap) * (1.0 - rho / LARGEST_RHO)
    total = 0.0
    gradient[:] = 0.0
    C, P, half, alpha = np.empty((T, T)), np.empty((T, T)), np.empty(T), np.empty(T)
    logs, slopes = np.empty(nodes.size), np.empty((nodes.size, 4 + T))
    for j in range(m):
        for h in range(nodes.size):
            omega2 = np.exp(2.0 * (theta[0] + s * nodes[h]))
            for a in range(T):
                for b in range(a + 1):
                    C[a, b] = loose[j, a, b] + omega2 * power[a, b]
                C[a, a] += k2 * noise[j, a]
            if not cholesky(C):
                gradient[:] = 0.0
                return -np.inf
            value = 0.0
            for a in range(T):
                x = residual[j, a]
                for b in range(a):
                    x -= C[a, b] * half[b]
                half[a] = x / C[a, a]
                value -= 0.5 * half[a] * half[a] + np.log(C[a, a])
            logs[h] = value + np.log(masses[h])
            inverse(C, P)
            for a in range(T):
                alpha[a] = 0.0
                for b in range(T):
                    alpha[a] += P[a, b] * residual[j, b]
            slopes[h] = 0.0
            for a in range(T):
                for b in range(T):
                    # d value / dC is (alpha alpha' - P) / 2
                    share = (alpha[a] * alpha[b] - P[a, b]) * omega2 * power[a, b]
                    slopes[h, 4 + a] += share
                    slopes[h, 1] += 0.5 * share * steep[a, b]
                slopes[h, 0] += slopes[h, 4 + a]
                slopes[h, 2] += (alpha[a] * alpha[a] - P[a, a]) * k2 * noise[j, a]
            slopes[h, 3] = slopes[h, 0] * s * nodes[h]
        top = logs.max()
        odds = np.exp(logs - top)
        total += top + np.log(odds.sum())
        odds /= odds.sum()
        for h in range(nodes.size):
            for a in range(4 + T):
                gradient[a] += odds[h] * slopes[h, a]
    return total
