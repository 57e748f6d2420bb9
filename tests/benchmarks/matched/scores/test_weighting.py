"""Weights: exact balance, a refusal that names the covariate, and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.benchmarks.matched.scores.weighting import entropy_balance, entropy_weights, propensity_weights
from ssinfer.errors import RefusalError


@pytest.mark.parametrize("seed", range(20))
def test_entropy_weights_balance_exactly(population, seed):
    covariates, treated = population(seed, 100)
    weights = entropy_weights(covariates, treated)
    assert (weights[treated] == 1).all()
    assert (weights > 0).all()
    assert weights[~treated].sum() == pytest.approx(treated.sum())
    for values in covariates.values():
        outside = np.average(values[~treated], weights=weights[~treated])
        assert outside == pytest.approx(values[treated].mean(), abs=1e-9)


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
