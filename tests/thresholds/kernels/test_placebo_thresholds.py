"""Placebo thresholds in bootstrap replicates, against plain Python on rows repeated as often as they are drawn."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.errors import RefusalError
from ssinfer.thresholds.kernels.placebo_thresholds import placebo_thresholds
from ssinfer.thresholds.placebo import order_statistic


def plain_thresholds(z, scale, block, origin, weight, level):
    """Rows repeated as often as their block is drawn, and the order statistic of `placebo_threshold`."""
    out = np.full(len(z), np.nan)
    for row in range(len(z)):
        by_origin = {}
        for period in np.unique(origin):
            rest = (block != block[row]) & (origin == period)
            try:
                by_origin[period] = order_statistic(np.repeat(z[rest], weight[block[rest]]), level, "one-sided")
            except (RefusalError, ValueError):  # too few, alike, or none at all
                continue
        others = [value for period, value in by_origin.items() if period != origin[row]]
        if others:
            out[row] = scale[row] * np.mean(others)
        elif origin[row] in by_origin:
            out[row] = scale[row] * by_origin[origin[row]]
    return out


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.8, 0.9, 0.95]), st.integers(1, 3), st.integers(2, 12))
def test_thresholds_equal_those_of_repeated_rows(seed, level, n_origins, n_blocks):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 120))
    z, scale = rng.standard_normal(n), rng.uniform(0.5, 2.0, n)
    origin = np.unique(rng.integers(0, n_origins, n), return_inverse=True)[1]
    block = rng.integers(0, n_blocks, n)
    weights = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=3)
    weights[0] = 1
    thresholds = placebo_thresholds(z, scale, block, origin, weights.astype(float), level)
    for threshold, weight in zip(thresholds, weights, strict=True):
        np.testing.assert_allclose(threshold, plain_thresholds(z, scale, block, origin, weight, level), rtol=1e-12)


def test_placebos_that_are_all_alike_give_no_threshold():
    n = 60
    threshold = placebo_thresholds(
        np.ones(n), np.ones(n), np.arange(n) // 10, np.zeros(n, dtype=int), np.ones((1, 6)), 0.9
    )
    assert np.isnan(threshold).all()
