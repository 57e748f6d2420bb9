"""Mistakes of users with scores and matches, and invariants of weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from ssinfer.benchmarks.matched.kernels.entropy_balancing import entropy_balance
from ssinfer.benchmarks.matched.scores.bayesian_scores import bayesian_scores
from ssinfer.benchmarks.matched.scores.match import match_persons
from ssinfer.benchmarks.matched.scores.propensity import propensity_scores
from ssinfer.benchmarks.matched.scores.weighting import entropy_weights, propensity_weights
from ssinfer.errors import ConvergenceError, DataError, DesignError, ParameterError, RefusalError


def population(seed=0, n=400):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.integers(0, 2, n).astype(float)
    treated = rng.random(n) < 1 / (1 + np.exp(1 - 0.8 * x - 0.3 * z))
    return {"x": x, "z": z}, treated


def test_perfect_separation_names_the_covariate():
    covariates, treated = population()
    separated = {**covariates, "enrolled": treated * 2.0 + covariates["x"] * 0.01}
    with pytest.raises(RefusalError, match="'enrolled' separates the groups perfectly"):
        propensity_scores(separated, treated)


def test_separation_by_several_covariates_together_is_refused():
    covariates, treated = population()
    u = np.random.default_rng(1).normal(size=len(treated))
    pair = {"x": covariates["x"], "u": u, "v": u + np.where(treated, 0.1, -0.1)}
    with pytest.raises(RefusalError, match="'v'"):
        propensity_scores(pair, treated)


def test_level_unseen_among_controls_is_named():
    covariates, treated = population()
    level = np.zeros(len(treated))
    level[np.flatnonzero(treated)[:7]] = 1.0
    with pytest.raises(RefusalError, match=r"'region=islands' = 1 is unseen among controls \(7 treated"):
        propensity_scores({**covariates, "region=islands": level}, treated)


def test_missing_covariates_are_refused_with_the_policy():
    covariates, treated = population()
    covariates["x"][3] = np.nan
    with pytest.raises(DataError, match=r"'x' is missing or infinite for 1 persons.*never dropped"):
        propensity_scores(covariates, treated)


def test_a_single_group_collinear_covariates_and_no_covariates():
    covariates, treated = population()
    with pytest.raises(DesignError, match="both groups"):
        propensity_scores(covariates, np.ones_like(treated))
    with pytest.raises(RefusalError, match="collinear"):
        propensity_scores({**covariates, "twice": 2 * covariates["x"] + 1}, treated)
    with pytest.raises(DesignError, match="at least one"):
        propensity_scores({}, treated)
    with pytest.raises(DesignError, match="constant"):
        propensity_scores({"constant": np.ones(len(treated))}, treated)


def test_a_classifier_may_be_given_but_not_with_scores_of_0_or_1():
    covariates, treated = population()
    default = propensity_scores(covariates, treated)
    given = propensity_scores(covariates, treated, classifier=LogisticRegression(C=np.inf, tol=1e-10))
    assert given.score == pytest.approx(default.score, abs=1e-5)
    with pytest.raises(RefusalError, match="exactly 0 or 1"):
        propensity_scores(covariates, treated, classifier=RandomForestClassifier(n_estimators=5, random_state=0))


def test_bayesian_scores_spread_like_the_information():
    covariates, treated = population(n=2000)
    mode = propensity_scores(covariates, treated)
    draws = bayesian_scores(covariates, treated, 200, np.random.default_rng(0))
    slopes = np.array([draw.coefficients["x"] for draw in draws])
    # At n = 2,000 the prior hardly matters: posterior = N(mode, inverse information). 200 draws, four standard errors.
    sd = np.sqrt(mode.covariance[1, 1])
    assert slopes.mean() == pytest.approx(mode.coefficients["x"], abs=4 * sd / np.sqrt(200))
    assert slopes.std() == pytest.approx(sd, rel=0.2)
    again = bayesian_scores(covariates, treated, 200, np.random.default_rng(0))
    assert np.array_equal(again[7].score, draws[7].score)


def test_bayesian_scores_refuse_too_few_effective_candidates():
    rng = np.random.default_rng(0)
    x = {f"x{j}": rng.normal(size=100) for j in range(30)}
    treated = rng.random(100) < 0.5
    with pytest.raises(ConvergenceError, match="effective candidates"):
        bayesian_scores(x, treated, 400, rng)


def test_match_refuses_empty_strata_and_a_caliper_without_any_match():
    covariates, treated = population()
    scores = propensity_scores(covariates, treated)
    strata = np.array(["a", "b"], dtype=object)[(treated & (covariates["x"] > 0.5)).astype(int)]
    with pytest.raises(RefusalError, match=r"Stratum 'b' has \d+ treated persons and no controls"):
        match_persons(scores, treated, exact=strata)
    with pytest.raises(RefusalError, match="No person is matched"):
        match_persons(scores, treated, caliper=1e-9)
    for options in ({"ratio": 0}, {"order": "random"}, {"caliper": -1.0}, {"on": "probability"}):
        with pytest.raises(ParameterError, match=next(iter(options))):
            match_persons(scores, treated, **options)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.booleans())
def test_weights_of_a_match_add_up(seed, ratio, replace):
    covariates, treated = population(seed, 120)
    scores = propensity_scores(covariates, treated)
    match = match_persons(scores, treated, ratio=ratio, replace=replace, caliper=1.0)
    weights = match.weights
    used = np.unique(match.control)
    assert weights[treated].sum() == len(np.unique(match.treated))
    assert weights[~treated].sum() == pytest.approx(len(used))
    assert (weights[used] > 0).all()
    assert match.distance.max() <= match.caliper * (1 + 1e-9)
    assert match.attrition["matched"].tolist() == [len(np.unique(match.treated)), len(used)]
    assert match.pair_weights.sum() == pytest.approx(len(np.unique(match.treated)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_entropy_weights_balance_exactly_or_refuse(seed):
    covariates, treated = population(seed, 100)
    try:
        weights = entropy_weights(covariates, treated)
    except RefusalError:
        return
    for values in covariates.values():
        outside = np.average(values[~treated], weights=weights[~treated])
        assert outside == pytest.approx(values[treated].mean(), abs=1e-5)
    assert (weights > 0).all()


def test_entropy_weights_out_of_reach_name_the_covariate():
    x = np.array([10.0, 11.0, 1.0, 2.0, 3.0])
    with pytest.raises(RefusalError, match="'income' remains"):
        entropy_weights({"income": x}, np.array([True, True, False, False, False]))
    weights, gap = entropy_balance(np.array([[0.0], [1.0]]) - 2.0)
    assert gap > 0.5
    assert weights.sum() == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.99))
def test_overlap_weights_are_bounded_and_att_odds(score):
    e = np.array([score, score])
    treated = np.array([True, False])
    assert propensity_weights(e, treated, "overlap").max() <= 1
    att = propensity_weights(e, treated, "att")
    assert att[0] == 1.0
    assert att[1] == pytest.approx(score / (1 - score))
