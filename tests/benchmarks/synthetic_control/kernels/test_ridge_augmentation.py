"""Ridge augmentation against the formula of Ben-Michael, Feller and Rothstein (2021), written out with numpy."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.synthetic_control.kernels.gram import factor
from ssinfer.benchmarks.synthetic_control.kernels.ridge_augmentation import (
    augmented_weights,
    held_out_errors,
    strength_by_one_standard_error,
)


@pytest.fixture
def Z():  # noqa: N802  (the matrix of the formulas)
    rng = np.random.default_rng(4)
    Z = rng.normal(size=(12, 9)).cumsum(axis=0)
    Z[:, 0] += 2.0
    return Z


@pytest.mark.parametrize("intercept", [False, True])
def test_weights_follow_the_formula(Z, intercept):
    donors = np.arange(1, 9)
    ridges = np.array([0.5, 20.0, np.inf])
    path, w, gap, _status, _ = augmented_weights(Z, 0, donors, np.ones(12), intercept, ridges, np.zeros(8))
    F = factor(Z, np.ones(12), intercept)
    X = F[:, 1:] - F[:, 1:].mean(axis=1, keepdims=True)
    residual = F[:, 0] - F[:, 1:] @ w
    for k, ridge in enumerate(ridges[:2]):
        expected = w + X.T @ np.linalg.solve(X @ X.T + ridge * np.eye(12), residual)
        np.testing.assert_allclose(path[k], expected, atol=1e-9)
    np.testing.assert_array_equal(path[2], w)
    np.testing.assert_allclose(path.sum(axis=1), 1.0)
    assert gap < 1e-12


def test_held_out_errors_never_look_ahead(Z):
    """An error at origin h is the same when everything after its horizon changes."""
    donors, ridges, intercept = np.arange(1, 9), np.array([1.0, np.inf]), True
    base = held_out_errors(Z, 0, donors, intercept, ridges, 2)
    changed = Z.copy()
    changed[10:] += 100 * np.random.default_rng(0).normal(size=(2, 9))
    later = held_out_errors(changed, 0, donors, intercept, ridges, 2)
    assert base.shape == (2, 6)
    np.testing.assert_allclose(later[:, :3], base[:, :3])
    assert not np.allclose(later[:, 4:], base[:, 4:])


def test_one_standard_error_rule_takes_the_strongest_that_is_near_enough():
    errors = np.array([[1.0, 1.2, 0.8, 1.1], [1.05, 1.2, 0.85, 1.1], [9.0, 9, 9, 9]])
    assert strength_by_one_standard_error(errors) == 1
    assert strength_by_one_standard_error(errors[:, :2]) == 0


def test_errors_that_are_not_numbers_choose_no_strength_and_stop_nothing():
    errors = np.array([[1.0, 2.0, 3.0], [np.nan, 1.0, 1.0], [2.0, 2.0, 2.0]])
    assert strength_by_one_standard_error(errors) in (0, 2)
    assert strength_by_one_standard_error(np.full((3, 4), np.nan)) == 2


def test_donors_that_are_alike_leave_nothing_to_extrapolate_by(Z):
    Z = Z.copy()
    Z[:, 1:] = Z[:, [1]]
    ridges, intercept = np.array([0.0, np.inf]), False
    path, w, *_ = augmented_weights(Z, 0, np.arange(1, 9), np.ones(12), intercept, ridges, np.zeros(8))
    np.testing.assert_allclose(path, np.tile(w, (2, 1)))
