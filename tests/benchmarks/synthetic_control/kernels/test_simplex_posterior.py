"""Authorities: central differences, SciPy's multivariate normal, importance sampling from the prior."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import (
    MAX_RHO,
    Baseline,
    log_density,
    sample_chain,
)
from ssinfer.benchmarks.synthetic_control.kernels.simplex_prediction import Performance, predict_paths

TIMES = np.array([0.0, 1.0, 2.0, 4.0, 5.0])
AHEAD = np.array([6.0, 8.0])
MEAN = np.array([-3.0, 0.5, 0.1, 0.2, -0.1, 0.3, 0.0, -0.2, 0.1, 0.4])
FACTOR = np.linalg.cholesky(np.diag([0.3, 0.8, 0.2] + 7 * [0.1]) + 0.02)
SIZE = 1 + MEAN.size  # of q without weights: a, zeta
STRENGTH = np.array([0.1, 0.6])
F = 2  # features of donors
LEARN = (np.empty(0), 0.05)  # metric and step of a chain that learns both


def data(seed, J, kappa, noisy=True):
    rng = np.random.default_rng(seed)
    X = 1 + 0.1 * rng.normal(size=(TIMES.size, J))
    noise = 1e-3 * rng.uniform(0.5, 2, TIMES.size) * noisy
    donor_noise = 1e-3 * rng.uniform(0.5, 2, X.shape) * noisy
    features = rng.normal(size=(J, F))
    y = 1 + 0.1 * rng.normal(size=TIMES.size)
    return Baseline(y, X, TIMES, noise, donor_noise, kappa, features, MEAN, FACTOR, STRENGTH)


def unpacked(q, features):
    J = len(features)
    tau = np.exp(STRENGTH @ [1, q[J + F]])
    w = np.exp(features @ q[J : J + F] + tau * q[:J])
    free = MEAN + FACTOR @ q[J + F + 1 :]
    return tau, w / w.sum(), np.exp(free[0]), MAX_RHO / (1 + np.exp(-free[1])), np.exp(free[2]), np.exp(free[3:])


def covariance(q, arrays, times, noise, donor_noise):
    """C written down directly, over any periods."""
    _, w, omega, rho, k, v = unpacked(q, arrays.features)
    gap = np.abs(times[:, None] - times[None, :])
    shock = omega**2 / (1 - rho**2) * rho**gap * np.outer(v[: len(times)], v[: len(times)])
    return arrays.kappa**2 + shock + k**2 * np.diag(noise + donor_noise @ w**2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), J=st.integers(2, 9), kappa=st.sampled_from([0.0, 0.7]), noisy=st.booleans())
def test_density_and_gradient(seed, J, kappa, noisy):
    arrays = data(seed, J, kappa, noisy)
    rng = np.random.default_rng(seed + 1)
    q, other = rng.normal(size=(2, J + F + SIZE))
    gradient, unused = np.empty(J + F + SIZE), np.empty(J + F + SIZE)
    value = log_density(q, arrays, gradient)
    numeric = approx_fprime(q, lambda x: log_density(x, arrays, unused), 1e-7)
    np.testing.assert_allclose(gradient, numeric, rtol=2e-3, atol=2e-3 * max(1, np.abs(gradient).max()))

    def exact(x):
        mean = arrays.X @ unpacked(x, arrays.features)[1]
        C = covariance(x, arrays, TIMES, arrays.noise, arrays.donor_noise)
        return multivariate_normal(mean, C).logpdf(arrays.y) - 0.5 * x @ x

    assert value - log_density(other, arrays, unused) == pytest.approx(exact(q) - exact(other), abs=1e-6)


def test_without_information_the_posterior_is_the_prior():
    arrays = data(0, 6, 0.0)
    arrays = arrays._replace(noise=1e6 + arrays.noise)
    drawn, divergent, _, _ = sample_chain(np.random.default_rng(3), np.zeros(6 + F + SIZE), *LEARN, 300, 3000, arrays)
    assert divergent == 0
    # k moves the likelihood of a vague observation too: its coordinates are left out
    assert np.abs(drawn[:, :9].mean(axis=0)).max() < 0.12
    assert np.abs(drawn[:, :9].std(axis=0) - 1).max() < 0.08


@pytest.mark.parametrize("kappa", [0.0, 0.5])
def test_posterior_means_equal_importance_sampling(kappa):
    J = 3
    arrays = data(5, J, kappa)
    arrays = arrays._replace(noise=4 * arrays.noise)
    draws = [
        sample_chain(np.random.default_rng(seed), np.zeros(J + F + SIZE), *LEARN, 300, 2500, arrays)[0]
        for seed in range(2)
    ]
    sampled = np.concatenate(draws)
    prior = np.random.default_rng(9).standard_normal((30_000, J + F + SIZE))
    unused = np.empty(J + F + SIZE)
    logs = np.array([log_density(q, arrays, unused) + 0.5 * q @ q for q in prior])
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    assert 1 / (mass**2).sum() > 1500

    def quantities(q):
        _, w, _, _, _, v = unpacked(q, arrays.features)
        return w[0], w[2], q[J], q[J + F], q[J + F + 1], v[0]

    by_quantity = (np.array([quantities(q) for q in draws]).T for draws in (prior, sampled))
    for expected, drawn in zip(*by_quantity, strict=True):
        mean = mass @ expected
        deviation = np.sqrt(mass @ (expected - mean) ** 2)
        assert abs(drawn.mean() - mean) < 0.1 * deviation  # three standard errors of both samples
        assert drawn.std() == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize("kappa", [0.0, 0.7])
def test_predictions_are_the_conditional_normal(kappa):
    J, P = 4, 2
    arrays = data(2, J, kappa)
    rng = np.random.default_rng(1)
    q = rng.normal(size=J + F + SIZE)
    X_ahead = 1 + 0.1 * rng.normal(size=(P, J))
    noise, donor_noise = rng.uniform(1e-3, 2e-3, P), rng.uniform(1e-3, 2e-3, (P, J))
    pooling = np.array([0.3, 0.7])
    ahead = Performance(X_ahead, AHEAD, noise, donor_noise, pooling)
    S = 40_000
    expected, paths, parts = predict_paths(
        np.repeat(q[None], S, axis=0), *rng.standard_normal((2, S, P)), arrays, ahead
    )
    every = np.concatenate([TIMES, AHEAD])
    C = covariance(q, arrays, every, np.append(arrays.noise, noise), np.vstack([arrays.donor_noise, donor_noise]))
    w = unpacked(q, arrays.features)[1]
    gain = C[5:, :5] @ np.linalg.inv(C[:5, :5])
    mean = X_ahead @ w + gain @ (arrays.y - arrays.X @ w)
    V = C[5:, 5:] - gain @ C[:5, 5:]
    np.testing.assert_allclose(expected[0], mean, rtol=1e-9)
    np.testing.assert_allclose(np.cov(paths.T), V, rtol=0.04, atol=0.02 * V.max())
    assert parts[0, 4] + parts[0, 5] == pytest.approx(pooling @ V @ pooling, rel=1e-9)
