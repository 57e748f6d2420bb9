"""The active set against two independent solvers: exact rational enumeration, and scipy's NNLS on the data."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from ssinfer.benchmarks.synthetic_control.kernels.gram import differenced_gram, factor
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import (
    EXACT_FIT,
    OPTIMAL,
    kkt_gap,
    simplex_batch,
    simplex_weights,
)


def enumerate_supports(X, penalty):
    """Minimise over every support by exact rational elimination; returns the least objective. Slow and certain."""
    T, J = len(X), len(X[0])
    G = [[sum(X[t][j] * X[t][k] for t in range(T)) for k in range(J)] for j in range(J)]
    for j in range(J):
        G[j][j] += penalty[j]
    best = None
    for size in range(1, J + 1):
        for support in itertools.combinations(range(J), size):
            w = _affine_minimiser(G, support)
            if w is None or min(w) < 0:
                continue
            value = sum(w[p] * w[q] * G[j][k] for p, j in enumerate(support) for q, k in enumerate(support))
            best = value if best is None else min(best, value)
    return best


def _affine_minimiser(G, support):
    n = len(support) + 1
    rows = [[G[j][k] for k in support] + [Fraction(1), Fraction(0)] for j in support]
    rows.append([Fraction(1)] * (n - 1) + [Fraction(0), Fraction(1)])
    for c in range(n):
        pivot = next((r for r in range(c, n) if rows[r][c] != 0), None)
        if pivot is None:
            return None
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = [value / rows[c][c] for value in rows[c]]
        for r in range(n):
            if r != c and rows[r][c] != 0:
                rows[r] = [a - rows[r][c] * b for a, b in zip(rows[r], rows[c], strict=True)]
    return [rows[r][n] for r in range(n - 1)]


def by_nnls(X):
    """Weights from scipy's NNLS with the sum-to-one row appended, then normalised (exact for any row weight)."""
    c = np.sqrt((X**2).sum(axis=0).mean())
    u, _ = nnls(np.vstack([X, np.full(X.shape[1], c)]), np.append(np.zeros(X.shape[0]), c), maxiter=10_000)
    return u / u.sum()


def fit(X, penalty=None):
    J = X.shape[1]
    return simplex_weights(X.T @ X, np.zeros(J) if penalty is None else penalty, np.zeros(J))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 7]))
def test_objective_is_that_of_exact_enumeration(T, J, seed, ridge):
    integers = np.random.default_rng(seed).integers(-9, 10, size=(T, J))
    truth = enumerate_supports([[Fraction(int(v)) for v in row] for row in integers], [Fraction(ridge)] * J)
    penalty = np.full(J, float(ridge))
    G = (integers.T @ integers).astype(float)
    w, gap, status, _ = simplex_weights(G, penalty, np.zeros(J))
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1, abs=1e-12)
    assert w @ G @ w + penalty @ w**2 == pytest.approx(float(truth), abs=1e-9 * (1 + np.trace(G)))
    assert gap <= 1e-9
    assert status in (OPTIMAL, EXACT_FIT)


@settings(deadline=None, max_examples=60)
@given(st.integers(8, 30), st.integers(2, 60), st.integers(0, 2**32 - 1), st.floats(0.1, 4))
def test_agrees_with_nnls_and_certifies_itself(T, J, seed, distance):
    X = np.random.default_rng(seed).normal(size=(T, J)) + distance
    w, gap, _status, _ = fit(X)
    peer = by_nnls(X)
    assert gap <= 1e-12
    assert ((X @ w) ** 2).sum() <= ((X @ peer) ** 2).sum() * (1 + 1e-9) + 1e-12
    if ((X @ peer) ** 2).sum() > 1e-8:
        np.testing.assert_allclose(w, peer, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 9), st.integers(2, 80), st.integers(0, 2**32 - 1), st.floats(-12, 6), st.booleans())
