"""Noise of units. Authority: sums over persons whose noise is known, and closed forms of correlations."""

import numpy as np
import pytest

from ssinfer.benchmarks.risk_adjusted.kernels.own_noise import correlated_noise, noise_of_units, residual_correlation


def test_variance_and_skewness_follow_the_class_of_risk():
    rng = np.random.default_rng(0)
    n = 60_000
    mu, w, unit = rng.uniform(1, 3, n), np.full(n, 0.5), np.arange(n) % 2 * (np.arange(n) % 10 == 1)
    e = w * mu * (rng.exponential(size=n) - 1)  # variance w² mu², third moment 2 w³ mu³
    variance, third = noise_of_units(mu, e, w, np.ones(n, bool), unit, 2)
    for g in (0, 1):
        inside = unit == g
        assert variance[g] == pytest.approx((w**2 * mu**2)[inside].sum(), rel=0.03)
        assert third[g] == pytest.approx((2 * w**3 * mu**3)[inside].sum(), rel=0.25)


def test_perfect_predictions_have_no_noise():
    variance, third = noise_of_units(np.ones(50), np.zeros(50), np.ones(50), np.ones(50, bool), np.zeros(50, int), 1)
    assert variance == third == [0.0]
    np.testing.assert_array_equal(residual_correlation(np.zeros((50, 2)), np.ones((50, 2))), np.eye(2))


def test_only_the_same_persons_are_correlated():
    rng = np.random.default_rng(1)
    e = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 50_000)
    correlation = residual_correlation(e, np.ones_like(e))
    assert correlation[0, 1] == pytest.approx(0.6, abs=0.02)
    same, half, none = [[4.0, 4], [4, 4]], [[4.0, 2], [2, 4]], [[4.0, 0], [0, 4]]
    covariance = correlated_noise(correlation, np.array([same, half, none]), np.full((3, 2), 9.0))
    assert covariance[:, 0, 1] == pytest.approx(9 * correlation[0, 1] * np.array([1, 0.5, 0]))
