"""Scores against their definitions as double sums, and their propriety."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm

from ssinfer.backtesting.kernels.scoring import central_intervals, crps, interval_score, probability_integral_transform

DRAWS = hnp.arrays(float, st.tuples(st.integers(1, 4), st.integers(2, 25)), elements=st.floats(-5, 5))


@given(DRAWS, st.floats(-6, 6))
def test_crps_is_the_fair_double_sum(draws, y):
    # Gneiting and Raftery 2007, eq. 21, with the pairs of different draws (Ferro 2014)
    scores = crps(draws, np.full(len(draws), y))
    for row, value in zip(draws, scores, strict=True):
        n = len(row)
        pairs = sum(abs(a - b) for a in row for b in row) / (n * (n - 1))
        assert value == pytest.approx(np.mean(np.abs(row - y)) - pairs / 2, abs=1e-12)


def test_crps_of_a_normal_is_the_closed_form():
    # Gneiting and Raftery 2007, eq. 5: sigma [z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)]
    draws = np.random.default_rng(1).standard_normal((1, 200_000)) * 2
    z = 0.7
    closed = 2 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps(draws, np.array([1.4]))[0] == pytest.approx(closed, abs=0.01)


@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(-5, 5))
def test_interval_score_by_hand(lower, width, y):
    upper = lower + width
    miss = lower - y if y < lower else y - upper if y > upper else 0.0
    score = interval_score(np.array([lower]), np.array([upper]), np.array([y]), 0.9)[0]
    assert score == pytest.approx(width + 20 * miss, abs=1e-9)


def test_interval_score_is_least_at_the_true_quantiles():
    y = np.random.default_rng(1).standard_normal(100_000)
    score = {
        half: interval_score(np.full_like(y, -half), np.full_like(y, half), y, 0.9).mean() for half in (1.3, 1.645, 2.1)
    }
    assert min(score, key=score.get) == 1.645


@given(DRAWS)
def test_transform_counts_ties_half(draws):
    y = draws[:, 0]
    expected = [((row < v).sum() + 0.5 * (row == v).sum()) / len(row) for row, v in zip(draws, y, strict=True)]
    np.testing.assert_allclose(probability_integral_transform(draws, y), expected)


def test_central_intervals_are_nested_quantiles():
    draws = np.random.default_rng(1).normal(size=(3, 1001))
    lower, upper = central_intervals(draws, [0.5, 0.9])
    np.testing.assert_allclose(lower[1], np.quantile(draws, 0.05, axis=1))
    assert (lower[1] < lower[0]).all()
    assert (upper[1] > upper[0]).all()
