"""Hamiltonian Monte Carlo for donor weights on the simplex, with autocorrelated shocks and known sampling noise.

Over T0 baseline periods, in units of the treated unit's own level,

    y ~ N(X w, C),
    C = kappa^2 11' + omega^2 / (1 - rho^2) [v_s v_t rho^|s - t|] + k^2 diag(noise_t + sum_j w_j^2 noise_tj),
    w = softmax(A b + tau z),   log tau = tau_0 + tau_1 a,
    (log omega, logit(rho / 0.995), log k, log v) = m + L zeta, v over all T periods, those of the baseline first.

q = (z, b, a, zeta) is standard normal a priori. The columns of A are standardised features of the donors. A
level mu ~ N(0, kappa^2) is integrated out; kappa = 0 is the form without one.
"""

from typing import NamedTuple

import numpy as np

from ssinfer.kernels.cholesky import cholesky, inverse
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats

MAX_RHO = 0.995
MAX_LOG = 12.0  # of tau, omega, k and v, so that none overflows
MAX_STEPS = 160  # leapfrog steps of a transition
MAX_ENERGY_ERROR = 1000.0  # a transition with a larger error is divergent
TARGET_ACCEPTANCE = 0.85


class Baseline(NamedTuple):
    """Data over the T0 baseline periods and constants of the prior. J donors, F features, T periods in all.

    y (T0,), X (T0, J), times (T0,), noise (T0,), donor_noise (T0, J), features A (J, F), mean m (3 + T,), factor L
    (3 + T, 3 + T) and strength (tau_0, tau_1). Noise is the sampling variance of the means up to k^2, zero if there is
    none. A masked period leaves a gap in the times.
    """

    y: Floats
    X: Floats
    times: Floats
    noise: Floats
    donor_noise: Floats
    kappa: float
    features: Floats
    mean: Floats
    factor: Floats
    strength: Floats


@compiled
def unpack(q: Floats, data: Baseline, w: Floats, v: Floats) -> tuple[float, float, float, float]:
    """Write the weights into `w` (J,) and the volatilities into `v` (T,); return tau, omega, rho, k."""
    features, strength = data.features, data.strength
    J, F = features.shape
    tau = np.exp(min(strength[0] + strength[1] * q[J + F], MAX_LOG))
    top = -np.inf
    for j in range(J):
        w[j] = tau * q[j]
        for f in range(F):
            w[j] += features[j, f] * q[J + f]
        top = max(top, w[j])
    for j in range(J):
        w[j] = np.exp(w[j] - top)
    w /= w.sum()
    free = data.mean + data.factor @ q[J + F + 1 :]
    for t in range(v.size):
        v[t] = np.exp(min(free[3 + t], MAX_LOG))
    rho = MAX_RHO / (1.0 + np.exp(-free[1]))
    return tau, np.exp(min(free[0], MAX_LOG)), rho, np.exp(min(free[2], MAX_LOG))


@compiled
def donor_weights(q: Floats, data: Baseline) -> Floats:
    """Return donor weights (S, J) of draws q (S, J + F + 4 + T)."""
    w, v = np.empty((len(q), len(data.features))), np.empty(data.mean.size - 3)
    for s in range(len(q)):
        unpack(q[s], data, w[s], v)
    return w


@compiled
def log_density(q: Floats, data: Baseline, gradient: Floats) -> float:
    """Return the log posterior density of q up to a constant, and write its gradient (both J + F + 4 + T)."""
    y, X, times, noise, donor_noise, kappa, features, mean, factor, strength = data
    T, J = X.shape
    F = features.shape[1]
    w, v = np.empty(J), np.empty(mean.size - 3)
    tau, omega, rho, k = unpack(q, data, w, v)
    stationary = omega * omega / (1.0 - rho * rho)
    C, power = np.empty((T, T)), np.empty((T, T))
    for s in range(T):
        for t in range(s + 1):
            power[s, t] = v[s] * v[t] * rho ** abs(times[s] - times[t])
            C[s, t] = kappa * kappa + stationary * power[s, t]
    sampling = np.zeros(T)
    residual = np.empty(T)
    for t in range(T):
        fitted = 0.0
        total = noise[t]
        for j in range(J):
            fitted += X[t, j] * w[j]
            total += w[j] * w[j] * donor_noise[t, j]
        residual[t] = y[t] - fitted
        sampling[t] = k * k * total
        C[t, t] += sampling[t]
    if not cholesky(C):
        gradient[:] = 0.0
        return -np.inf
    value = 0.0
    for t in range(T):
        value -= np.log(C[t, t])
    P = np.empty((T, T))
    inverse(C, P)
    alpha = P @ residual
    value -= 0.5 * float(residual @ alpha) + 0.5 * float(q @ q)
    # d value / dC is (alpha alpha' - P) / 2
    free = np.zeros(mean.size)
    diagonal = np.empty(T)
    for s in range(T):
        for t in range(s + 1):
            slope = 0.5 * (alpha[s] * alpha[t] - P[s, t])
            twice = 1.0 if s == t else 2.0
            shock = stationary * power[s, t]
            gap = abs(times[s] - times[t])
            free[0] += twice * slope * 2.0 * shock
            free[1] += twice * slope * shock * (2.0 * rho * rho / (1.0 - rho * rho) + gap)
            free[3 + s] += twice * slope * shock
            free[3 + t] += twice * slope * shock
            if s == t:
                diagonal[t] = slope
                free[2] += slope * 2.0 * sampling[t]
    free[1] *= 1.0 - rho / MAX_RHO
    g = np.zeros(J)
    for t in range(T):
        for j in range(J):
            g[j] += alpha[t] * X[t, j] + diagonal[t] * k * k * 2.0 * w[j] * donor_noise[t, j]
    centre = float(w @ g)
    d_tau = 0.0
    gradient[J : J + F] = -q[J : J + F]
    for j in range(J):
        pull = w[j] * (g[j] - centre)
        gradient[j] = tau * pull - q[j]
        d_tau += pull * q[j]
        for f in range(F):
            gradient[J + f] += pull * features[j, f]
    gradient[J + F] = strength[1] * tau * d_tau - q[J + F]
    gradient[J + F + 1 :] = factor.T @ free - q[J + F + 1 :]
    return value if np.isfinite(value) else -np.inf


