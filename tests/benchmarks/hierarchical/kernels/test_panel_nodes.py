"""Authority: the same panel node by node (`gaussian_panel`), which is tested against the dense Gaussian."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.hierarchical.kernels import markov_panel
from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import Block, marginal, predict
from ssinfer.benchmarks.hierarchical.kernels.marginal_gradient import log_marginal_gradient
from ssinfer.benchmarks.hierarchical.kernels.markov_panel import Markov
from ssinfer.benchmarks.hierarchical.kernels.node_predictions import predict_nodes
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, period_effects
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_terms
from ssinfer.benchmarks.hierarchical.predictions import _positive_variances

PERIODS = 5


def log_marginals(*arguments, **options):
    return period_effects(*arguments, **options)[0]


def markov_of(size, time):
    """Components of the covariances of `example`."""
    low = np.sqrt(size)[:, None, None] * np.column_stack([np.full(PERIODS, 0.2), 0.1 * (time - 1)])
    kept = np.tile(np.where(time > 0, 0.7, 0.0), (len(size), 1))
    return Markov(kept, np.full((len(size), PERIODS), 0.3), low)


def example(units, seed=6):
    rng = np.random.default_rng(seed)
    time = np.arange(PERIODS)
    structure = 0.04 + 0.01 * np.outer(time - 1, time - 1)
    shock = 0.09 * 0.7 ** np.abs(np.subtract.outer(time, time))
    size = np.array([0.5, 1.0, 3.0])
    nodes = Nodes(
        structure[None] * size[:, None, None],
        structure[None] * size[:, None, None] + shock,
        np.array([0.3, 1.0, 4.0]),
        np.linalg.cholesky(0.3 * 0.6 ** np.abs(np.subtract.outer(time, time))),
        markov_of(size, time),
    )
    seen = np.ones((units, PERIODS))
    seen[0, -1] = seen[2, :2] = 0.0
    noise = rng.uniform(0.01, 0.2, (units, PERIODS))
    y = rng.normal(size=(units, PERIODS)) * seen
    return nodes, noise, seen, y, np.linspace(0.5, 2.0, units)  # a loading need not be one


@pytest.mark.parametrize("units", [3, 16, 21])
def test_every_node_has_the_likelihood_that_it_has_alone(units):
    nodes, noise, seen, y, loading = example(units)
    values = log_marginals(nodes, noise, seen, y, loading)
    for m in range(len(nodes)):
        terms = unit_terms(nodes.shared[m], nodes.scale[m] * noise, seen, y)
        alone = marginal(terms, [Block(loading[:, None])], [nodes.common]).log_likelihood
        np.testing.assert_allclose(values[m], alone, rtol=1e-11)


def test_threads_change_nothing():
    nodes, *panel = example(21)
    assert (log_marginals(nodes, *panel, workers=2) == log_marginals(nodes, *panel, workers=1)).all()


@pytest.mark.parametrize("max_batch_numbers", [4_000_000, 1])
def test_every_node_predicts_what_it_predicts_alone(max_batch_numbers):
    nodes, noise, seen, y, loading = example(18)
    rows, cells = np.array([1, 4, 17]), np.array([3, 4])
    value, mean, covariance = predict_nodes(nodes, (noise, seen, y, loading), rows, cells, max_batch_numbers)
    for m in range(len(nodes)):
        variance = nodes.scale[m] * noise
        for number, row in enumerate(rows):
            kept = seen.copy()
            kept[row, cells] = 0.0
            terms = unit_terms(nodes.shared[m], variance, kept, y * kept)
            fit = marginal(terms, [Block(loading[:, None])], [nodes.common])
            covariances = (nodes.structure[m], nodes.shared[m], variance[[row]])
            arguments = (terms.of([row]), (y * kept)[[row]], *covariances, cells)
            expected = predict(fit.mean[[row]][:, :, None], fit.spread[[row]], *arguments)
            np.testing.assert_allclose(value[m, number], fit.log_likelihood, rtol=1e-10)
            np.testing.assert_allclose(mean[m, number], expected[0][0, :, 0], atol=1e-10)
            np.testing.assert_allclose(covariance[m, number], expected[1][0], atol=1e-10)


def test_the_gradient_equals_the_difference_quotient(monkeypatch):
    nodes, noise, seen, y, loading = example(18)
    node = nodes.of(slice(1, 2))
    value, by_shared, by_scale = log_marginal_gradient(node, noise, seen, y, loading)
    assert value == pytest.approx(log_marginals(node, noise, seen, y, loading)[0], rel=1e-11)
    rng = np.random.default_rng(2)
    step = rng.normal(size=(PERIODS, PERIODS))
    step, turn = 1e-5 * (step + step.T), 0.7e-5
    moved = Nodes(
        np.repeat(node.structure, 2, axis=0),
        np.concatenate([node.shared + step, node.shared - step]),
        np.concatenate([node.scale + turn, node.scale - turn]),
        node.common,
        node.markov.of([0, 0]),
    )
    monkeypatch.setattr(markov_panel, "MAX_RATIO", 0.0)  # the step is no sum of Markov components
    up, down = log_marginals(moved, noise, seen, y, loading)
    assert (up - down) / 2 == pytest.approx((by_shared * step).sum() + by_scale * turn, rel=1e-5)


def test_a_nan_loading_is_refused():
    nodes, noise, seen, y, loading = example(18)
    loading = loading.copy()
    loading[3] = np.nan
    with pytest.raises(np.linalg.LinAlgError):
        log_marginal_gradient(nodes.of(slice(1, 2)), noise, seen, y, loading)


def test_a_units_own_cells_change_nothing():
    nodes, noise, seen, y, loading = example(18)
    rows, cells = np.array([5]), np.array([4])
    other = y.copy()
    other[5, 4] += 3.0
    taken = predict_nodes(nodes, (noise, seen, y, loading), rows, cells)
    never = predict_nodes(nodes, (noise, seen, other, loading), rows, cells)
    for first, second in zip(taken, never, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-9)


def test_a_node_that_is_not_positive_definite_is_left_out_alone():
    nodes, noise, seen, y, loading = example(6)
    shared = nodes.shared.copy()
    shared[1] = -np.eye(PERIODS)
    nodes.markov.kept[1, 1:] = 1 - 1e-12  # dense
    nodes = Nodes(nodes.structure, shared, nodes.scale, nodes.common, nodes.markov)
    assert np.isneginf(log_marginals(nodes, noise, seen, y, loading)).tolist() == [False, True, False]
    predictions = _positive_variances(*predict_nodes(nodes, (noise, seen, y, loading), np.array([3]), np.array([4])))
    assert np.isneginf(predictions.log_target[:, 0]).tolist() == [False, True, False]
    assert np.isfinite(predictions.covariance).all()
    assert np.isfinite(predictions.mean).all()
