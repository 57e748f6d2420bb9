"""Covariances against statsmodels and against special cases."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from ssinfer.benchmarks.matched.kernels.sandwich import (
    cluster_covariance,
    hc3_covariance,
    two_way_covariance,
    weighted_least_squares,
)


def problem(seed, n=120):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    return rng.normal(size=n) + X[:, 1], X, rng.uniform(0.5, 2, n), rng.integers(0, 15, n), rng.integers(0, 12, n)


def test_equal_statsmodels():  # authority: statsmodels WLS
    y, X, w, a, b = problem(0)
    fit = weighted_least_squares(y, X, w)
    result = sm.WLS(y, X, weights=w).fit()
    assert fit.coefficients == pytest.approx(result.params)
    assert hc3_covariance(fit) == pytest.approx(result.get_robustcov_results("HC3").cov_params())
    clustered = sm.WLS(y, X, weights=w).fit(cov_type="cluster", cov_kwds={"groups": a}).cov_params()
    assert cluster_covariance(fit, a) == pytest.approx(clustered)
    plain = weighted_least_squares(y, X)
    both = cov_cluster_2groups(sm.OLS(y, X).fit(), a, b)[0]
    assert two_way_covariance(plain, a, b) == pytest.approx(both)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_two_way_with_one_way_nested_is_the_coarser(seed):
    y, X, w, a, _ = problem(seed)
    fit = weighted_least_squares(y, X, w)
    # Persons within clusters: clustering on both is clustering on the cluster.
    both = two_way_covariance(fit, a, np.arange(len(y)))
    assert both == pytest.approx(cluster_covariance(fit, a), rel=1e-6, abs=1e-12)
    labels = np.random.default_rng(seed).permutation(15)[a]
    assert cluster_covariance(fit, labels) == pytest.approx(cluster_covariance(fit, a))
