"""Skewed noise: moments of the means of groups of persons. Authority: the moments of a mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ssinfer.kernels.skewed_noise import skewed_noise


def test_noise_has_the_first_three_moments_of_a_mean_of_persons():
    covariance, persons = np.array([[4.0, 1.0], [1.0, 9.0]]), np.array([100.0, 400.0])
    skewness = np.array([6.0, 0.0]) / np.sqrt(persons)[:, None]
    noise = skewed_noise(covariance / persons[:, None, None], skewness, 50_000, np.random.default_rng(0))
    assert noise.shape == (50_000, 2, 2)
    for group, n in enumerate(persons):
        draws = noise[:, group]
        assert draws.mean(axis=0) == pytest.approx(0, abs=4 * 3 / np.sqrt(n * 50_000))
        assert np.cov(draws.T) * n == pytest.approx(covariance, rel=0.08)
        assert stats.skew(draws) == pytest.approx([6 / np.sqrt(n), 0], abs=0.07)
