"""Propensity scores: refusals of impossible covariates, and classifiers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from ssinfer.benchmarks.matched.scores.propensity import propensity_scores
from ssinfer.errors import DataError, DesignError, RefusalError


def test_perfect_separation_names_the_covariate(population):
    covariates, treated = population()
    separated = {**covariates, "enrolled": treated * 2.0 + covariates["x"] * 0.01}
    with pytest.raises(RefusalError, match="'enrolled' separates the groups perfectly"):
        propensity_scores(separated, treated)


def test_separation_by_several_covariates_together_is_refused(population):
    covariates, treated = population()
    u = np.random.default_rng(1).normal(size=len(treated))
    pair = {"x": covariates["x"], "u": u, "v": u + np.where(treated, 0.1, -0.1)}
    with pytest.raises(RefusalError, match="'v'"):
        propensity_scores(pair, treated)


def test_level_unseen_among_controls_is_named(population):
    covariates, treated = population()
    level = np.zeros(len(treated))
    level[np.flatnonzero(treated)[:7]] = 1.0
    with pytest.raises(RefusalError, match=r"'region=islands' = 1 is unseen among controls \(7 treated"):
        propensity_scores({**covariates, "region=islands": level}, treated)


def test_missing_covariates_are_refused_with_the_policy(population):
    covariates, treated = population()
    covariates["x"][3] = np.nan
    with pytest.raises(DataError, match=r"'x' is missing or infinite for 1 persons.*never dropped"):
        propensity_scores(covariates, treated)


def test_a_single_group_collinear_covariates_and_no_covariates(population):
    covariates, treated = population()
    with pytest.raises(DesignError, match="both groups"):
        propensity_scores(covariates, np.ones_like(treated))
    with pytest.raises(RefusalError, match="collinear"):
        propensity_scores({**covariates, "twice": 2 * covariates["x"] + 1}, treated)
    with pytest.raises(DesignError, match="at least one"):
        propensity_scores({}, treated)
    with pytest.raises(DesignError, match="constant"):
        propensity_scores({"constant": np.ones(len(treated))}, treated)


def test_a_classifier_may_be_given_but_not_with_scores_of_0_or_1(population):
    covariates, treated = population()
    default = propensity_scores(covariates, treated)
    given = propensity_scores(covariates, treated, classifier=LogisticRegression(C=np.inf, tol=1e-10))
    assert given.score == pytest.approx(default.score, abs=1e-5)
    with pytest.raises(RefusalError, match="exactly 0 or 1"):
        propensity_scores(covariates, treated, classifier=RandomForestClassifier(n_estimators=5, random_state=0))
