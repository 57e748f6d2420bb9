"""Refusals of a match, and invariants of its weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.benchmarks.matched.scores.match import match_persons
from ssinfer.benchmarks.matched.scores.propensity import propensity_scores
from ssinfer.errors import ParameterError, RefusalError


def test_match_refuses_empty_strata_and_a_caliper_without_any_match(population):
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
def test_weights_of_a_match_add_up(population, seed, ratio, replace):
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


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(15)))
def test_scores_that_are_equal_by_algebra_are_ties(order):
    """Fault W14: nine scores differed in the last bit, and 200 orders of rows gave 13 sets of pairs."""
    age = np.array([19, 20, 21, 28, 29, 30, 17, 18, 19, 19, 20, 21, 19, 20, 21.0])
    group, treated = np.array(list("ABC") * 5), np.arange(15) < 3

    def pairs(rows):
        indicators = {name: (group == name)[rows] * 1.0 for name in "BC"}
        scores = propensity_scores({"age": age[rows], **indicators}, treated[rows])
        match = match_persons(scores, treated[rows], ids=rows.astype(np.int64), caliper=None)
        return sorted(zip(rows[match.treated].tolist(), rows[match.control].tolist(), strict=True))

    assert pairs(np.array(order)) == pairs(np.arange(15))
