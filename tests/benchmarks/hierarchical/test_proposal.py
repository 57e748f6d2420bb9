"""Authority: the definition of each part. The posterior itself is tested in tests/evidence."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.hierarchical.model import PanelModel
from ssinfer.benchmarks.hierarchical.parameters import Parameter
from ssinfer.benchmarks.hierarchical.predictions import _positive_variances
from ssinfer.benchmarks.hierarchical.proposal import defensive_components
from ssinfer.benchmarks.hierarchical.reml import simulate_panel
from ssinfer.kernels.adaptive_importance import with_defensive_components
from ssinfer.kernels.importance import Mixture

UNITS, PERIODS = 12, 4


def model_of(*names):
    scale = {"level": 0.1, "trend": 0.02, "shock": 0.05, "noise": 5.0}
    kinds = {"persistence": "persistence"}
    return PanelModel(
        time=np.arange(PERIODS, dtype=float),
        sampling=np.full((UNITS, PERIODS), 1e-4),
        loadings=np.ones((UNITS, 1)),
        neighbours=0,
        covariates=0,
        season=None,
        parameters=tuple(Parameter(name, kinds.get(name, "deviation"), scale.get(name, 1.0)) for name in names),
        period_scale=0.3,
        level_scale=0.1,
    )


def defensive_components_of(model):
    y = simulate_panel(model, np.full(model.size, 0.3), np.random.default_rng(1))
    seen = np.ones_like(y)
    mode, root = model.mode(y, seen)
    return defensive_components(model, mode, root, y, seen), y, seen


@pytest.mark.parametrize(
    ("names", "shares"),
    [
        (("level", "trend", "shock", "persistence", "noise"), [0.15, 0.10]),
        (("level", "shock", "persistence", "noise"), [0.15]),
        (("level", "trend", "noise"), [0.10]),
    ],
)
def test_a_proposal_has_a_defensive_component_for_each_term_that_may_be_zero(names, shares):
    components, _, _ = defensive_components_of(model_of(*names))
    terms = [name for name in ("shock", "trend") if name in names]
    assert [centre[names.index(term)] for centre, term in zip(components.centres, terms, strict=True)] == [-1.5] * len(
        terms
    )
    plain = Mixture(np.ones(1), np.zeros((1, len(names))), np.eye(len(names))[None])
    np.testing.assert_allclose(with_defensive_components(plain, components).shares, [1 - sum(shares), *shares])


def test_a_model_without_shock_and_trend_has_no_defensive_component():
    assert defensive_components_of(model_of("level", "noise"))[0] is None


def test_the_component_without_trends_is_at_the_conditional_mode():
    names = ("level", "trend", "shock", "persistence", "noise")
    model = model_of(*names)
    components, y, seen = defensive_components_of(model)
    _, gradient = model.log_posterior_gradient(components.centres[1], y, seen)
    assert np.abs(np.delete(gradient, names.index("trend"))).max() < 0.2  # centres are rounded to 0.01


def test_a_node_with_a_negative_variance_of_an_outcome_has_no_weight():
    covariance = np.tile(np.eye(2), (3, 1, 1, 1))
    covariance[1, 0, 1, 1] = -1e-9
    covariance[2, 0, 0, 0] = -1e-18  # of the expected part: a rounding error that is allowed, from a level SD near zero
    predictions = _positive_variances(np.zeros((3, 1)), np.zeros((3, 1, 2)), covariance)
    np.testing.assert_array_equal(predictions.log_target[:, 0], [0.0, -np.inf, 0.0])
