"""Authorities: scipy.stats.multivariate_t, and moments of known targets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from scipy.stats import multivariate_t

from ssinfer.kernels.importance import (
    MIN_DEGREES,
    Mixture,
    distances,
    effective_size,
    fit_student_mixture,
    laplace,
    resample,
)

ROOT = np.array([[0.8, 0.0], [0.3, 0.5]])
MIXTURE = Mixture(np.array([0.3, 0.7]), np.array([[0.0, 1.0], [2.0, -1.0]]), np.stack([ROOT, 2 * ROOT]))


def test_the_density_equals_that_of_scipy():
    nodes = MIXTURE.nodes(64)
    expected = sum(
        share * multivariate_t(centre, root @ root.T, MIN_DEGREES).pdf(nodes)
        for share, centre, root in zip(MIXTURE.shares, MIXTURE.centres, MIXTURE.roots, strict=True)
    )
    np.testing.assert_allclose(np.exp(MIXTURE.log_density(nodes)), expected)


def test_nodes_follow_the_mixture():
    nodes = MIXTURE.nodes(2**14)
    np.testing.assert_allclose(nodes.mean(axis=0), MIXTURE.shares @ MIXTURE.centres, atol=0.03)
    # self-normalised weights towards a normal target give its moments
    log_target = -0.5 * ((nodes - 1.0) ** 2).sum(axis=1)
    weights = np.exp(log_target - MIXTURE.log_density(nodes))
    weights /= weights.sum()
    np.testing.assert_allclose(weights @ nodes, 1.0, atol=0.02)
    np.testing.assert_allclose(weights @ (nodes - 1.0) ** 2, 1.0, atol=0.05)


def test_the_mode_and_curvature_of_a_gaussian_are_found():
    precision = np.linalg.inv(0.2 * ROOT @ ROOT.T)
    mode, root = laplace(lambda x: -0.5 * (x - 1.0) @ precision @ (x - 1.0), np.zeros(2), 5.0)
    np.testing.assert_allclose(mode, 1.0)
    np.testing.assert_allclose(root @ root.T, 0.2 * ROOT @ ROOT.T, rtol=0.01)


def test_a_fitted_mixture_covers_a_curved_target():
    rng = np.random.default_rng(1)
    nodes = rng.standard_normal((2000, 2)) * 2
    target = -0.5 * nodes[:, 0] ** 2 - 2 * (nodes[:, 1] - 0.5 * nodes[:, 0] ** 2) ** 2
    weights = np.exp(target + 0.125 * (nodes**2).sum(axis=1))
    fitted = fit_student_mixture(nodes, weights, 4)
    fresh = fitted.nodes(2048)
    again = np.exp(
        -0.5 * fresh[:, 0] ** 2 - 2 * (fresh[:, 1] - 0.5 * fresh[:, 0] ** 2) ** 2 - fitted.log_density(fresh)
    )
    assert effective_size(again) > 0.5 * len(fresh)
    # normalising constant: 2 pi / 2
    assert again.mean() == pytest.approx(np.pi, rel=0.03)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=20), st.integers(1, 200))
def test_resampling_draws_every_node_by_its_weight_within_one(weights, count):
    weights = np.array(weights) / sum(weights)
    picked = resample(weights, count, np.random.default_rng(0))
    counts = np.bincount(picked, minlength=len(weights))
    assert counts.sum() == count
    assert (np.abs(counts - count * weights) <= 1 + 1e-6).all()


def test_distances_equal_those_of_scipy():
    rng = np.random.default_rng(2)
    root = np.linalg.cholesky(np.cov(rng.normal(size=(3, 20))))
    nodes, centre = rng.normal(size=(5, 3)), rng.normal(size=3)
    inverse = np.linalg.inv(root @ root.T)
    np.testing.assert_allclose(
        distances(nodes, centre, root), [mahalanobis(node, centre, inverse) ** 2 for node in nodes]
    )
