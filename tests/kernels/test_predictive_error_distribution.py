"""Distributions of placebo errors in bootstrap replicates, against fits to rows repeated as often as they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.kernels.predictive_error_distribution import fit_error_distribution, refit_error_distributions


@pytest.mark.parametrize("drawn", [False, True])
def test_distributions_of_replicates_equal_fits_to_repeated_rows(drawn):
    rng = np.random.default_rng(4)
    n, n_blocks = 600, 30
    s, relative = 0.02 * rng.uniform(0.4, 2.0, n), rng.uniform(0.3, 3.0, n)
    y = 0.004 + np.sqrt((0.8 * s) ** 2 + 0.01**2 * relative + 0.008**2) * rng.standard_normal(n)
    block, origin = rng.integers(0, n_blocks, n), rng.integers(0, 4, n)
    clusters = block if drawn else origin
    fitted = fit_error_distribution(y, s, relative, clusters)
    weights = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=4)
    refits = refit_error_distributions(y, s, relative, clusters, weights[:, block].astype(float), fitted, drawn=drawn)
    for refit, weight in zip(refits, weights, strict=True):
        copies = np.repeat(np.arange(n), weight[block])
        number = np.concatenate([np.arange(weight[b]) for b in block])  # a block drawn twice is two clusters
        labels = clusters[copies] * 100 + (number if drawn else 0)
        whole = fit_error_distribution(
            y[copies], s[copies], relative[copies], np.unique(labels, return_inverse=True)[1]
        )
        at = np.array([0.01, 0.02]), np.array([1.0, 0.5])
        assert refit.mean == pytest.approx(whole.mean, abs=1e-8)
        np.testing.assert_allclose(refit.predictive_sd(*at), whole.predictive_sd(*at), rtol=1e-5)
        assert refit.mean_variance == pytest.approx(whole.mean_variance, rel=1e-4)


def test_a_distribution_without_spread_is_refitted_without_dividing_by_zero():
    y, ones = np.full(30, 0.01), np.ones(30)
    fitted = fit_error_distribution(y, ones * np.nan, ones, np.arange(30))
    refits = refit_error_distributions(y, ones * np.nan, ones, np.arange(30), np.ones((2, 30)), fitted, drawn=True)
    assert [refit.mean for refit in refits] == pytest.approx([0.01, 0.01])


def test_a_replicate_without_rows_has_no_distribution():
    rng = np.random.default_rng(1)
    y, ones = 0.02 * rng.standard_normal(30), np.ones(30)
    fitted = fit_error_distribution(y, ones * np.nan, ones, np.arange(30))
    weights = np.stack([np.zeros(30), np.ones(30)])
    nothing, everything = refit_error_distributions(y, ones * np.nan, ones, np.arange(30), weights, fitted, drawn=True)
    assert np.isnan(nothing.mean)
    assert everything.mean == pytest.approx(fitted.mean)
