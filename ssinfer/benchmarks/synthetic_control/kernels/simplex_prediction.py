"""Predictions of a synthetic control given draws of its posterior: performance paths, shock and noise included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import unpack
from ssinfer.kernels.cholesky import cholesky
from ssinfer.kernels.compile import compiled

Array = NDArray[np.float64]


@compiled
def predict_paths(
    q: Array,
    normal: Array,
    sampling_normal: Array,
    y: Array,
    X: Array,
    times: Array,
    noise: Array,
    donor_noise: Array,
    kappa: float,
    features: Array,
    mean: Array,
    factor: Array,
    strength: Array,
    X_ahead: Array,
    times_ahead: Array,
    noise_ahead: Array,
    donor_noise_ahead: Array,
    pooling: Array,
) -> tuple[Array, Array, Array]:
    """Draw performance paths given each posterior draw.

    Parameters
    ----------
    q : array (S, J + F + 4 + T)
    normal : array (S, P)
        Standard normals of the shocks.
    sampling_normal : array (S, P)
        Standard normals of the sampling noise.
    pooling : array (P,)
        Weights of the pooled variance in `parts`.

    Returns
    -------
    expected : array (S, P)
        X w plus the expected level and shock given the baseline.
    paths : array (S, P)
        The same with shocks, joint over periods, and sampling noise of unit and donors.
    parts : array (S, 6)
        tau, omega, rho, k, and the variances of the pooled shock and of the pooled sampling noise.
    """
    S, T, J, P = q.shape[0], X.shape[0], X.shape[1], X_ahead.shape[0]
    expected, paths, parts = np.empty((S, P)), np.empty((S, P)), np.empty((S, 6))
    w, v = np.empty(J), np.empty(T + P)
    for d in range(S):
        tau, omega, rho, k = unpack(q[d], features, mean, factor, strength, w, v)
        stationary = omega * omega / (1.0 - rho * rho)
        C = np.empty((T, T))
        for s in range(T):
            for t in range(s + 1):
                C[s, t] = kappa * kappa + stationary * v[s] * v[t] * rho ** abs(times[s] - times[t])
            C[s, s] += k * k * (noise[s] + (w * w * donor_noise[s]).sum())
        cholesky(C)
        half = y - X @ w
        cross = np.empty((T, P))
        for s in range(T):
            for k_past in range(s):
                half[s] -= C[s, k_past] * half[k_past]
            half[s] /= C[s, s]
            for t in range(P):
                total = kappa * kappa + stationary * v[s] * v[T + t] * rho ** abs(times[s] - times_ahead[t])
                for k_past in range(s):
                    total -= C[s, k_past] * cross[k_past, t]
                cross[s, t] = total / C[s, s]
        V = np.empty((P, P))
        for s in range(P):
            for t in range(P):
                gap = abs(times_ahead[s] - times_ahead[t])
                V[s, t] = kappa * kappa + stationary * v[T + s] * v[T + t] * rho**gap
        V -= cross.T @ cross
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
