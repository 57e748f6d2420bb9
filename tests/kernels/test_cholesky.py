"""Small Cholesky factors against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.kernels.cholesky import cholesky, inverse, solve_factored, solve_positive


def positive(n, seed):
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((n, n + 2))
    return half @ half.T + 0.1 * np.eye(n), rng.standard_normal(n)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_factor_solution_and_inverse_are_those_of_numpy(n, seed):
    A, b = positive(n, seed)
    factor, solution, out = A.copy(), b.copy(), np.empty((n, n))
    factor[np.triu_indices(n, 1)] = np.nan  # never read
    assert cholesky(factor)
    np.testing.assert_allclose(np.tril(factor), np.linalg.cholesky(A), rtol=1e-8, atol=1e-10)
    solve_factored(factor, n, solution)
    np.testing.assert_allclose(solution, np.linalg.solve(A, b), rtol=1e-6, atol=1e-8)
    inverse(factor, out)
    np.testing.assert_allclose(out, np.linalg.inv(A), rtol=1e-6, atol=1e-8)
    solve_positive(A.copy(), b)
    np.testing.assert_array_equal(b, solution)


def test_only_the_leading_part_is_solved():
    A, b = positive(5, 1)
    cholesky(factor := A.copy())
    solution = b.copy()
    solve_factored(factor, 3, solution)
    np.testing.assert_allclose(solution[:3], np.linalg.solve(A[:3, :3], b[:3]))
    np.testing.assert_array_equal(solution[3:], b[3:])


@pytest.mark.parametrize("least", [0.0, 1e-12])
def test_a_singular_matrix_is_refused_or_raised_to_the_least_pivot(least):
    singular = np.ones((3, 3))
    assert cholesky(singular, least) == (least > 0)
    assert not cholesky(np.array([[1.0, np.nan], [np.nan, np.nan]]), least)


def test_a_singular_system_has_a_finite_solution_and_a_system_with_nan_has_none():
    right = np.ones(3)
    solve_positive(np.ones((3, 3)), right)
    assert right.sum() == pytest.approx(1.0)
    right = np.ones(2)
    solve_positive(np.full((2, 2), np.nan), right)
    assert np.isnan(right).all()
