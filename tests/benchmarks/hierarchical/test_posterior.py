"""Authority: what each part is defined as, worked out apart; the posterior itself is judged in tests/evidence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from ssinfer.benchmarks.hierarchical import posterior as panel_posterior
from ssinfer.benchmarks.hierarchical.model import PanelModel, Parameter
from ssinfer.benchmarks.hierarchical.reml import simulate_panel
from ssinfer.kernels.adaptive_importance import pooled_density, with_defensive_components
from ssinfer.kernels.importance import Mixture, distances

UNITS, PERIODS = 12, 4


def model_of(*names):
    scale = {"level": 0.1, "trend": 0.02, "shock": 0.05, "noise": 5.0}
    kinds = {"persistence": "persistence"}
    return PanelModel(
        time=np.arange(PERIODS, dtype=float),
        inverse_size=np.full((UNITS, PERIODS), 1e-4),
        known=None,
        loadings=np.ones((UNITS, 1)),
        spectrum=np.ones(1),
        neighbours=0,
        covariates=0,
        season=None,
        parameters=tuple(Parameter(name, kinds.get(name, "deviation"), scale.get(name, 1.0)) for name in names),
        period_scale=0.3,
        level_scale=0.1,
    )


def corners_of(model):
    y = simulate_panel(model, np.full(model.size, 0.3), np.random.default_rng(1))
    seen = np.ones_like(y)
    mode, root = model.mode(y, seen)
    return panel_posterior.corners(model, mode, root, y, seen), y, seen


def test_distances_are_those_of_scipy():
    rng = np.random.default_rng(2)
    root = np.linalg.cholesky(np.cov(rng.normal(size=(3, 20))))
    nodes, centre = rng.normal(size=(5, 3)), rng.normal(size=3)
    inverse = np.linalg.inv(root @ root.T)
    np.testing.assert_allclose(
        distances(nodes, centre, root), [mahalanobis(node, centre, inverse) ** 2 for node in nodes]
    )


def test_rounds_count_by_their_size():
    mixtures = [Mixture(np.ones(1), np.full((1, 2), centre), np.eye(2)[None]) for centre in (0.0, 1.0, -2.0)]
    nodes = np.random.default_rng(3).normal(size=(6, 2))
    first, second, third = (np.exp(mixture.log_density(nodes)) for mixture in mixtures)
    np.testing.assert_allclose(np.exp(pooled_density(mixtures, nodes)), (first + 2 * second + 4 * third) / 7)


@pytest.mark.parametrize(
    ("names", "shares"),
    [
        (("level", "trend", "shock", "persistence", "noise"), [0.15, 0.10]),
        (("level", "shock", "persistence", "noise"), [0.15]),
        (("level", "trend", "noise"), [0.10]),
    ],
)
def test_a_proposal_keeps_a_component_for_each_term_that_may_be_nothing(names, shares):
    found, _, _ = corners_of(model_of(*names))
    terms = [name for name in ("shock", "trend") if name in names]
    assert [centre[names.index(term)] for centre, term in zip(found.centres, terms, strict=True)] == [-1.5] * len(terms)
    plain = Mixture(np.ones(1), np.zeros((1, len(names))), np.eye(len(names))[None])
    np.testing.assert_allclose(with_defensive_components(plain, found).shares, [1 - sum(shares), *shares])


def test_a_model_without_either_term_keeps_nothing():
    assert corners_of(model_of("level", "noise"))[0] is None


def test_without_trends_the_others_are_at_their_mode():
    names = ("level", "trend", "shock", "persistence", "noise")
    model = model_of(*names)
    found, y, seen = corners_of(model)
    _, gradient = model.log_posterior_slope(found.centres[1], y, seen)
    assert np.abs(np.delete(gradient, names.index("trend"))).max() < 0.2  # centres are rounded to 0.01


def test_a_node_without_a_positive_variance_of_an_outcome_has_no_weight():
    covariance = np.tile(np.eye(2), (3, 1, 1, 1))
    covariance[1, 0, 1, 1] = -1e-9
    covariance[2, 0, 0, 0] = -1e-18  # of the expected part: rounding of a level SD near zero, no reason to leave it out
    found = panel_posterior._dependable(np.zeros((3, 1)), np.zeros((3, 1, 2)), covariance)
    np.testing.assert_array_equal(found.log_target[:, 0], [0.0, -np.inf, 0.0])
