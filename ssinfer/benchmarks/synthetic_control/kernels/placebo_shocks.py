"""Likelihood of the shocks' size, persistence and volatility, from donors in the treated unit's position.

The path of donor j less the mean of the others, each in units of its own level, has over all T periods the distribution

    N(0, loose_j + omega_j^2 / (1 - rho^2) [v_s v_t rho^|s - t|] + k^2 diag(noise_j)),
    log omega_j ~ N(log omega, s^2),   v_t common to all donors.

`loose` is a large variance in level and common factor, the directions in which weights can reproduce differences.
"""

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import MAX_RHO
from ssinfer.kernels.cholesky import cholesky, inverse
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats


@compiled
def _shock_covariance(v: Floats, rho: float, times: Floats) -> tuple[Floats, Floats]:
    """Return the shocks' covariance (T, T) per omega^2, and its relative slope in logit(rho / 0.995)."""
    T = times.size
    covariance, slope = np.empty((T, T)), np.empty((T, T))
    for a in range(T):
        for b in range(T):
            gap = abs(times[a] - times[b])
            covariance[a, b] = v[a] * v[b] * rho**gap / (1.0 - rho * rho)
            slope[a, b] = (2.0 * rho * rho / (1.0 - rho * rho) + gap) * (1.0 - rho / MAX_RHO)
    return covariance, slope


@compiled
def shock_log_likelihood(
    theta: Floats,
    residual: Floats,
    noise: Floats,
    times: Floats,
    loose: Floats,
    nodes: Floats,
    masses: Floats,
    gradient: Floats,
) -> float:
    """Return the sum over placebos of the log likelihood at theta (4 + T,), and overwrite `gradient` by its gradient.

    theta is (log omega, logit(rho / 0.995), log k, log s, log v). `residual` (m, T) are paths of the donors less the
    mean of the others, `noise` (m, T) their variance up to k^2, `loose` (m, T, T) is the covariance that weights can
    reproduce. `nodes` and `masses` (h,) are a quadrature for a standard normal.
    """
    m, T = residual.shape
    rho = MAX_RHO / (1.0 + np.exp(-theta[1]))
    k2, s, v = np.exp(2.0 * theta[2]), np.exp(theta[3]), np.exp(theta[4:])
    power, steep = _shock_covariance(v, rho, times)
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
                alpha[a] = (P[a] * residual[j]).sum()
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
            gradient += odds[h] * slopes[h]
    return total
