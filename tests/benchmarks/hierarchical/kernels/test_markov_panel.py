"""Authority: the dense factorisation of the same covariances, which `test_gaussian_panel` compares with scipy."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.hierarchical.kernels.markov_panel import Markov, markov_sums, well_conditioned
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, dense_sums, effects_given, period_effects
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_blocks, unit_terms


def example(units, periods, width, seed=1, nodes=4):
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.integers(1, 3, periods)).astype(float)  # gaps of one and two periods
    kept = np.zeros((nodes, periods))
    persistence = np.array([0.7, 0.0, 0.95, 0.3])[:nodes]
    kept[:, 1:] = persistence[:, None] ** np.diff(time)
    spread = 0.02 * np.exp(0.3 * rng.normal(size=(nodes, periods)))
    spread[3] = 0.0  # no shock at all
    low = rng.normal(0, 0.05, (nodes, periods, width))
    lag = np.abs(np.subtract.outer(time, time))
    correlation = persistence[:, None, None] ** lag
    shared = low @ low.transpose(0, 2, 1) + spread[:, :, None] * correlation * spread[:, None, :]
    noise = rng.uniform(1, 30, (units, periods)) * 1e-5
    seen = (rng.random((units, periods)) > 0.1).astype(float)
    y = rng.normal(0, 0.1, (units, periods)) * seen
    scale = rng.uniform(0.5, 9.0, nodes)
    return Markov(kept, spread, low), shared, noise, scale, seen, y, rng.uniform(0.5, 2.0, units)


@pytest.mark.parametrize(("units", "periods", "width"), [(3, 2, 1), (16, 9, 2), (21, 40, 6)])
def test_the_sums_are_those_of_the_dense_covariances(units, periods, width):
    markov, shared, noise, scale, seen, y, loading = example(units, periods, width)
    all_sums = markov_sums(markov.kept, markov.spread, markov.low, noise, scale, seen, y, loading)
    for m in range(len(scale)):
        terms = unit_terms(shared[m], scale[m] * noise, seen, y)
        expected = (
            terms.log_determinant.sum(),
            np.einsum("i,its->ts", loading**2, terms.inverse),
            loading @ terms.weighted,
            terms.quadratic.sum(),
        )
        for sums, dense in zip(all_sums, expected, strict=True):
            np.testing.assert_allclose(sums[m], dense, rtol=1e-9, atol=1e-9 * np.abs(dense).max())


def test_nodes_that_would_lose_digits_use_the_dense_sums():
    markov, shared, noise, scale, seen, y, loading = example(16, 9, 2)
    scale[1] = 1e-9  # noise far below the shock
    markov.kept[2, 1:] = 1 - 1e-12  # a shock that never moves
    assert well_conditioned(markov, noise, scale).tolist() == [True, False, False, True]
    root = 0.3 * np.eye(9)
    mixed = period_effects(Nodes(shared, shared, scale, root, markov), noise, seen, y, loading)
    dense = effects_given(dense_sums(unit_blocks(shared, noise, scale, seen, y), loading), root, seen.sum())
    for first, second in zip(mixed[:3], dense[:3], strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(mixed[0], dense[0], rtol=1e-10)
