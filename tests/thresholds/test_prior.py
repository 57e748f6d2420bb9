"""Priors on the true savings rate: what is refused, and what they imply."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma, norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import ParameterError
from ssinfer.thresholds.credible import credible_threshold
from ssinfer.thresholds.expected_loss import expected_loss_threshold
from ssinfer.thresholds.prior import Prior, find_prior


def test_literature_prior_prints_its_probability_of_no_saving():
    prior = Prior.literature()
    assert prior.probability_not_positive == pytest.approx(norm.cdf(-0.02 / 0.03))
    assert "P(saving <= 0) = 25%" in repr(prior)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (("sure", 0.05, 0.005), "support below zero"),
        (("percent", 2.0, 3.0), "0.02 for 2%"),
        (("certain", 0.0, 0.0), "sd is 0.0; allowed: a number more than 0"),
        (("lost", float("nan"), 0.1), "mean is nan"),
    ],
)
def test_impossible_priors(arguments, cure):
    with pytest.raises(ParameterError, match=cure):
        Prior(*arguments)


def test_names():
    assert find_prior(None) == find_prior("flat") == Prior.flat()
    assert find_prior("sceptical") == Prior.sceptical()
    with pytest.raises(ParameterError, match="'literature'"):
        find_prior("skeptical")


@pytest.mark.parametrize(
    "prior",
    [gamma(2.0, scale=0.01), gamma(2.0, scale=0.01).pdf, np.abs(np.random.default_rng(1).normal(size=9)), (0.02, 0.01)],
    ids=["distribution", "density", "sample", "pair"],
)
def test_a_prior_with_only_positive_support_cannot_be_passed_in_any_form(prior):
    cf = Counterfactual.from_draws(100 + np.random.default_rng(1).standard_normal(400), "posterior")
    for make in (
        lambda: credible_threshold(cf, prior=prior),
        lambda: expected_loss_threshold(cf, prior),
        lambda: find_prior(prior),
    ):
        with pytest.raises(ParameterError, match="only positive support would pay always"):
            make()
