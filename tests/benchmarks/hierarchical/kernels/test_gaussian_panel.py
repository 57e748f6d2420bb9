"""Authority of every number: the same Gaussian model written out densely, (N T) x (N T), with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import Block, marginal, predict, predict_sealed
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_terms


def example(seed, units=7, periods=5, widths=(1, 2), missing=True):
    """Two or three blocks of common effects; the covariance of each is its own."""
    rng = np.random.default_rng(seed)
    time = np.arange(periods)
    structure = 0.04 + 0.01 * np.outer(time - 1, time - 1)
    shared = structure + 0.09 * 0.7 ** np.abs(np.subtract.outer(time, time))
    noise = rng.uniform(0.01, 0.2, (units, periods))
    blocks = [Block(rng.normal(size=(units, width))) for width in widths]
    roots = [
        np.linalg.cholesky(0.3 * (0.5 + g) * (0.3 + g / 5) ** np.abs(np.subtract.outer(time, time)))
        for g in range(len(widths))
    ]
    seen = np.ones((units, periods))
    if missing:
        seen[0, -1] = seen[2, :2] = 0.0
    y = rng.normal(size=(units, periods)) * seen
    return structure, shared, noise, blocks, roots, seen, y


def common(blocks, roots):
    return sum(np.kron(b.loadings @ b.loadings.T, root @ root.T) for b, root in zip(blocks, roots, strict=True))


def dense(shared, noise, blocks, roots):
    return block_diag(*(shared + np.diag(row) for row in noise)) + common(blocks, roots)


WIDTHS = [(1,), (1, 3), (1, 4, 2)]


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("missing", [False, True])
def test_likelihood_and_posterior_of_common_effects_equal_the_dense_ones(widths, missing):
    _, shared, noise, blocks, roots, seen, y = example(1, widths=widths, missing=missing)
    observed = seen.ravel() > 0
    total = dense(shared, noise, blocks, roots)
    covariance = total[np.ix_(observed, observed)]
    fit = marginal(unit_terms(shared, noise, seen, y), blocks, roots)
    expected = multivariate_normal(cov=covariance).logpdf(y.ravel()[observed])
    np.testing.assert_allclose(fit.log_likelihood, expected, rtol=1e-11)
    effects = common(blocks, roots)
    gain = effects[:, observed] @ np.linalg.inv(covariance)
    np.testing.assert_allclose(fit.mean.ravel(), gain @ y.ravel()[observed], atol=1e-10)
    spread = (effects - gain @ effects[observed]).reshape(*y.shape, *y.shape)
    np.testing.assert_allclose(fit.spread, np.einsum("itis->its", spread), atol=1e-10)
    # draws are linear in the normal numbers: these columns give a root of the covariance of all Z f
    columns = fit.draws(np.eye(len(fit.half))) - fit.mean[:, :, None]
    root = columns.reshape(y.size, -1)
    np.testing.assert_allclose(root @ root.T, spread.reshape(y.size, -1), atol=1e-10)


@pytest.mark.parametrize("widths", WIDTHS)
def test_projections_are_those_of_the_dense_inverse(widths):
    """The inverse over all seen cells, with zeros where a cell is missing."""
    _, shared, noise, blocks, roots, seen, y = example(2, widths=widths)
    observed = np.flatnonzero(seen.ravel())
    precision = np.zeros((y.size, y.size))
    precision[np.ix_(observed, observed)] = np.linalg.inv(
        dense(shared, noise, blocks, roots)[np.ix_(observed, observed)]
    )
    rows, vectors = np.array([0, 2, 5]), np.random.default_rng(3).normal(size=(y.shape[1], 3))
    score, inner, _ = marginal(unit_terms(shared, noise, seen, y), blocks, roots).projections(rows, vectors)
    four = precision.reshape(*y.shape, *y.shape)
    np.testing.assert_allclose(score, (precision @ y.ravel()).reshape(y.shape)[rows] @ vectors, atol=1e-10)
    for place, i in enumerate(rows):
        np.testing.assert_allclose(inner[place], vectors.T @ four[i, :, i] @ vectors, atol=1e-10)


@pytest.mark.parametrize("widths", WIDTHS)
def test_the_gradient_equals_difference_quotients(widths):
    _, shared, noise, blocks, roots, seen, y = example(4, widths=widths)
    periods = y.shape[1]
    step = np.random.default_rng(5).normal(size=(periods, periods))
    step = 1e-6 * (step + step.T)

    def value(shared=shared, noise=noise, roots=roots):
        return marginal(unit_terms(shared, noise, seen, y), blocks, roots).log_likelihood

    by_shared, by_scale, by_common = marginal(unit_terms(shared, noise, seen, y), blocks, roots).gradient(noise)
    assert (value(shared + step) - value(shared - step)) / 2 == pytest.approx((by_shared * step).sum(), rel=1e-6)
    slope = (value(noise=noise * (1 + 1e-6)) - value(noise=noise * (1 - 1e-6))) / 2e-6
    assert slope == pytest.approx(by_scale, rel=1e-6)
    for g, by in enumerate(by_common):
        up, down = list(roots), list(roots)
        up[g], down[g] = (np.linalg.cholesky(roots[g] @ roots[g].T + sign * step) for sign in (1, -1))
        assert (value(roots=up) - value(roots=down)) / 2 == pytest.approx((by * step).sum(), rel=1e-6)


def sealed(fit, rows, cells, y, covariances):
    """Predict `cells` of the units `rows` from the other cells alone, as `predict_placebos` does."""
    structure, shared, noise = covariances
    shock = (shared - structure)[:, cells]
    score, precision, _ = fit.projections(rows, np.column_stack([np.eye(len(shared))[:, cells], shock]))
    at = np.ix_(rows, cells)
    return predict_sealed(score, precision, y[at], shock[cells], noise[at])


@given(st.integers(0, 10_000), st.sampled_from(WIDTHS), st.integers(1, 3), st.sampled_from([2, 5, 40]))
@settings(max_examples=25, deadline=None)
def test_predictions_without_a_units_own_cells_equal_the_dense_conditional(seed, widths, ahead, units):
    periods = 5
    structure, shared, noise, blocks, roots, seen, y = example(seed, units, periods, widths, missing=False)
    cells = np.arange(periods - ahead, periods)
    whole = marginal(unit_terms(shared, noise, seen, y), blocks, roots)
    rows = np.arange(units)
    change, centre, spread = sealed(whole, rows, cells, y, (structure, shared, noise))
    log_likelihood = whole.log_likelihood + change

    total = dense(shared, noise, blocks, roots)
    bare = common(blocks, roots) + np.kron(np.eye(units), structure)
    for i in rows[:3]:
        hidden = np.zeros(y.shape, dtype=bool)
        hidden[i, cells] = True
        hidden = hidden.ravel()
        given_ = ~hidden
        gain = total[np.ix_(hidden, given_)] @ np.linalg.inv(total[np.ix_(given_, given_)])
        np.testing.assert_allclose(centre[i, ahead:], gain @ y.ravel()[given_], atol=1e-8)
        conditional = total[np.ix_(hidden, hidden)] - gain @ total[np.ix_(given_, hidden)]
        np.testing.assert_allclose(spread[i, ahead:, ahead:], conditional, atol=1e-8)
        reference = multivariate_normal(cov=total[np.ix_(given_, given_)]).logpdf(y.ravel()[given_])
        np.testing.assert_allclose(log_likelihood[i], reference, atol=1e-7)
        # the expected part: common effects and structure, correlated with the data by these alone
        expected_gain = bare[np.ix_(hidden, given_)] @ np.linalg.inv(total[np.ix_(given_, given_)])
        np.testing.assert_allclose(centre[i, :ahead], expected_gain @ y.ravel()[given_], atol=1e-8)
        conditional = bare[np.ix_(hidden, hidden)] - expected_gain @ bare[np.ix_(given_, hidden)]
        np.testing.assert_allclose(spread[i, :ahead, :ahead], conditional, atol=1e-8)
        conditional = bare[np.ix_(hidden, hidden)] - expected_gain @ total[np.ix_(given_, hidden)]
        np.testing.assert_allclose(spread[i, :ahead, ahead:], conditional, atol=1e-8)


@pytest.mark.parametrize("widths", WIDTHS)
def test_the_prediction_without_the_cells_is_that_of_a_fit_that_never_saw_them(widths):
    """Authority: `predict` from the posterior of the common effects, which has not seen the cells."""
    structure, shared, noise, blocks, roots, seen, y = example(3, widths=widths, missing=False)
    kept, rows, cells = seen.copy(), np.array([4]), np.array([3, 4])
    kept[4, 3:] = 0.0
    never = marginal(unit_terms(shared, noise, kept, y * kept), blocks, roots)
    arguments = (never.terms.of(rows), (y * kept)[rows], structure, shared, noise[rows], cells)
    mean, covariance = predict(never.mean[rows][:, :, None], never.spread[rows], *arguments)
    whole = marginal(unit_terms(shared, noise, seen, y), blocks, roots)
    change, centre, spread = sealed(whole, rows, cells, y, (structure, shared, noise))
    np.testing.assert_allclose(centre, mean[:, :, 0], atol=1e-10)
    np.testing.assert_allclose(spread, covariance, atol=1e-10)
    np.testing.assert_allclose(whole.log_likelihood + change[0], never.log_likelihood, rtol=1e-11)


def test_a_singular_covariance_is_refused_and_not_divided_by():
    ones = np.ones((2, 3))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        unit_terms(np.zeros((3, 3)), 0 * ones, ones, ones)


def test_a_panel_whose_numbers_are_not_finite_is_refused():
    _, shared, noise, blocks, roots, seen, y = example(6)
    blocks[1].loadings[3, 0] = np.nan
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        marginal(unit_terms(shared, noise, seen, y), blocks, roots)


@pytest.mark.parametrize("widths", WIDTHS)
def test_cells_of_near_units_are_left_out_as_if_they_were_not_seen(widths):
    """Authority: the same pass over data in which these cells are missing."""
    _, shared, noise, blocks, roots, seen, y = example(6, 9, 5, widths, missing=False)
    rows, cells, near = np.array([0, 4]), np.array([3, 4]), [np.array([2, 5, 8]), np.array([], dtype=int)]
    vectors = np.column_stack([np.eye(5)[:, cells], np.random.default_rng(3).normal(size=(5, 2))])
    whole = marginal(unit_terms(shared, noise, seen, y), blocks, roots)
    changes, scores, inners = whole.projections_without(rows, vectors, cells, near)
    for i, units in enumerate(near):
        less = seen.copy()
        less[np.ix_(units, cells)] = 0.0
        fewer = marginal(unit_terms(shared, noise, less, y * less), blocks, roots)
        score, inner, _ = fewer.projections(rows[[i]], vectors)
        assert whole.log_likelihood + changes[i] == pytest.approx(fewer.log_likelihood, abs=1e-9)
        np.testing.assert_allclose(scores[i], score[0], atol=1e-10)
        np.testing.assert_allclose(inners[i], inner[0], atol=1e-10)