@compiled
def sample_chain(
    rng: np.random.Generator, start: Floats, metric: Floats, step: float, warmup: int, n_draws: int, data: Baseline
) -> tuple[Floats, int, Floats, float]:
    """Run one chain of Hamiltonian Monte Carlo from `start` (d,), with trajectories of random length.

    Step size (dual averaging towards 85% acceptance) and a diagonal metric are adapted in the warm-up, from those given
    (a metric (0,) is learned), and fixed afterwards, so that the draws leave the posterior invariant. Returns draws
    (n_draws, d), the number of divergent transitions after the warm-up, and the metric and step used there.
    """
    d = start.size
    q = start.copy()
    gradient, trial_gradient = np.empty(d), np.empty(d)
    value = log_density(q, data, gradient)
    learns = metric.size == 0
    variance = np.ones(d) if learns else metric.copy()
    centre, spread, seen = np.zeros(d), np.zeros(d), 0
    log_bar, h_bar, anchor, count = np.log(step), 0.0, np.log(10.0 * step) if learns else np.log(step), 0
    out = np.empty((n_draws, d))
    divergent = 0
    first, middle, second = warmup // 4, warmup // 2, warmup // 2 + warmup // 4
    for iteration in range(warmup + n_draws):
        root = np.sqrt(variance)
        p = rng.standard_normal(d) / root
        energy = -value + 0.5 * (p * p * variance).sum()
        length = 2.4 * rng.random() if iteration >= first else 0.8 * rng.random()
        steps = min(1 + int(length / step), MAX_STEPS)
        trial, momentum = q.copy(), p.copy()
        trial_gradient[:] = gradient
        trial_value = value
        for _ in range(steps):
            momentum += 0.5 * step * trial_gradient
            trial += step * variance * momentum
            trial_value = log_density(trial, data, trial_gradient)
            momentum += 0.5 * step * trial_gradient
            if not np.isfinite(trial_value):
                break
        change = np.inf
        if np.isfinite(trial_value):
            change = -trial_value + 0.5 * (momentum * momentum * variance).sum() - energy
        accept = min(1.0, np.exp(-change)) if change < MAX_ENERGY_ERROR else 0.0
        if rng.random() < accept:
            q, value = trial, trial_value
            gradient[:] = trial_gradient
        if iteration < warmup:
            count += 1
            h_bar += (TARGET_ACCEPTANCE - accept - h_bar) / (count + 10.0)
            log_step = anchor - np.sqrt(count) / 0.05 * h_bar
            share = count**-0.75
            log_bar += share * (log_step - log_bar)
            step = np.exp(min(log_step, 0.5))
            if iteration >= first:
                seen += 1
                ahead = q - centre
                centre += ahead / seen
                spread += ahead * (q - centre)
            if learns and iteration in (middle, second):
                shrunk = seen / (seen + 5.0)
                variance = shrunk * spread / max(seen - 1, 1) + (1.0 - shrunk) * 1e-1
                if iteration == middle:
                    centre, spread, seen = np.zeros(d), np.zeros(d), 0
                anchor, h_bar, count = np.log(4.0 * np.exp(log_bar)), 0.0, 0
            if iteration == warmup - 1:
                step = np.exp(min(log_bar, 0.5))
        else:
            out[iteration - warmup] = q
            if not change < MAX_ENERGY_ERROR:
                divergent += 1
    return out, divergent, variance, step
