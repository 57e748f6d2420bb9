"""Counterfactual and Savings: pooling, signs, refusals, and the tree that ArviZ reads."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssinfer.backtesting.task import Fit
from ssinfer.counterfactual import DIMS, Counterfactual
from ssinfer.design import Design
from ssinfer.errors import ConvergenceError, DataError, NotSupportedError, ParameterError, RefusalError
from ssinfer.savings import Savings
from ssinfer.thresholds.compare import compare_thresholds
from ssinfer.thresholds.confidence import confidence_threshold

UNITS, PERIODS = ["a", "b"], [2017, 2018]


def build(draws, spending, insured, uncertainty="sampling", **changes):
    draws, labels = np.asarray(draws, dtype=float), {"unit": UNITS, "period": PERIODS}
    numbers = {"chain": np.arange(draws.shape[0]), "draw": np.arange(draws.shape[1])}
    return Counterfactual(
        method="test",
        design=Design(treated=UNITS, baseline=[2016], performance=PERIODS),
        benchmark=xr.DataArray(draws, coords={**numbers, **labels}, dims=DIMS),
        spending=xr.DataArray(np.asarray(spending, dtype=float), coords=labels, dims=DIMS[2:]),
        insured_years=xr.DataArray(np.asarray(insured, dtype=float), coords=labels, dims=DIMS[2:]),
        uncertainty=uncertainty,
        **changes,
    )


RNG = np.random.default_rng(1)
DRAWS = 100 + RNG.normal(size=(2, 500, 2, 2))
SPENDING = [[95.0, 96.0], [101.0, 90.0]]
INSURED = [[10.0, 20.0], [30.0, 40.0]]


@pytest.fixture
def cf():
    return build(DRAWS, SPENDING, INSURED)


def test_pooled_is_formed_per_draw_by_insured_years(cf):
    by_hand = [
        sum(n * b for n, b in zip(np.ravel(INSURED), draw.ravel(), strict=True)) / 100
        for draw in DRAWS.reshape(-1, 2, 2)
    ]
    np.testing.assert_allclose(cf.pooled(), by_hand)
    np.testing.assert_allclose(cf.null_error(), np.mean(by_hand) - by_hand)
    assert cf.level == pytest.approx(np.mean(by_hand))


def test_savings_are_positive_when_less_was_spent(cf):
    savings = cf.savings()
    mean = DRAWS.mean(axis=(0, 1))
    np.testing.assert_allclose(savings.measured, mean - SPENDING)
    np.testing.assert_allclose(savings.measured_rate, 1 - SPENDING / mean)
    np.testing.assert_allclose(savings.draws, DRAWS - np.array(SPENDING))
    np.testing.assert_allclose(savings.rate, 1 - np.array(SPENDING) / DRAWS)


def test_pooled_measured_rate_is_a_ratio_of_pooled_money_not_a_mean_of_rates(cf):
    pooled = cf.savings().pooled()
    money = (np.array(INSURED) * (DRAWS.mean(axis=(0, 1)) - SPENDING)).sum() / 100
    assert pooled.measured.item() == pytest.approx(money)
    assert pooled.measured_rate.item() == pytest.approx(money / cf.level)
    assert pooled.measured_rate.item() != pytest.approx(float(pooled.rate.mean()), rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(hnp.arrays(float, (1, 20, 2, 2), elements=st.floats(50, 150)), st.floats(0.01, 100))
def test_savings_follow_the_currency_and_rates_do_not(draws, scale):
    plain = build(draws, SPENDING, INSURED).savings().pooled()
    scaled = build(scale * draws, scale * np.array(SPENDING), INSURED).savings().pooled()
    assert scaled.measured.item() == pytest.approx(scale * plain.measured.item(), rel=1e-9, abs=1e-9 * scale)
    assert scaled.measured_rate.item() == pytest.approx(plain.measured_rate.item(), abs=1e-9)


def test_summary_agrees_with_quantiles(cf):
    table = cf.savings().summary(level=0.9)
    assert len(table) == 5
    cell = DRAWS[:, :, 1, 0] - 101.0
    row = table.query("unit == 'b' and period == 2017").iloc[0]
    assert [row["lower"], row["upper"]] == pytest.approx(np.quantile(cell, [0.05, 0.95]))
    assert row["probability_positive"] == pytest.approx((cell > 0).mean())
    assert table.iloc[-1]["unit"] == "pooled"


def test_interval_is_equal_tailed_and_pooled_comes_last(cf):
    table = cf.interval(0.9, kind="confidence")
    assert table.iloc[-1][["unit", "period"]].tolist() == ["pooled", "pooled"]
    assert table.iloc[-1][["lower", "upper"]].tolist() == pytest.approx(np.quantile(cf.pooled(), [0.05, 0.95]))
    assert table.iloc[0][["lower", "upper"]].tolist() == pytest.approx(np.quantile(DRAWS[:, :, 0, 0], [0.05, 0.95]))


def test_cells_before_a_units_start_do_not_count():
    draws = DRAWS.copy()
    draws[:, :, 1, 0] = np.nan
    cf = build(draws, [[95.0, 96.0], [np.nan, 90.0]], [[10.0, 20.0], [0.0, 40.0]])
    by_hand = (10 * DRAWS[..., 0, 0] + 20 * DRAWS[..., 0, 1] + 40 * DRAWS[..., 1, 1]).ravel() / 70
    np.testing.assert_allclose(cf.pooled(), by_hand)
    assert cf.savings().pooled().measured.item() == pytest.approx(by_hand.mean() - (950 + 1920 + 3600) / 70)
    assert len(cf.savings().summary()) == 4
    assert len(cf.interval(kind="confidence")) == 4


def test_without_performance_spending_thresholds_exist_and_savings_are_refused():
    cf = build(DRAWS, [[95.0, np.nan], [101.0, 90.0]], INSURED)
    assert np.isfinite(cf.null_error()).all()
    with pytest.raises(DataError, match=r"no spending of 'a' in 2018 .* add the spending to measure savings"):
        cf.savings()


@pytest.mark.parametrize(
    ("uncertainty", "confidence", "credible", "sampling"),
    [
        ("posterior", None, True, False),
        ("sampling", None, False, True),
        ("none", None, False, False),
        ("posterior", DRAWS, True, True),
        ("none", DRAWS, False, False),  # docs/method/estimand.md: confidence thresholds are refused on "none"
    ],
)
def test_which_draws_may_be_read(uncertainty, confidence, credible, sampling):
    cf = build(DRAWS, SPENDING, INSURED, uncertainty)
    if confidence is not None:
        cf = dataclasses.replace(cf, confidence=cf.benchmark)
    for kind, allowed in (("credible", credible), ("confidence", sampling)):
        if allowed:
            assert cf.draws(kind).shape == DRAWS.shape
        else:
            with pytest.raises(NotSupportedError, match=kind):
                cf.draws(kind)


def test_failed_diagnostics_refuse_intervals_but_not_the_draws():
    cf = build(DRAWS, SPENDING, INSURED, failures=("R-hat of tau is 1.08",))
    assert cf.pooled().shape == (1000,)
    with pytest.raises(ConvergenceError, match=r"R-hat of tau is 1.08. Draw longer"):
        cf.interval(kind="confidence")


@pytest.mark.parametrize(
    ("make", "error", "cure"),
    [
        (lambda: build(DRAWS, SPENDING, INSURED, "bayes"), ParameterError, "'posterior' or 'sampling' or 'none'"),
        (lambda: build(DRAWS, SPENDING, INSURED, information="later"), ParameterError, "'signing' or 'settlement'"),
        (lambda: build(DRAWS[:1, :1], SPENDING, INSURED), DataError, "with a single draw"),
        (lambda: build(np.where(DRAWS > 101, np.inf, DRAWS), SPENDING, INSURED), DataError, "not finite"),
        (lambda: build(DRAWS, SPENDING, INSURED).interval(95), ParameterError, "as a fraction: 0.95"),
        (lambda: build(DRAWS, SPENDING, INSURED).draws("hdi"), ParameterError, "allowed: 'benchmark'"),
    ],
)
def test_each_mistake_is_told_its_cure(make, error, cure):
    with pytest.raises(error, match=cure):
        make()


def test_a_point_estimate_has_the_same_container():
    cf = Counterfactual.from_draws(np.array([100.0]), "none", spending=95.0)
    assert cf.benchmark.dims == DIMS
    assert cf.savings().measured_rate.item() == pytest.approx(0.05)


def test_frozen_and_replaceable(cf):
    with pytest.raises(dataclasses.FrozenInstanceError):
        cf.uncertainty = "posterior"
    assert dataclasses.replace(cf, uncertainty="posterior").draws("credible").shape == DRAWS.shape


def test_datatree_is_read_by_arviz(cf, tmp_path):
    import arviz_base

    tree = dataclasses.replace(cf, expected=cf.benchmark).to_datatree()
    assert {"posterior_predictive", "observed_data", "constant_data"} <= set(tree.children)
    stacked = arviz_base.extract(tree, group="posterior_predictive", var_names="benchmark")
    assert stacked.sizes["sample"] == 1000
    tree.to_netcdf(tmp_path / "cf.nc", engine="h5netcdf")
    again = xr.open_datatree(tmp_path / "cf.nc", engine="h5netcdf")
    np.testing.assert_array_equal(again["posterior_predictive"]["benchmark"], DRAWS)
    assert again.attrs["method"] == "test"
    again.close()


def test_a_value_without_draws_is_no_draw_of_the_tree(cf):
    """Fault A7: one expected value was aligned with the draws, and NaN in all others."""
    one = cf.benchmark.isel(chain=[0], draw=[0])
    tree = dataclasses.replace(cf, expected=one).to_datatree()
    assert list(tree["posterior_predictive"].data_vars) == ["benchmark"]
    np.testing.assert_array_equal(tree["constant_data"]["expected"], one[0, 0])
    point = Counterfactual.from_draws(np.array([100.0]), "none", spending=95.0)
    tree = dataclasses.replace(point, expected=point.benchmark).to_datatree()
    assert list(tree["posterior_predictive"].data_vars) == ["benchmark", "expected"]


@pytest.mark.parametrize(
    ("scale", "saving", "benchmark"),
    [(1.0, "-20.40", "2,390.00"), (1e-3, "-0.0204", "2.39"), (1e-6, "-2.04e-05", "0.00239")],
)
def test_money_in_thousands_or_millions_keeps_three_digits(scale, saving, benchmark):
    """Fault A6: spending in millions printed "0.00 (SD 0.00)"."""
    cf = Counterfactual.from_draws(scale * (2390.0 + 30.1 * np.array([-1.0, 1.0])), "sampling", spending=2410.4 * scale)
    assert f"Savings: {saving} per insured-year" in repr(cf.savings())
    assert f"pooled benchmark {benchmark} (SD {repr(cf.savings()).split('SD ')[1].split()[0]})" in repr(cf)
    assert "SD 0.00 " not in repr(cf.savings())


def test_travels_between_processes(cf):
    again = pickle.loads(pickle.dumps(cf))  # noqa: S301  (our own bytes)
    np.testing.assert_array_equal(again.benchmark, cf.benchmark)


def test_reprs_say_what_the_draws_are(cf):
    assert "2 x 500 draws (sampling, settlement), 2 units x 2 periods" in repr(cf)
    assert isinstance(cf.savings(), Savings)
    assert "per insured-year" in repr(cf.savings())


def test_rates_of_a_benchmark_that_is_not_positive_are_refused():
    """Fault W7: a loss of 40 on a benchmark of -6,630 was a rate of +0.61%, and passed a threshold of -0.79%."""
    draws = -6630 + 30 * np.random.default_rng(1).standard_normal(400)
    cf = Counterfactual.from_draws(draws, "sampling", spending=-6590.0, insured_years=20_000)
    savings = cf.savings()
    assert savings.measured.item() == pytest.approx(-40, abs=5)
    for rate in (lambda: savings.measured_rate, lambda: savings.rate, savings.summary, lambda: cf.level):
        with pytest.raises(RefusalError, match=r"mean benchmark .* is -6,6.*Read the saving in money"):
            rate()
    with pytest.raises(RefusalError, match="needs a positive one"):
        confidence_threshold(cf, level=0.95, side="one-sided")
    assert compare_thresholds(cf, [0.95])["rate"].isna().all()
    assert "%" not in repr(savings)
    assert "-6,6" in repr(cf)
    fit = Fit.of(cf)
    assert (fit.status, fit.benchmark) == ("refused", None)


def test_the_cell_with_a_benchmark_that_is_not_positive_is_named():
    """Fault W7: one such cell is named by its unit and period; the pooled rate stands."""
    draws = np.full((1, 4, 2, 2), 100.0)
    draws[0, :, 1, 0] = -1.0
    savings = build(draws, [[90, 90], [90, 90]], [[1, 1], [1, 1]]).savings()
    with pytest.raises(RefusalError, match=r"of 'b' in 2017 is -1\.00"):
        savings.summary()
    assert np.isfinite(savings.pooled().measured_rate.item())


@pytest.mark.parametrize("name", ["benchmark", "spending", "insured_years", "confidence"])
@pytest.mark.parametrize(
    "wrong",
    ["x", 1, [1.0], np.ones(3), pd.DataFrame({"a": [1.0]}), object(), 10**5000],
    ids=["text", "number", "list", "array", "frame", "object", "long"],
)
def test_fields_that_are_no_labelled_arrays_are_refused_by_name(name, wrong):
    """Fault R35: 105 of the constructor's wrong arguments ended in an error of another library."""
    cf = Counterfactual.from_draws(np.array([99.0, 101.0]), "sampling", spending=95.0)
    with pytest.raises(DataError, match=f"{name} is .*; a DataArray of numbers"):
        dataclasses.replace(cf, **{name: wrong})
