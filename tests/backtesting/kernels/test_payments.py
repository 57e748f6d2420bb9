"""Payments of thresholds, against the formulas of docs/method/thresholds.md."""

from __future__ import annotations

import numpy as np

from ssinfer.backtesting.kernels.payments import payment_columns, replicate_means


def numbers(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.02, n), rng.uniform(0.9, 1.1, n), rng.uniform(1_500, 2_500, n), rng.uniform(1e4, 1e5, n)


def test_payment_columns_are_the_formulas_of_method_md():
    n, share = 50, 0.4
    rate, relative, bbar, insured = numbers(n)
    threshold = np.random.default_rng(2).normal(0.02, 0.01, n)
    threshold[0] = np.inf
    savings, due = np.array([0.01, 0.05]), np.array([0.02, 0.03, 0.1])
    columns = payment_columns((rate, relative, bbar, insured), threshold, savings, due, share)
    finite = np.isfinite(threshold)
    np.testing.assert_allclose(columns[:, 0], np.where(finite, threshold, np.nan))
    np.testing.assert_allclose(columns[:, 3], np.where(finite, (threshold - rate) * bbar, np.nan))
    np.testing.assert_array_equal(columns[:, 4], ~finite)
    np.testing.assert_array_equal(columns[:, 5], rate >= threshold)
    np.testing.assert_array_equal(columns[:, 7], rate + 0.05 * relative >= threshold)
    over = np.where(rate >= threshold, share * np.maximum(rate, 0), 0)
    np.testing.assert_allclose(columns[:, 8:11].T, [over, over * bbar, over * bbar * insured])
    under = []
    for saving in due:
        measured = rate + saving * relative
        bonus = np.where(measured >= threshold, share * np.maximum(measured, 0), 0)
        under.append(np.maximum(share * saving * relative - bonus, 0))
    np.testing.assert_allclose(columns[:, 11:14].T, under)
    np.testing.assert_allclose(columns[:, 14], np.mean(under, axis=0))
    np.testing.assert_allclose(columns[:, 16], np.mean(under, axis=0) * bbar * insured)


def test_replicate_means_are_weighted_means_without_rows_that_have_no_threshold():
    data, rng = numbers(40), np.random.default_rng(3)
    thresholds = rng.normal(0.01, 0.01, (5, 40))
    thresholds[1, :7] = np.nan
    thresholds[2] = np.nan
    weights = rng.integers(0, 3, (5, 40)).astype(float)
    asked = np.array([0.03]), np.array([0.02]), 0.5
    means = replicate_means(data, thresholds, weights, *asked)
    for k in (0, 1, 3, 4):
        mass = np.where(np.isnan(thresholds[k]), 0.0, weights[k])
        columns = payment_columns(data, thresholds[k], *asked)
        expected = (np.where(mass[:, None] > 0, columns, 0.0) * mass[:, None]).sum(axis=0) / mass.sum()
        np.testing.assert_allclose(means[k], expected)
    assert np.isnan(means[2]).all()
