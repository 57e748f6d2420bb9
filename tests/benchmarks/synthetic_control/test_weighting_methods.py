"""What the three weighting methods promise: refusals by name, masks, starts, seasons, several units, shared fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.augmented import AugmentedSyntheticControl
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.inference.conformal import conformal_interval, conformal_p_value
from ssinfer.benchmarks.synthetic_control.inference.placebo import leave_two_out_test, placebo_test
from ssinfer.benchmarks.synthetic_control.synthetic_did import SyntheticDiD
from ssinfer.errors import DesignError, NotSupportedError, PanelError, ParameterError, RefusalError

METHODS = [SyntheticControl(), AugmentedSyntheticControl(), SyntheticDiD()]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)


def simulate(n_units=25, T=12, seed=0, noise=0.01):
    """Spending with a common trend, a factor and noise; units u00, u01, ...; periods 2008, 2009, ..."""
    rng = np.random.default_rng(seed)
    level = 2000 * np.exp(0.1 * rng.normal(size=n_units))
    factor = rng.normal(size=T).cumsum() * 0.01
    loading = rng.normal(size=n_units)
    log = 0.03 * np.arange(T) + loading[:, None] * factor + noise * rng.normal(size=(n_units, T))
    return level[:, None] * np.exp(log)


def panel_of(values, start=2008, **more):
    units = tuple(f"u{j:02d}" for j in range(values.shape[0]))
    return ss.Panel(units, tuple(range(start, start + values.shape[1])), values, **more)


@pytest.fixture
def panel():
    return panel_of(simulate())


@pytest.fixture
def design():
    return ss.Design(treated=["u03"], baseline=range(2008, 2017), performance=range(2017, 2020))


@every_method
def test_one_donor_is_refused(method, panel, design):
    with pytest.raises(DesignError, match="one donor, 'u07'"):
        method.fit(panel, design.replace(donors=["u07"]), seed=1)


@every_method
def test_one_baseline_period_is_refused(method, panel, design):
    with pytest.raises(DesignError, match="at least two"):
        method.fit(panel, design.replace(baseline=[2016]), seed=1)


def test_no_baseline_is_refused_by_the_design():
    with pytest.raises(DesignError, match="baseline is empty"):
        ss.Design(treated=["u03"], baseline=[], performance=[2017])


@every_method
def test_identical_donors_are_named(method, design):
    values = simulate()
    values[9] = values[14]
    with pytest.raises(DesignError, match="'u09' and 'u14'"):
        method.fit(panel_of(values), design, seed=1)


@every_method
def test_constant_outcome_is_refused(method, design):
    values = simulate()
    values[3, :9] = 1000.0
    with pytest.raises(DesignError, match="1000 in every baseline period"):
        method.fit(panel_of(values), design, seed=1)


@every_method
def test_missing_donor_is_named_with_the_policy_that_admits_it(method, design):
    values = simulate()
    values[5, 0] = np.nan
    with pytest.raises(PanelError, match=r"'u05'.*incomplete='drop'"):
        method.fit(panel_of(values), design, seed=1)
    cf = method.fit(panel_of(values), design.replace(incomplete="drop"), seed=1)
    assert "u05" not in cf.weights.columns


def test_treated_among_donors_and_donors_under_contract_are_refused():
    with pytest.raises(DesignError, match="both treated and donors"):
        ss.Design(treated=["u03"], baseline=[2008], performance=[2009], donors=["u03", "u04"])
    with pytest.raises(DesignError, match="under another contract"):
        ss.Design(treated=["u03"], baseline=[2008], performance=[2009], donors=["u04"], under_contract=["u04"])


@every_method
def test_units_under_contract_are_never_donors(method, panel, design):
    cf = method.fit(panel, design.replace(under_contract=["u10"]), seed=1)
    assert "u10" not in cf.weights.columns


@every_method
def test_fewer_than_19_donors_give_a_point_and_the_reason(method, panel, design):
    cf = method.fit(panel, design.replace(donors=[f"u{j:02d}" for j in range(4, 22)]), seed=1)
    assert cf.uncertainty == "none"
    assert cf.benchmark.sizes["draw"] == 1
    assert cf.diagnostics["status"].tolist() == ["NOT EVALUATED"]
    assert "1/19" in cf.diagnostics["message"].iloc[0]
    with pytest.raises(NotSupportedError):
        cf.interval(0.95, kind="confidence")


def test_p_values_that_cannot_reject_are_refused(panel, design):
    test = placebo_test(SyntheticControl(), panel, design.replace(donors=[f"u{j:02d}" for j in range(4, 22)]))
    with pytest.raises(RefusalError, match="needs 19 donors"):
        test.rejects(0.95)
    assert test.n_units == 19


def test_more_treated_units_than_donors_have_no_placebo_inference(panel):
    design = ss.Design(
        treated=[f"u{j:02d}" for j in range(20)], baseline=range(2008, 2017), performance=[2017],
    )  # fmt: skip
    cf = SyntheticDiD().fit(panel, design, seed=1)
    assert cf.uncertainty == "none"
    assert "more donors than treated" in cf.diagnostics["message"].iloc[0]


def test_jackknife_plus_needs_19_periods(panel, design):
    cf = AugmentedSyntheticControl(inference="jackknife+").fit(panel, design, seed=1)
    assert cf.uncertainty == "none"
    assert "1/10" in cf.diagnostics["message"].iloc[0]
    with pytest.raises(ParameterError, match="inference is 'jackknife'"):
        SyntheticDiD(inference="jackknife").fit(panel, design, seed=1)


def test_several_treated_units_are_pooled_by_insured_years():
    values = simulate(40)
    sizes = np.linspace(5e3, 5e4, 40)[:, None] * np.ones((1, 12))
    panel = panel_of(values, insured_years=sizes)
    design = ss.Design(treated=["u03", "u30"], baseline=range(2008, 2017), performance=[2017, 2018])
    cf = SyntheticControl().fit(panel, design, seed=1)
    each = cf.savings().measured.values
    n = cf.insured_years.values
    assert cf.savings().pooled().measured.item() == pytest.approx((each * n).sum() / n.sum())
    single = SyntheticControl().fit(panel, design.replace(treated=["u03"], under_contract=["u30"]), seed=1)
    np.testing.assert_allclose(cf.weights.loc["u03"], single.weights.loc["u03"], atol=1e-9)


@every_method
def test_staggered_start_uses_the_unit_s_own_baseline(method, panel):
    design = ss.Design(
        treated=["u03", "u04"], baseline=range(2008, 2016), performance=range(2016, 2019), starts={"u04": 2017}
    )
    cf = method.fit(panel, design, seed=1)
    assert np.isnan(cf.benchmark.sel(unit="u04", period=2016)).all()
    alone = method.fit(
        panel, ss.Design(["u04"], range(2008, 2017), [2017, 2018], under_contract=["u03"]), seed=1
    )  # fmt: skip
    np.testing.assert_allclose(
        cf.expected.sel(unit="u04", period=[2017, 2018]), alone.expected.sel(unit="u04"), rtol=1e-9
    )


@every_method
def test_masked_periods_inform_nothing(method, panel, design):
    masked = design.replace(masked=[2012, 2018])
    base = method.fit(panel, masked, seed=1)
    shaken = panel.spending.copy()
    shaken[:, [4, 10]] *= np.random.default_rng(0).uniform(0.5, 2, size=(25, 2))
    again = method.fit(panel_of(shaken), masked, seed=1)
    np.testing.assert_allclose(again.benchmark.values, base.benchmark.values)


@pytest.mark.parametrize("method", [SyntheticControl(), SyntheticControl(intercept=True), SyntheticDiD()])
def test_many_designs_at_once_give_what_each_gives_alone(method, panel):
    designs = [ss.Design([unit], range(2008, 2017), [2017, 2018]) for unit in ("u01", "u02", "u24")]
    together = method.fit_many(panel, designs, [1, 2, 3])
    for seed, design, cf in zip([1, 2, 3], designs, together, strict=True):
        np.testing.assert_array_equal(cf.benchmark.values, method.fit(panel, design, seed=seed).benchmark.values)


def test_dropping_a_donor_without_weight_is_free(panel, design):
    """The shared leave-one-out fits against each placebo fitted afresh without the treated unit."""
    method = SyntheticControl()
    fast = placebo_test(method, panel, design).frame
    for name in ("u00", "u11", "u20"):
        alone = method.fit(panel, design.replace(treated=[name], under_contract=["u03"]), seed=1)
        saving = alone.savings().pooled().measured.item()
        assert fast.set_index("unit").loc[name, "saving"] == pytest.approx(saving, abs=1e-6)


def test_whole_years_and_same_quarters():
    """Quarterly data whose seasons differ between units: the treated unit has another season than its donors."""
    rng = np.random.default_rng(3)
    T = 36
    season = np.array([1.03, 1.0, 0.95, 1.02])[np.arange(T) % 4]
    level = rng.uniform(1.0, 1.4, size=30)
    values = 500 * level[:, None] * 1.005 ** np.arange(T) * (1 + 0.002 * rng.normal(size=(30, T)))
    values *= 1 + rng.uniform(0, 1, size=(30, 1)) * (season - 1)
    values[3] *= 2 - season  # an opposite season that no donor has
    units = tuple(f"u{j:02d}" for j in range(30))
    panel = ss.Panel(units, tuple(range(T)), values)
    design = ss.Design(treated=["u03"], baseline=range(32), performance=range(32, 36))
    error = {}
    for season_, intercept in ((None, False), ("whole-year", False), ("same-quarter", True)):
        method = SyntheticControl(season=season_, periods_per_year=4, intercept=intercept)
        cf = method.fit(panel, design, seed=1)
        error[season_] = cf.savings().measured.values[0] / cf.spending.values[0]
        assert abs(error[season_].mean()) < 0.01
    assert abs(error["same-quarter"]).max() < 0.015  # each quarter is right
    assert abs(error["whole-year"]).max() > 0.02  # only the year is
    with pytest.raises(ParameterError, match=r"periods_per_year is 1\. A season needs at least 2"):
        SyntheticControl(season="whole-year").fit(panel, design)
    with pytest.raises(DesignError, match="no complete year"):
        SyntheticControl(season="whole-year", periods_per_year=4).fit(panel, design.replace(baseline=range(29, 32)))


def test_donor_screening_keeps_the_nearest(panel, design):
    cf = SyntheticControl(max_donors=5).fit(panel, design, seed=1)
    assert (cf.weights > 0).sum(axis=1).item() <= 5
    columns = panel.columns(design.baseline)
    distance = ((panel.spending[:, columns] - panel.spending[3, columns]) ** 2).sum(axis=1)
    nearest = {panel.units[j] for j in np.argsort(distance)[1:6]}
    assert set(cf.weights.columns[(cf.weights > 0).any()]) <= nearest


def test_noise_penalty_moves_weight_from_small_to_large_donors():
    values = simulate(25, noise=0.004)
    sizes = np.where(np.arange(25) % 2 == 0, 400.0, 60_000.0)[:, None] * np.ones((1, 12))
    panel = panel_of(values, insured_years=sizes, cv=2.5)
    design = ss.Design(treated=["u03"], baseline=range(2008, 2017), performance=[2017])
    small = [f"u{j:02d}" for j in range(0, 25, 2)]
    plain = SyntheticControl().fit(panel, design, seed=1).weights[small].sum(axis=1).item()
    penalised = SyntheticControl(noise_penalty=1.0).fit(panel, design, seed=1).weights[small].sum(axis=1).item()
    assert penalised < plain
    with pytest.raises(DesignError, match="cv or sampling_variance"):
        SyntheticControl(noise_penalty=1.0).fit(panel_of(values), design)


def test_predictors_may_not_look_at_the_performance_period(panel, design):
    with pytest.raises(DesignError, match="baseline only"):
        SyntheticControl(predictors=[("spending", [2017])]).fit(panel, design)
    with pytest.raises(DesignError, match="2 weights"):
        SyntheticControl(predictors=["spending", ("spending", [2016])], v=[1.0]).fit(panel, design)
    with pytest.raises(ParameterError, match="'nested'"):
        SyntheticControl(predictors=["spending"], v="best").fit(panel, design)


@pytest.mark.parametrize("v", ["equal", "regression", [2.0, 1.0, 1.0]])
def test_given_equal_and_regression_v(panel, design, v):
    method = SyntheticControl(predictors=["spending", ("spending", [2008]), ("spending", [2016])], v=v)
    cf = method.fit(panel, design, seed=1)
    assert cf.uncertainty == "sampling"
    assert cf.solver["kkt_gap"].max() <= 1e-9
    assert cf.solver.filter(like="v[").sum(axis=1).item() <= 1 + 1e-9


def test_tests_refuse_what_does_not_exist(panel, design):
    both = design.replace(treated=["u03", "u04"])
    with pytest.raises(NotSupportedError, match="2 treated units"):
        placebo_test(SyntheticControl(), panel, both)
    with pytest.raises(NotSupportedError, match="read the performance"):
        conformal_p_value(SyntheticDiD(), panel, design)
    with pytest.raises(RefusalError, match="20 periods"):
        conformal_interval(SyntheticControl(), panel, design, 0.95)
    with pytest.raises(DesignError, match="At least 4"):
        leave_two_out_test(SyntheticControl(), panel, design.replace(donors=["u05", "u06", "u07"]))


def test_conformal_interval_is_the_set_that_is_not_rejected():
    values = simulate(12, 30, seed=4)
    values[3, 28:] -= 150.0
    panel = panel_of(values, 1990)
    design = ss.Design(treated=["u03"], baseline=range(1990, 2018), performance=[2018, 2019])
    method = SyntheticControl()
    interval = conformal_interval(method, panel, design, 0.90)
    inside, outside = (
        interval.lower + 0.02 * (interval.upper - interval.lower),
        interval.lower - 0.05 * (interval.upper - interval.lower),
    )
    assert conformal_p_value(method, panel, design, inside) > 0.10
    assert conformal_p_value(method, panel, design, outside) <= 0.10
    assert interval.lower < 150 < interval.upper


def exchangeable(seed, n_units=10, T=20):
    """Spending whose deviations from a unit's level are exchangeable over periods: what the conformal test assumes."""
    rng = np.random.default_rng(seed)
    level = rng.normal(2000, 100, n_units)[:, None]
    factor = 40 * rng.standard_normal(T) * rng.normal(1, 0.3, n_units)[:, None]
    return level + factor + 20 * rng.standard_normal((n_units, T))


