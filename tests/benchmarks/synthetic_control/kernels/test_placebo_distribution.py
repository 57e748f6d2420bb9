"""The conformal distribution of placebo errors against its definition and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.benchmarks.synthetic_control.kernels.placebo_distribution import conformal_quantiles, predictive_errors


@settings(deadline=None, max_examples=30)
@given(st.integers(19, 60), st.integers(0, 2**32 - 1))
def test_quantiles_pass_through_the_order_statistics(m, seed):
    """P(|E| <= a_(k)) = k / (m + 1) (Vovk); k = ceil(level (m + 1)) gives exact coverage."""
    ordered = np.sort(np.abs(np.random.default_rng(seed).normal(size=m)))
    k = np.arange(1, m + 1)
    np.testing.assert_allclose(conformal_quantiles(ordered, k / (m + 1)), ordered, rtol=1e-9)
    beyond = conformal_quantiles(ordered, np.array([1 - 0.1 / (m + 1)]))
    assert beyond[0] > ordered[-1]


def test_coverage_of_the_pooled_error_under_exchangeability():
    """1,500 replications at 95% and 90% with 38 placebos: standard errors .0056 and .0077."""
    rng = np.random.default_rng(5)
    uniform = (np.arange(400) + 0.5) / 400
    hits = np.zeros(2)
    n = 1500
    for _ in range(n):
        errors = rng.standard_t(4, size=(39, 3)) @ np.linalg.cholesky(np.full((3, 3), 0.6) + 0.4 * np.eye(3)).T
        paths = predictive_errors(errors[1:], np.full(3, 1 / 3), np.ones(38), 1.0, uniform)
        pooled = paths.mean(axis=1)
        lower, upper = np.quantile(pooled, [[0.025, 0.05], [0.975, 0.95]])
        hits += (lower <= errors[0].mean()) & (errors[0].mean() <= upper)
    assert hits / n == pytest.approx([0.95, 0.90], abs=0.018)


def test_draws_are_antithetic_so_that_the_benchmark_is_their_mean():
    rng = np.random.default_rng(1)
    paths = predictive_errors(rng.normal(size=(25, 4)), np.full(4, 0.25), np.ones(25), 2.0, rng.uniform(size=50))
    np.testing.assert_array_equal(paths[0::2], -paths[1::2])
