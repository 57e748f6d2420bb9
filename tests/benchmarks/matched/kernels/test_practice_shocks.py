"""The shock posterior against the full Gaussian likelihood, and against simulated shocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.benchmarks.matched.kernels import practice_shocks
from ssinfer.benchmarks.matched.kernels.practice_shocks import learn_shocks, shock_correlation


def full_log_posterior(growth, variance, region, scale, point):
    """Write the model out as one Gaussian over all practices and periods, the intercept integrated out."""
    u, c, rho = point
    G, P = growth.shape
    C = shock_correlation(rho, P)
    same = (region[:, None] == region[None, :]).astype(float)
    V = np.kron(np.eye(G), u**2 * C) + np.kron(same, c**2 * C)
    for g in range(G):
        V[g * P : g * P + P, g * P : g * P + P] += variance[g]
    A = np.kron(np.ones((G, 1)), np.eye(P))
    inverse = np.linalg.inv(V)
    information = A.T @ inverse @ A
    y = growth.ravel()
    a = np.linalg.solve(information, A.T @ inverse @ y)
    e = y - A @ a
    value = -0.5 * np.linalg.slogdet(V)[1] - 0.5 * np.linalg.slogdet(information)[1] - 0.5 * e @ inverse @ e
    return value - 0.5 * (u**2 + c**2) / scale**2


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_equals_the_full_likelihood(seed, n_periods):
    rng = np.random.default_rng(seed)
    G, scale = 12, 30.0
    region = rng.permutation(np.arange(G) % 4)
    growth = rng.normal(50, 30, (G, n_periods))
    root = rng.normal(0, 10, (G, n_periods, n_periods))
    variance = root @ root.transpose(0, 2, 1) + 25 * np.eye(n_periods)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"N_PRACTICE": 4, "N_REGION": 3, "PERSISTENCES": (0.2, 0.8)}.items():
            patch.setattr(practice_shocks, name, value)
        posterior = learn_shocks(growth, variance, region, scale)
    sd_u, sd_c = (4 * scale * np.linspace(0, 1, k) ** 2 for k in (4, 3))
    log = np.array([full_log_posterior(growth, variance, region, scale, point) for point in posterior.points])
    log += 0.5 * np.log(posterior.points[:, 0] + sd_u[1] / 4) + 0.5 * np.log(posterior.points[:, 1] + sd_c[1] / 4)
    expected = np.exp(log - log.max())
    assert posterior.probability == pytest.approx(expected / expected.sum(), abs=1e-9)


def test_recovers_simulated_shocks():
    rng = np.random.default_rng(1)
    G = 600
    region = rng.integers(0, 40, G)
    noise = np.tile(np.eye(2) * 20.0**2, (G, 1, 1))
    root = np.linalg.cholesky(shock_correlation(0.6, 2))
    growth = 70 + 40 * rng.normal(size=(G, 2)) @ root.T + (25 * rng.normal(size=(40, 2)) @ root.T)[region]
    posterior = learn_shocks(growth + 20 * rng.normal(size=(G, 2)), noise, region, 100.0)
    practice, shared = np.sqrt(posterior.mean_squares)
    assert practice == pytest.approx(40, rel=0.1)
    assert shared == pytest.approx(25, rel=0.3)
    assert posterior.persistence == pytest.approx(0.6, abs=0.15)


def test_without_regions_the_shared_shock_is_zero():
    growth = np.random.default_rng(0).normal(size=(25, 1))
    posterior = learn_shocks(growth, np.ones((25, 1, 1)), np.zeros(25, dtype=np.int64), 1.0)
    assert posterior.mean_squares[1] == 0.0
