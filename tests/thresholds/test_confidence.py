"""confidence_threshold against the normal case of docs/method/thresholds.md and its rules on what may be read."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import ConvergenceError, NotSupportedError, ParameterError
from ssinfer.thresholds.confidence import confidence_threshold

from_draws = Counterfactual.from_draws

NORMAL = np.random.default_rng(1).standard_normal(400_000)
LEVELS = [0.9, 0.95, 0.975]


def cf(sd=1.5, mean=100.0, uncertainty="sampling", **changes):
    return from_draws(mean + sd * NORMAL, uncertainty, **changes)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("side", ["one-sided", "two-sided"])
def test_normal_case_is_z_times_the_standard_error(level, side):
    # Monte Carlo error of a quantile from 400,000 draws: sqrt(p (1 - p) / n) / density
    p = level if side == "one-sided" else (1 + level) / 2
    z = norm.ppf(p)
    error = np.sqrt(p * (1 - p) / len(NORMAL)) / norm.pdf(z)
    threshold = confidence_threshold(cf(), level=level, side=side)
    assert threshold.rate == pytest.approx(z * 0.015, abs=4 * error * 0.015)
    assert threshold.money == pytest.approx(100 * threshold.rate, rel=1e-4)
    assert float(threshold) == threshold.rate
    assert threshold.detail["standard_error"] == pytest.approx(0.015, rel=0.01)


@pytest.mark.parametrize("level", LEVELS)
def test_two_sided_is_a_one_sided_test_of_half_the_tail(level):
    two_sided = confidence_threshold(cf(), level=level, side="two-sided")
    one_sided = confidence_threshold(cf(), level=(1 + level) / 2, side="one-sided")
    assert two_sided.rate == one_sided.rate
    assert two_sided.side != one_sided.side


def test_skewed_error_gives_unequal_thresholds():
    skewed = from_draws(100 - np.random.default_rng(2).exponential(2.0, 100_000), "sampling")
    threshold = confidence_threshold(skewed, level=0.95)
    # benchmark errors that are too high by chance: a long tail of apparent savings
    assert threshold.rate > -threshold.detail["lower"] * 1.5
    assert threshold.money == pytest.approx(2 * (-np.log(0.025)) - 2, abs=0.15)


def test_default_side_and_level():
    threshold = confidence_threshold(cf())
    assert (threshold.level, threshold.side, threshold.kind) == (0.95, "two-sided", "confidence")


SMALL = from_draws(100 + NORMAL[:4000], "sampling")


@settings(max_examples=30)
@given(st.floats(0.01, 1e4), st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_rate_does_not_depend_on_the_currency_and_rises_with_the_level(scale, level, other):
    big = from_draws(scale * (100 + NORMAL[:4000]), "sampling")
    assert confidence_threshold(big, level).rate == pytest.approx(confidence_threshold(SMALL, level).rate, rel=1e-9)
    low, high = sorted((level, other))
    assert confidence_threshold(SMALL, low).rate <= confidence_threshold(SMALL, high).rate


def test_spending_is_never_read():
    assert confidence_threshold(cf(spending=1.0)).rate == confidence_threshold(cf(spending=99.0)).rate


def test_confidence_draws_go_before_benchmark_draws():
    wide = from_draws(100 + NORMAL[:1000], "posterior", confidence=100 + 3 * NORMAL[:1000])
    assert confidence_threshold(wide).rate == pytest.approx(3 * confidence_threshold(cf(sd=1.0)).rate, rel=0.1)


def test_pooling_is_by_insured_years_before_any_quantile():
    # two perfectly opposed units of 1 and 3 insured-years: pooled error (1 x e - 3 x e) / 4 = -e / 2
    e = NORMAL[:5000]
    labels = {"unit": ["a", "b"], "period": [2017]}
    draws = np.stack([100 + e, 100 - e], axis=1).reshape(1, -1, 2, 1)
    base = from_draws(e, "sampling")
    pair = dataclasses.replace(
        base,
        benchmark=xr.DataArray(
            draws, coords={"chain": [0], "draw": np.arange(5000), **labels}, dims=base.benchmark.dims
        ),
        spending=xr.DataArray([[1.0], [1.0]], coords=labels, dims=("unit", "period")),
        insured_years=xr.DataArray([[1.0], [3.0]], coords=labels, dims=("unit", "period")),
    )
    expected = np.quantile((e - e.mean()) / 2, 0.95)
    assert confidence_threshold(pair, 0.95, "one-sided").money == pytest.approx(expected)


@pytest.mark.parametrize(
    ("make", "error", "cure"),
    [
        (
            lambda: confidence_threshold(from_draws(np.array([100.0]), "none")),
            NotSupportedError,
            "calibrate on placebos",
        ),
        (lambda: confidence_threshold(cf(uncertainty="posterior")), NotSupportedError, "kind='credible'"),
        (lambda: confidence_threshold(cf(), level=95), ParameterError, "Write it as a fraction: 0.95"),
        (lambda: confidence_threshold(cf(), side="upper"), ParameterError, "Choose one"),
        (
            lambda: confidence_threshold(dataclasses.replace(cf(), failures=("R-hat 1.2",))),
            ConvergenceError,
            "R-hat 1.2. Draw longer",
        ),
    ],
)
def test_refusals(make, error, cure):
    with pytest.raises(error, match=cure):
        make()


def test_the_rate_is_relative_to_the_benchmark_against_which_the_saving_is_measured():
    # docs/method/estimand.md: M / Bbar is compared with T / Bbar; Bbar is the mean of the benchmark draws
    rng = np.random.default_rng(1)
    cf = from_draws(100 + rng.standard_normal(4000), "posterior", confidence=110 + rng.standard_normal(4000))
    threshold = confidence_threshold(cf)
    assert threshold.money == pytest.approx(threshold.rate * cf.level)


def test_a_point_has_no_confidence_threshold_whatever_it_carries():
    cf = from_draws(np.array([100.0]), "none", confidence=100 + np.random.default_rng(1).standard_normal(100))
    with pytest.raises(NotSupportedError, match="is not supported for"):
        confidence_threshold(cf)