def test_ridge_fits_by_the_dual_agree_with_nnls_and_with_the_active_set(T, J, seed, exponent, equal):
    """The ridge is 1e-12 to 1e6 times the squared outcomes: a smaller one leaves the dual too few digits."""
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=(T, J + 1))
    F = factor(Y, np.ones(T), 1)
    penalty = 10.0**exponent * (np.ones(J + 1) if equal else rng.uniform(0.5, 2.0, J + 1))
    K, donors, cold = F.T @ F, np.ones((1, J + 1), bool), np.zeros((1, J + 1))
    W, gap, status, changes = simplex_batch(K, F, np.array([0]), donors, penalty, cold)
    assert gap[0] <= 1e-9
    assert changes[0] == 0 or exponent < 0  # the dual alone was enough
    assert status[0] in (OPTIMAL, EXACT_FIT)
    assert kkt_gap(differenced_gram(K, 0, np.arange(1, J + 1)), penalty[1:], W[0, 1:]) <= 1e-9
    X = F[:, 1:] - F[:, :1]
    rows = np.vstack([X, np.diag(np.sqrt(penalty[1:]))])
    active, *_ = simplex_weights(X.T @ X, penalty[1:], np.zeros(J))
    for peer, tolerance in ((active, 1e-9), (by_nnls(rows), 1e-7)):
        np.testing.assert_allclose(X @ W[0, 1:], X @ peer, atol=tolerance)
        assert (rows @ W[0, 1:]) @ (rows @ W[0, 1:]) <= (rows @ peer) @ (rows @ peer) * (1 + 1e-9) + 1e-12


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e5), st.floats(-1e3, 1e3))
def test_permutation_shift_and_scale(seed, scale, shift):
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=(9, 7)) + 3 * rng.normal(size=(9, 1))
    Y[:, 0] += 0.7  # the target is off the hull, so that the optimum is unique

    def weights(values):
        F = factor(np.ascontiguousarray(values), np.ones(9), 0)
        return simplex_batch(F.T @ F, F, np.array([0]), np.ones((1, 7), bool), np.zeros(7), np.zeros((1, 7)))[0][0]

    base = weights(Y)
    order = np.append(0, 1 + rng.permutation(6))
    np.testing.assert_allclose(weights(Y[:, order]), base[order], atol=1e-7)
    np.testing.assert_allclose(weights(scale * Y), base, atol=1e-7)
    np.testing.assert_allclose(weights(Y + shift), base, atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_duplicate_and_collinear_donors_change_no_fit(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(6, 5)) + 1.0
    more = np.column_stack([X, X[:, 2], 0.3 * X[:, 0] + 0.7 * X[:, 4]])
    w, _gap, _status, _ = fit(X)
    v, gap, _status, _ = fit(more)
    np.testing.assert_allclose(X @ w, more @ v, atol=1e-8)
    assert gap <= 1e-9


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_exact_fit_with_more_donors_than_periods_is_unique_and_of_least_norm(seed):
    rng = np.random.default_rng(seed)
    T, N = 3, 40
    Y = rng.normal(size=(T, N))
    Y[:, 0] = Y[:, 1:] @ rng.dirichlet(np.ones(N - 1))
    F = factor(Y, np.ones(T), 0)
    W, gap, status, _ = simplex_batch(F.T @ F, F, np.array([0]), np.ones((1, N), bool), np.zeros(N), np.zeros((1, N)))
    assert status[0] == EXACT_FIT
    assert gap[0] <= 1e-9
    np.testing.assert_allclose(Y @ W[0], Y[:, 0], atol=1e-8)
    # the least norm is the limit of a vanishing ridge
    index = np.arange(1, N)
    G = differenced_gram(F.T @ F, 0, index)
    limit, *_ = simplex_weights(G, np.full(N - 1, 1e-7 * np.trace(G) / N), np.zeros(N - 1))
    np.testing.assert_allclose(W[0, 1:], limit, atol=1e-4)
    order = np.append(0, 1 + rng.permutation(N - 1))
    P = factor(np.ascontiguousarray(Y[:, order]), np.ones(T), 0)
    V, *_ = simplex_batch(P.T @ P, P, np.array([0]), np.ones((1, N), bool), np.zeros(N), np.zeros((1, N)))
    np.testing.assert_allclose(V[0], W[0, order], atol=1e-7)


def test_all_donors_equal_to_the_target_share_the_weight():
    w, gap, status, _ = simplex_weights(np.zeros((4, 4)), np.zeros(4), np.zeros(4))
    np.testing.assert_allclose(w, 0.25)
    assert (gap, status) == (0.0, EXACT_FIT)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_a_warm_start_anywhere_arrives_at_the_same_optimum(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(15, 12)) + 0.5
    G = X.T @ X
    cold, *_ = simplex_weights(G, np.zeros(12), np.zeros(12))
    warm, gap, *_ = simplex_weights(G, np.zeros(12), rng.dirichlet(np.full(12, 0.3)))
    np.testing.assert_allclose(warm, cold, atol=1e-8)
    assert gap <= 1e-12


def test_whole_numbers_with_ties_are_solved_as_well():
    """Degenerate vertices: a donor that enters at zero stays where others at zero make way (.6% failed once)."""
    rng = np.random.default_rng(7)
    for turn in range(2000):
        T, J = int(rng.integers(1, 8)), int(rng.integers(2, 29))
        X = np.round(rng.standard_normal((T, J + 1)) * rng.choice([1, 1, 2, 5, 20]))
        X = X[:, 1:] - X[:, :1]
        warm = rng.dirichlet(np.ones(J)) if turn % 2 else np.zeros(J)
        w, gap, status, _ = simplex_weights(X.T @ X, np.zeros(J), warm)
        assert status in (OPTIMAL, EXACT_FIT)
        assert gap <= 1e-12
        if (X**2).sum() > 0 and turn % 10 == 0:
            best = by_nnls(X)
            assert ((X @ w) ** 2).sum() == pytest.approx(((X @ best) ** 2).sum(), abs=1e-9)


def test_the_gap_exposes_weights_that_are_not_optimal():
    X = np.random.default_rng(3).normal(size=(9, 5)) + 1
    G = X.T @ X
    w, *_ = simplex_weights(G, np.zeros(5), np.zeros(5))
    moved = 0.99 * w + 0.01 * np.eye(5)[int(np.argmin(w))]
    gap = kkt_gap(G, np.zeros(5), moved)
    assert gap > 1e-6
    excess = (moved @ G @ moved - w @ G @ w) / np.diag(G).mean()
    assert excess <= 2 * gap  # the gap bounds the excess, by convexity


def test_donors_out_of_the_mask_get_no_weight():
    Y = np.random.default_rng(0).normal(size=(8, 6))
    F = factor(Y, np.ones(8), 1)
    donors = np.array([[True, True, False, True, False, True]])
    W, *_ = simplex_batch(F.T @ F, F, np.array([0]), donors, np.zeros(6), np.zeros((1, 6)))
    assert W[0, [0, 2, 4]].tolist() == [0, 0, 0]
    assert W[0].sum() == pytest.approx(1)
