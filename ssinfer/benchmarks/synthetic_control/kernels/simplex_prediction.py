"""Predictions of a synthetic control for draws of its posterior: performance paths with shocks and sampling noise."""

from typing import NamedTuple

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import Baseline, unpack
from ssinfer.kernels.cholesky import cholesky
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats


class Performance(NamedTuple):
    """Data over P performance periods, in the units of `Baseline`; `pooling` (P,) weighs periods and sums to one."""

    X: Floats
    times: Floats
    noise: Floats
    donor_noise: Floats
    pooling: Floats


@compiled
def _lasting_covariance(times: Floats, v: Floats, kappa: float, omega: float, rho: float) -> Floats:
    """Return the covariance (T + P, T + P) of level and shocks over all periods."""
    out = np.empty((times.size, times.size))
    stationary = omega * omega / (1.0 - rho * rho)
    for s in range(times.size):
        for t in range(s + 1):
            power = rho ** abs(times[s] - times[t])
            out[s, t] = kappa * kappa + stationary * v[s] * v[t] * power
            out[t, s] = kappa * kappa + stationary * v[t] * v[s] * power
    return out


@compiled
def predict_paths(
    q: Floats, normal: Floats, sampling_normal: Floats, data: Baseline, ahead: Performance
) -> tuple[Floats, Floats, Floats]:
    """Draw performance paths given each posterior draw q (S, J + F + 4 + T).

    `normal` and `sampling_normal` (S, P) are standard normals of the shocks and of the sampling noise. Returns X w plus
    the expected level and shock given the baseline (S, P); the same with shocks, joint over periods, and sampling noise
    (S, P); and tau, omega, rho, k and the variances of the pooled shock and of the pooled sampling noise (S, 6).
    """
    y, X, times, noise, donor_noise, kappa, _features, _mean, _factor, _strength = data
    X_ahead, times_ahead, noise_ahead, donor_noise_ahead, pooling = ahead
    S, T, J, P = q.shape[0], X.shape[0], X.shape[1], X_ahead.shape[0]
    expected, paths, parts = np.empty((S, P)), np.empty((S, P)), np.empty((S, 6))
    w, v = np.empty(J), np.empty(T + P)
    every = np.concatenate((times, times_ahead))
    for d in range(S):
        tau, omega, rho, k = unpack(q[d], data, w, v)
        lasting = _lasting_covariance(every, v, kappa, omega, rho)
        C = lasting[:T, :T].copy()
        for s in range(T):
            C[s, s] += k * k * (noise[s] + (w * w * donor_noise[s]).sum())
        cholesky(C)
        half = y - X @ w
        cross = np.empty((T, P))
        for s in range(T):
            for past in range(s):
                half[s] -= C[s, past] * half[past]
            half[s] /= C[s, s]
            for t in range(P):
                total = lasting[s, T + t]
                for past in range(s):
                    total -= C[s, past] * cross[past, t]
                cross[s, t] = total / C[s, s]
        V = lasting[T:, T:] - cross.T @ cross
        shock = 0.0
        for s in range(P):
            for t in range(P):
                shock += pooling[s] * pooling[t] * V[s, t]
        for t in range(P):
            V[t, t] += 1e-12 * V[t, t]
        cholesky(V)
        sampling = 0.0
        for t in range(P):
            fitted = 0.0
            total = noise_ahead[t]
            for j in range(J):
                fitted += X_ahead[t, j] * w[j]
                total += w[j] * w[j] * donor_noise_ahead[t, j]
            for s in range(T):
                fitted += cross[s, t] * half[s]
            drawn = 0.0
            for s in range(t + 1):
                drawn += V[t, s] * normal[d, s]
            expected[d, t] = fitted
            paths[d, t] = fitted + drawn + k * np.sqrt(total) * sampling_normal[d, t]
            sampling += pooling[t] ** 2 * k * k * total
        parts[d] = np.array([tau, omega, rho, k, shock, sampling])
    return expected, paths, parts
