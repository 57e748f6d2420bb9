"""Authority of every number: the same Gaussian model written out densely, (N T) x (N T), with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import leave_cells_out, marginal, predict
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_terms


def example(seed, units=7, periods=5, width=3, missing=True):
    rng = np.random.default_rng(seed)
    time = np.arange(periods)
    structure = 0.04 + 0.01 * np.outer(time - 1, time - 1)
    shared = structure + 0.09 * 0.7 ** np.abs(np.subtract.outer(time, time))
    noise = rng.uniform(0.01, 0.2, (units, periods))
    loadings = np.column_stack([np.ones(units), rng.normal(size=(units, width - 1))])
    common = np.array(
        [np.linalg.cholesky(0.3 * (0.5 + r) * 0.6 ** np.abs(np.subtract.outer(time, time))) for r in range(width)]
    )
    seen = np.ones((units, periods))
    if missing:
        seen[0, -1] = seen[2, :2] = 0.0
    y = rng.normal(size=(units, periods)) * seen
    return structure, shared, noise, loadings, common, seen, y


def dense(shared, noise, loadings, common):
    units = len(noise)
    blocks = [shared + np.diag(noise[i]) for i in range(units)]
    total = block_diag(*blocks)
    for r, root in enumerate(common):
        total += np.kron(np.outer(loadings[:, r], loadings[:, r]), root @ root.T)
    return total


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("missing", [False, True])
def test_the_likelihood_equals_the_dense_one(width, missing):
    _, shared, noise, loadings, common, seen, y = example(1, width=width, missing=missing)
    observed = seen.ravel() > 0
    covariance = dense(shared, noise, loadings, common)[np.ix_(observed, observed)]
    expected = multivariate_normal(cov=covariance).logpdf(y.ravel()[observed])
    fit = marginal(unit_terms(shared, noise, seen, y), loadings, common)
    np.testing.assert_allclose(fit.log_likelihood, expected, rtol=1e-11)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 4]), st.integers(1, 3), st.sampled_from([2, 5, 40]))
@settings(max_examples=25, deadline=None)
def test_predictions_without_a_units_own_cells_equal_the_dense_conditional(seed, width, ahead, units):
    periods = 5
    structure, shared, noise, loadings, common, seen, y = example(seed, units, periods, width, missing=False)
    cells = np.arange(periods - ahead, periods)
    terms = unit_terms(shared, noise, seen, y)
    whole = marginal(terms, loadings, common)
    rows = np.arange(units)
    kept = seen.copy()
    kept[:, cells] = 0.0
    without = unit_terms(shared, noise, kept, y * kept)
    effect, root = whole.at(loadings)
    mean, covariance, change = leave_cells_out(effect, root @ root.transpose(0, 2, 1), terms, without, cells)
    log_likelihood = whole.log_likelihood + change
    centre, spread = predict(mean, covariance, without, y * kept, structure, shared, noise, cells)

    total = dense(shared, noise, loadings, common)
    bare = np.array([common[r] @ common[r].T for r in range(width)])
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
        cross = np.zeros((ahead, y.size))
        for j in range(units):
            block = np.einsum("r,rts->ts", loadings[i] * loadings[j], bare) + (structure if i == j else 0.0)
            cross[:, j * periods : (j + 1) * periods] = block[cells]
        gain = cross[:, given_] @ np.linalg.inv(total[np.ix_(given_, given_)])
        np.testing.assert_allclose(centre[i, :ahead], gain @ y.ravel()[given_], atol=1e-8)
        conditional = cross[:, hidden] - gain @ cross[:, given_].T
        np.testing.assert_allclose(spread[i, :ahead, :ahead], conditional, atol=1e-8)


def test_the_fit_without_the_cells_is_the_fit_that_never_saw_them():
    _, shared, noise, loadings, common, seen, y = example(3, missing=False)
    kept = seen.copy()
    kept[4, 3:] = 0.0
    never = marginal(unit_terms(shared, noise, kept, y * kept), loadings, common)
    terms = unit_terms(shared, noise, seen, y)
    without = unit_terms(shared, noise[[4]], kept[[4]], (y * kept)[[4]])
    whole, cells = marginal(terms, loadings, common), np.array([3, 4])
    effect, root = whole.at(loadings[[4]])
    mean, covariance, change = leave_cells_out(
        effect, root @ root.transpose(0, 2, 1), terms.of(np.array([4])), without, cells
    )
    at, root = never.at(loadings[[4]])
    np.testing.assert_allclose(mean, at, atol=1e-10)
    np.testing.assert_allclose(covariance[0], root[0] @ root[0].T, atol=1e-10)
    np.testing.assert_allclose(whole.log_likelihood + change[0], never.log_likelihood, rtol=1e-11)


def test_a_singular_covariance_is_refused_and_not_divided_by():
    ones = np.ones((2, 3))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        unit_terms(np.zeros((3, 3)), 0 * ones, ones, ones)
