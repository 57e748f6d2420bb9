"""Outcome models against statsmodels' own formulas and against means that any of them must reproduce."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.benchmarks.matched.scores.outcome_models import OutcomeModel, fit_outcome
from ssinfer.errors import ConvergenceError, DataError


def spending(seed, n=500):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = np.where(rng.random(n) < 0.25, 0.0, rng.gamma(2.0, 500 * np.exp(0.3 * x)))
    return y, np.column_stack([np.ones(n), x]), rng.uniform(0.2, 1.0, n)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["linear", "gamma", "tweedie"]))
def test_saturated_models_reproduce_weighted_group_means(seed, model):
    y, X, w = spending(seed)
    group = (X[:, 1] > 0).astype(float)
    X = np.column_stack([np.ones(len(y)), group])
    fitted = fit_outcome(y, X, w, model)(X)
    for level in (0.0, 1.0):
        here = group == level
        assert fitted[here][0] == pytest.approx(np.average(y[here], weights=w[here]), rel=1e-6)


def test_two_part_is_the_product_of_its_parts():
    y, X, w = spending(1)
    group = (X[:, 1] > 0).astype(float)
    X = np.column_stack([np.ones(len(y)), group])
    fitted = fit_outcome(y, X, w, "two-part")(X)
    here = group == 1
    share = np.average(y[here] > 0, weights=w[here])
    amount = np.average(y[here & (y > 0)], weights=w[here & (y > 0)])
    assert fitted[here][0] == pytest.approx(share * amount, rel=1e-6)


def test_gamma_equals_statsmodels():  # authority: statsmodels GLM with frequency-free weights
    y, X, w = spending(2)
    y = y + 1.0
    family = sm.families.Gamma(sm.families.links.Log())
    result = sm.GLM(y, X, family=family, var_weights=w).fit(tol=1e-12, maxiter=300)
    assert fit_outcome(y, X, w, "gamma")(X) == pytest.approx(result.predict(X), rel=1e-6)


def test_rows_without_weight_take_no_part():
    y, X, w = spending(3)
    w[:100] = 0.0
    y[:100] = 1e9
    for model in get_args(OutcomeModel):
        assert fit_outcome(y, X, w, model)(X[100:]).max() < 1e6


def test_negative_spending_is_refused_with_a_log_link():
    y, X, w = spending(4)
    with pytest.raises(DataError, match="negative spending"):
        fit_outcome(y - 10, X, w, "gamma")


@pytest.mark.parametrize("model", ["two-part", "gamma", "tweedie"])
def test_a_level_without_spending_and_collinear_columns_have_a_solution(model):
    y, X, w = spending(5)
    empty = np.arange(len(y)) < 20
    y[empty] = 0.0
    X = np.column_stack([X[:, 0], empty, ~empty])
    if model == "gamma":  # its likelihood has no maximum
        with pytest.raises(ConvergenceError, match="'tweedie' if a level of a covariate has no spending"):
            fit_outcome(y, X, w, model)
        y[0] = 1.0
        assert fit_outcome(y, X, w, model)(X)[0] == pytest.approx(w[0] / w[:20].sum(), rel=1e-3)
        return
    fitted = fit_outcome(y, X, w, model)(X)
    assert fitted[empty].max() < 1e-3 * y.mean()
    assert fitted[~empty] == pytest.approx(np.average(y[~empty], weights=w[~empty]), rel=1e-5)


@pytest.mark.parametrize("model", ["two-part", "gamma", "tweedie"])
def test_a_log_link_is_not_extrapolated_and_no_spending_predicts_none(model):
    y, X, w = spending(6)
    fit = fit_outcome(y, X, w, model)
    assert fit(np.array([[1.0, 50.0]])) <= fit(X).max() * (1 + 1e-12)
    assert not fit_outcome(np.zeros(len(y)), X, w, model)(X).any()


@pytest.mark.parametrize("model", ["two-part", "gamma", "tweedie"])
def test_numerical_failure_is_a_convergence_error(model):
    y, X, w = spending(7)
    X[0, 1] = 1e200  # its square overflows
    with pytest.raises(ConvergenceError, match="did not converge on"):
        fit_outcome(y, X, w, model)(X)