@pytest.mark.evidence
def test_conformal_p_value_has_its_size_where_periods_are_exchangeable_and_not_where_they_trend():
    """400 panels without a saving at nominal 10%, standard error 1.5 points; blocks of 1 among 20 periods.

    A trend or random walk that the donors do not span gives the last period the largest residual for that reason:
    0.25 of 400 such panels were rejected when this was written, which the docstring of the test says.
    """

    def rejected(simulated):
        design = ss.Design(["u03"], range(2000, 2019), [2019])
        panels = (panel_of(simulated(seed), 2000) for seed in range(400))
        return np.mean([conformal_p_value(SyntheticControl(), one, design) <= 0.10 for one in panels])

    assert rejected(exchangeable) == pytest.approx(0.10, abs=0.045)
    assert rejected(lambda seed: simulate(10, 20, seed=seed)) > 0.15


def test_panel_frame_round_trip_has_no_part_in_the_weights(panel, design):
    frame = panel.to_frame().sample(frac=1, random_state=1)
    again = ss.Panel.from_frame(frame, insured_years=None)
    weights = SyntheticControl().fit(again, design, seed=1).weights
    expected = SyntheticControl().fit(panel, design, seed=1).weights
    pd.testing.assert_frame_equal(weights[expected.columns], expected, atol=1e-8, check_names=False)


