"""Credible thresholds against closed forms (docs/method/thresholds.md) and against plain numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import ConvergenceError, NotSupportedError, ParameterError, RefusalError
from ssinfer.thresholds.confidence import confidence_threshold
from ssinfer.thresholds.credible import credible_rate, credible_threshold
from ssinfer.thresholds.prior import Prior
from ssinfer.thresholds.savings_posterior import NormalMixture, fit_normal_mixture, probability_positive

SE = 2.0
NORMAL = NormalMixture(np.array([1.0]), np.array([0.0]), np.array([SE / 100]))


def normal_cf(n=40_000, seed=1, uncertainty="posterior"):
    """Benchmark N(100, 2) by its quantiles: no Monte Carlo error beyond the grid's."""
    del seed
    return Counterfactual.from_draws(100 + SE * norm.ppf((np.arange(n) + 0.5) / n), uncertainty)


@pytest.mark.parametrize("mean", [-0.01, 0.0, 0.02])
@pytest.mark.parametrize("sd", [0.01, 0.02, 0.05])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_normal_prior_gives_the_closed_form_of_method_md(mean, sd, level):
    se = SE / 100
    z = norm.ppf(level)
    expected = z * se * np.sqrt(1 + se**2 / sd**2) - mean * se**2 / sd**2
    assert credible_rate(NORMAL, se, level, "one-sided", Prior("p", mean, sd)) == pytest.approx(expected, abs=1e-6)
    assert credible_threshold(normal_cf(), level, prior=Prior("p", mean, sd)).rate == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("side", ["one-sided", "two-sided"])
def test_flat_prior_equals_the_quantile_of_the_predictive_error(side):
    cf = normal_cf(uncertainty="posterior")
    same = normal_cf(uncertainty="sampling")
    assert credible_threshold(cf, 0.9, side).rate == confidence_threshold(same, 0.9, side).rate


def test_posterior_probability_agrees_with_numerical_integration():
    error = NormalMixture(np.array([0.7, 0.3]), np.array([0.0, 0.004]), np.array([0.01, 0.03]))
    prior = Prior("p", 0.01, 0.02)
    d = np.linspace(-0.4, 0.4, 400_001)
    for measured in (-0.02, 0.0, 0.03, 0.08):
        z = (measured - d[:, None] - error.means) / error.sds
        likelihood = (error.weights / error.sds * np.exp(-0.5 * z**2)).sum(axis=1)
        weight = likelihood * np.exp(-0.5 * ((d - prior.mean) / prior.sd) ** 2)
        expected = weight[d > 0].sum() / weight.sum()
        probability = probability_positive(np.array([measured]), error, prior.mean, prior.sd)[0]
        assert probability == pytest.approx(expected, abs=1e-4)


def test_every_measured_saving_above_the_threshold_passes_and_none_just_below():
    error = NormalMixture(np.array([0.9, 0.1]), np.array([0.0, 0.0]), np.array([0.01, 0.02]))
    spread = float(np.sqrt(0.9 * 0.01**2 + 0.1 * 0.02**2))
    prior = Prior.sceptical(0.03)
    threshold = credible_rate(error, spread, 0.95, "one-sided", prior)
    above = np.linspace(threshold, threshold + 10 * spread, 500)
    assert (probability_positive(above, error, prior.mean, prior.sd) >= 0.95 - 1e-6).all()
    assert probability_positive(np.array([threshold - 1e-4]), error, prior.mean, prior.sd)[0] < 0.95


def test_heavy_tails_with_a_tight_prior_reach_no_level_and_are_refused():
    draws = 100 + SE * np.random.default_rng(3).standard_t(2.5, 20_000)
    with pytest.raises(RefusalError, match="too heavy for so tight a prior"):
        credible_threshold(Counterfactual.from_draws(draws, "posterior"), prior=Prior("tight", 0.0, 0.005))


def test_highest_density_equals_equal_tails_for_a_symmetric_error_and_not_for_a_skewed_one():
    cf = normal_cf()
    tails = credible_threshold(cf, 0.9, "two-sided").rate
    assert credible_threshold(cf, 0.9, "two-sided", interval="highest-density").rate == pytest.approx(tails, rel=0.01)
    skewed = Counterfactual.from_draws(100 * np.exp(0.1 * norm.ppf((np.arange(20_000) + 0.5) / 20_000)), "posterior")
    dense = credible_threshold(skewed, 0.9, "two-sided", interval="highest-density").rate
    assert abs(dense - credible_threshold(skewed, 0.9, "two-sided").rate) > 0.003


@given(shift=st.floats(-50, 400), factor=st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_money_scales_with_the_currency_and_the_rate_does_not(shift, factor):
    draws = 500 + shift + 5 * np.random.default_rng(2).standard_normal(500)
    in_euros = credible_threshold(Counterfactual.from_draws(draws, "posterior"), prior="sceptical")
    other = credible_threshold(Counterfactual.from_draws(draws * factor, "posterior"), prior="sceptical")
    assert other.rate == pytest.approx(in_euros.rate, rel=1e-6)
    assert other.money == pytest.approx(in_euros.money * factor, rel=1e-6)


def test_mixture_keeps_mean_and_variance_and_one_normal_is_enough_for_a_normal():
    rng = np.random.default_rng(5)
    normal = fit_normal_mixture(3 + 2 * rng.standard_normal(4000))
    assert len(normal.weights) == 1
    draws = rng.standard_t(4, 4000)
    mixture = fit_normal_mixture(draws)
    assert len(mixture.weights) > 1
    mean = mixture.weights @ mixture.means
    variance = mixture.weights @ (mixture.sds**2 + (mixture.means - mean) ** 2)
    assert mean == pytest.approx(draws.mean(), abs=0.02)
    assert variance == pytest.approx(draws.var(), rel=0.02)


def test_refused_unless_a_posterior():
    with pytest.raises(NotSupportedError, match="not 'posterior'"):
        credible_threshold(normal_cf(uncertainty="sampling"))


def test_failed_convergence_is_named():
    from dataclasses import replace

    cf = replace(normal_cf(n=100), failures=("R-hat 1.2 of tau",))
    with pytest.raises(ConvergenceError, match=r"R-hat 1\.2 of tau"):
        credible_threshold(cf)


@pytest.mark.parametrize(
    ("level", "cure"), [(5, "as a fraction: 0.05"), (95, "0.95"), (1.0, "between 0 and 1"), (0, "0.95")]
)
def test_levels_that_are_no_fraction(level, cure):
    with pytest.raises(ParameterError, match=cure):
        credible_threshold(normal_cf(n=100), level)


def test_identical_draws():
    with pytest.raises(RefusalError, match="without spread"):
        credible_threshold(Counterfactual.from_draws(np.full(100, 5.0), "posterior"))


def test_unknown_interval_and_side():
    with pytest.raises(ParameterError, match="equal-tailed"):
        credible_threshold(normal_cf(n=100), interval="hpd")
    with pytest.raises(ParameterError, match="one-sided"):
        credible_threshold(normal_cf(n=100), side="upper")
