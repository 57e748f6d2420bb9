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
def predict_paths(
    q: Floats, normal: Floats, sampling_normal: Floats, data: Baseline, ahead: Performance
) -> tuple[Floats, Floats, Floats]:
    """Draw performance paths given each posterior draw q (S, J + F + 4 + T).

    `normal` and `sampling_normal` (S, P) are standard normals of the shocks and of the sampling noise. Returns X w plus
    the expected level and shock given the baseline (S, P); the same with shocks, joint over periods, and sampling noise
    (S, P); and tau, omega, rho, k and the variances of the pooled shock and of the pooled sampling noise (S, 6).
    """
    y, X, times, noise, donor_noise, kappa, _features, _mean, _factor, _strength = data
    S, T, P = len(q), len(X), len(ahead.X)
    expected, paths, parts = np.empty((S, P)), np.empty((S, P)), np.empty((S, 6))
    w, v = np.empty(X.shape[1]), np.empty(T + P)
    every = np.concatenate((times, ahead.times))
    gap = np.abs(np.expand_dims(every, 1) - every)
    for d in range(S):
        tau, omega, rho, k = unpack(q[d], data, w, v)
        lasting = kappa * kappa + omega * omega / (1.0 - rho * rho) * np.outer(v, v) * rho**gap  # level and shocks
        seen = lasting[:T, :T] + k * k * np.diag(noise + donor_noise @ (w * w))
        cross = np.ascontiguousarray(lasting[:T, T:])
        gain = np.linalg.solve(seen, cross)
        V = lasting[T:, T:] - cross.T @ gain
        shock = float(ahead.pooling @ V @ ahead.pooling)
        for t in range(P):
            V[t, t] += 1e-12 * V[t, t]
        cholesky(V)
        sampling = k * k * (ahead.noise + ahead.donor_noise @ (w * w))
        expected[d] = ahead.X @ w + gain.T @ (y - X @ w)
        paths[d] = expected[d] + np.tril(V) @ normal[d] + np.sqrt(sampling) * sampling_normal[d]
        parts[d] = np.array([tau, omega, rho, k, shock, (ahead.pooling**2 * sampling).sum()])
    return expected, paths, parts