@pytest.mark.parametrize("shift", [0.0, 77.7])
@pytest.mark.parametrize(
    "method",
    [
        SyntheticControl(inference="none"),
        SyntheticControl(intercept=True, inference="none"),
        SyntheticControl(season="whole-year", periods_per_year=2, inference="none"),
        SyntheticControl(predictors=["spending", ("spending", [2014])], v="equal", inference="none"),
        AugmentedSyntheticControl(inference="none"),
        AugmentedSyntheticControl(intercept=True, inference="none"),
        SyntheticDiD(inference="none"),
    ],
    ids=["plain", "intercept", "season", "predictors", "augmented", "augmented, intercept", "SDID"],
)
def test_tied_donors_share_their_weight_in_any_order_of_rows(method, shift):
    """Fault W9: of two donors with equal baselines the order of rows chose one, and moved the saving by 6.50."""
    values = simulate(n_units=24, T=10, seed=1)
    first = int(np.argmax(SyntheticControl(inference="none").fit(panel_of(values), TIED, seed=1).weights.iloc[0]))
    values[23, :8] = values[1 + first, :8] + shift
    fits = []
    for order in (np.arange(24), np.arange(24)[::-1], np.random.default_rng(2).permutation(24)):
        units = tuple(f"u{j:02d}" for j in order)
        fits.append(method.fit(ss.Panel(units, tuple(range(2008, 2018)), values[order]), TIED, seed=1))
    weights = [fit.weights.iloc[0].sort_index() for fit in fits]
    for other in weights[1:]:
        np.testing.assert_allclose(weights[0], other, atol=1e-8)
    np.testing.assert_allclose([fit.level for fit in fits], fits[0].level, rtol=1e-9)
    same_after_shift = shift == 0.0 or getattr(method, "intercept", False) or isinstance(method, SyntheticDiD)
    if same_after_shift:
        np.testing.assert_allclose(weights[0][f"u{1 + first:02d}"], weights[0]["u23"], atol=1e-8)


TIED = ss.Design(["u00"], baseline=range(2008, 2016), performance=[2016, 2017])
