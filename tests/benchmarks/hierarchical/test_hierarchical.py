"""Authorities: the dense Gaussian model (scipy), the sealing rule (docs/method/estimand.md), simulated panels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import multivariate_normal
from sklearn.base import clone

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.exact import diagnostics
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.parameters import Parameter
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.benchmarks.problem import Problem
from ssinfer.errors import ConvergenceError, DataError, DesignError, PanelError, ParameterError
from ssinfer.kernels.adaptive_importance import Posterior


def simulate(seed=1, units=40, periods=6, shock=0.02, sizes=(2_000, 60_000), **columns):
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(*np.log(sizes), units))
    s = rng.normal(0, shock, units)
    rows = []
    level = rng.normal(0, 0.05, units)
    for t in range(periods):
        s = 0.7 * s + rng.normal(0, shock * np.sqrt(1 - 0.49), units)
        y = 7.6 + 0.03 * t + level + s + rng.normal(0, 2.5 / np.sqrt(n))
        rows += [(f"u{i:03}", t, np.exp(y[i]), n[i], *(f(i, t) for f in columns.values())) for i in range(units)]
    frame = pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years", *columns])
    return ss.Panel.from_frame(frame, covariates=list(columns), periods_per_year=1)


def design(treated=("u000",), baseline=range(4), performance=(4, 5), **more):
    return ss.Design(treated=treated, baseline=baseline, performance=performance, **more)


QUICK = HierarchicalBenchmark(n_draws=1000)
PLAIN = HierarchicalBenchmark(n_draws=1000, volatility=False)  # half the time; for tests of other options


def tampered(panel, unit, periods, factor):
    spending = panel.spending.copy()
    spending[np.ix_(panel.rows([unit]), panel.columns(periods))] *= factor
    return ss.Panel(panel.units, panel.periods, spending, panel.insured_years, covariates=dict(panel.covariates))


def test_draws_are_predictive_and_reproducible():
    panel = simulate(units=24)
    first, second = (QUICK.fit(panel, design(), seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.benchmark, second.benchmark)
    assert first.benchmark.shape == (4, 250, 1, 2)
    assert first.uncertainty == "posterior"
    assert not first.failures
    assert (first.benchmark.std(("chain", "draw")) > first.expected.std(("chain", "draw"))).all()
    assert (QUICK.fit(panel, design(), seed=4).benchmark.values != first.benchmark.values).any()


def test_the_treated_units_performance_spending_changes_no_draw():
    panel = simulate(units=24)
    plain = QUICK.fit(panel, design(), seed=1)
    gone = QUICK.fit(tampered(panel, "u000", [4, 5], np.nan), design(), seed=1)
    np.testing.assert_array_equal(gone.benchmark, plain.benchmark)


def test_one_design_among_many_equals_the_design_alone():
    panel = simulate(units=24)
    designs = [design([unit]) for unit in panel.units[:16:8]]  # one fold
    many = QUICK.fit_many(panel, designs, [0, 1])
    alone = QUICK.fit(panel, designs[1], seed=1)
    np.testing.assert_allclose(many[1].benchmark, alone.benchmark, rtol=1e-9)
    # the sealed cells of a placebo change none of its draws in fit_many either
    again = QUICK.fit_many(tampered(panel, "u008", [4, 5], 3.0), designs, [0, 1])
    np.testing.assert_allclose(again[1].benchmark, many[1].benchmark, rtol=1e-9)


def test_a_refused_design_among_many_is_refused_alone():
    panel = simulate()
    bad = ss.Design(treated=["u000"], baseline=[3], performance=[4, 5])
    outcomes = PLAIN.fit_many(panel, [design(), bad, design(["u001"])], [1, 2, 3])
    assert isinstance(outcomes[1], DesignError)
    assert outcomes[2].design.treated == ("u001",)


def dense_covariance(layout, x):
    """Covariance of all cells (N T, N T), written out from the formula of docs/hierarchical.md."""
    model, value = layout.model, layout.model.values(x)
    units, time = len(layout.y), model.time
    lag = np.abs(time[:, None] - time[None, :])
    turbulence = np.array([value.get(f"volatility_{t}", 1.0) for t in range(len(time))])
    within = value["level"] ** 2 + value["shock"] ** 2 * value["persistence"] ** lag * np.outer(turbulence, turbulence)
    if "trend" in value:
        within = within + value["trend"] ** 2 * np.outer(time - time.mean(), time - time.mean())
    total = np.kron(np.ones((units, units)), model.period_scale**2 * np.eye(len(time))) + np.kron(np.eye(units), within)
    if model.neighbours:
        shock = value["neighbour_shock"] ** 2 * value["neighbour_persistence"] ** lag * np.outer(turbulence, turbulence)
        fields = model.loadings[:, 1:]
        total += np.kron(fields @ fields.T, value.get("neighbour_level", 0.0) ** 2 + shock)
    return total + np.diag((value["noise"] ** 2 * model.sampling).ravel())


OWN = {"unit_effect": "own"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"volatility": False},
        {"spatial": "region", "trend": False},
        OWN,
        OWN | {"spatial": "region", "trend": False},
    ],
)
def test_with_the_parameters_known_the_prediction_is_the_dense_conditional(options):
    """One node: likelihood, mean and variance equal those of scipy's Gaussian of all cells."""
    panel = simulate(units=8, region=lambda i, t: float(i % 3))  # noqa: ARG005
    layout = lay_out(Problem.of(panel, design()), HierarchicalBenchmark(**options))
    x = np.random.default_rng(2).standard_normal((1, layout.model.size))
    predictions = predict_placebos(layout.model, x, layout.y, layout.seen, layout.treated, layout.ahead)
    total = dense_covariance(layout, x[0])
    hidden = layout.seen.ravel() == 0
    gain = total[np.ix_(hidden, ~hidden)] @ np.linalg.inv(total[np.ix_(~hidden, ~hidden)])
    np.testing.assert_allclose(predictions.mean[0, 0, 2:], gain @ layout.y.ravel()[~hidden], atol=1e-8)
    spread = total[np.ix_(hidden, hidden)] - gain @ total[np.ix_(~hidden, hidden)]
    np.testing.assert_allclose(predictions.covariance[0, 0, 2:, 2:], spread, atol=1e-8)
    value = multivariate_normal(cov=total[np.ix_(~hidden, ~hidden)]).logpdf(layout.y.ravel()[~hidden])
    np.testing.assert_allclose(predictions.log_target[0, 0], value + layout.model.log_prior(x)[0], rtol=1e-9)


@pytest.mark.parametrize("spatial", [None, "region"])
def test_own_levels_predict_as_a_flat_prior_does(spatial):
    """Authority: generalised least squares with one free level per unit, in the dense Gaussian without levels."""
    panel = simulate(units=8, region=lambda i, t: float(i % 3))  # noqa: ARG005
    layout = lay_out(Problem.of(panel, design()), HierarchicalBenchmark(**OWN, spatial=spatial))
    x = np.random.default_rng(2).standard_normal((1, layout.model.size))
    predictions = predict_placebos(layout.model, x, layout.y, layout.seen, layout.treated, layout.ahead)
    without = dataclasses.replace(layout, model=dataclasses.replace(layout.model, own_level=0.0))
    total, levels, hidden = (
        dense_covariance(without, x[0]),
        np.kron(np.eye(8), np.ones((6, 1))),
        layout.seen.ravel() == 0,
    )
    inverse = np.linalg.inv(total[np.ix_(~hidden, ~hidden)])
    gain = total[np.ix_(hidden, ~hidden)] @ inverse
    left = levels[hidden] - gain @ levels[~hidden]  # what the levels add to the other cells' prediction
    precision = levels[~hidden].T @ inverse @ levels[~hidden]
    estimate = np.linalg.solve(precision, levels[~hidden].T @ inverse @ layout.y.ravel()[~hidden])
    mean = gain @ layout.y.ravel()[~hidden] + left @ estimate
    spread = (
        total[np.ix_(hidden, hidden)]
        - gain @ total[np.ix_(~hidden, hidden)]
        + left @ np.linalg.solve(precision, left.T)
    )
    np.testing.assert_allclose(predictions.mean[0, 0, 2:], mean, atol=1e-4 * layout.y.std())
    np.testing.assert_allclose(predictions.covariance[0, 0, 2:, 2:], spread, rtol=1e-3)


def test_a_lasting_level_passes_through_own_levels_only():
    """The prediction of a unit whose spending is 15% higher in all periods is 15% higher; pooled, it is by less."""
    problem, moved = Problem.of(simulate(units=8, sizes=(500, 1_000)), design()), {}
    for effect in ("own", "pooled"):
        layout = lay_out(problem, HierarchicalBenchmark(volatility=False, unit_effect=effect))
        x, high = np.zeros((1, layout.model.size)), layout.y.copy()
        high[layout.treated, :4] += 0.15
        low, up = (predict_placebos(layout.model, x, y, *layout.cells[1:]).mean[0, 0, 2:] for y in (layout.y, high))
        moved[effect] = up - low
    np.testing.assert_allclose(moved["own"], 0.15, atol=5e-4)
    assert (moved["pooled"] < 0.14).all()


def test_unit_effect_covariates_needs_covariates():
    with pytest.raises(ParameterError, match=r"unit_effect is 'covariates'. Name covariates, or"):
        HierarchicalBenchmark(unit_effect="covariates").fit(simulate(units=8), design(), seed=1)
    problem = Problem.of(simulate(units=8, ses=lambda i, t: float(i % 5)), design())  # noqa: ARG005
    towards, pooled = (
        lay_out(problem, HierarchicalBenchmark(covariates=("ses",), unit_effect=effect))
        for effect in ("covariates", "pooled")
    )
    np.testing.assert_array_equal(towards.model.loadings, pooled.model.loadings)
    assert towards.model.parameters == pooled.model.parameters


def test_volatility_is_a_parameter_of_each_period_that_has_a_shock():
    problem = Problem.of(simulate(units=8), design())
    names = {
        label: [p.name for p in lay_out(problem, HierarchicalBenchmark(**options)).model.parameters]
        for label, options in {"default": {}, "off": {"volatility": False}, "no shock": {"shock": None}}.items()
    }
    assert names["default"][-6:] == [f"volatility_{t}" for t in range(6)]
    assert names["off"] == ["level", "trend", "shock", "persistence", "noise"]
    assert names["no shock"] == ["level", "trend", "noise"]


def test_a_turbulent_performance_year_of_the_controls_widens_the_interval():
    """Same baseline; in the last year the controls' shocks are calm, or three times as large."""
    rng = np.random.default_rng(8)
    level = rng.normal(0, 0.05, 60)
    spread = {}
    for name, last, volatilities in (("calm", 0.02, (True,)), ("turbulent", 0.06, (True, False))):
        draw = np.random.default_rng(9)
        shocks = draw.standard_normal((60, 6)) * np.array([0.02] * 5 + [last])
        spending = np.exp(7.6 + level[:, None] + shocks)
        panel = ss.Panel([f"u{i:03}" for i in range(60)], range(6), spending, np.full((60, 6), 200_000.0))
        for volatility in volatilities:
            method = HierarchicalBenchmark(n_draws=1000, trend=False, volatility=volatility)
            cf = method.fit(panel, design(baseline=range(5), performance=[5]), seed=1)
            spread[name, volatility] = float(cf.pooled().std() / cf.pooled().mean())
    assert 0.016 < spread["calm", True] < 0.026
    # the truth is 0.06; the prior on the log of the volatility (SD 0.3) shrinks it
    assert 0.032 < spread["turbulent", True] < 0.065
    assert spread["turbulent", False] < 0.8 * spread["turbulent", True]


def test_several_treated_units_are_drawn_jointly():
    panel = simulate(units=24)
    method = HierarchicalBenchmark(n_draws=4000, nodes=512, volatility=False)
    both = method.fit(panel, design(["u000", "u001"]), seed=1)
    alone = method.fit(panel, design(["u000"], donors=panel.units[2:]), seed=1)
    for t in (4, 5):
        jointly, singly = (cf.benchmark.sel(unit="u000", period=t) for cf in (both, alone))
        # one control more or less changes the mean by much less than the predictive SD
        assert abs(float(jointly.mean() - singly.mean())) < 0.15 * float(singly.std())
        assert float(jointly.std()) == pytest.approx(float(singly.std()), rel=0.08)


def test_staggered_starts_use_the_earlier_cells():
    panel = simulate(units=16, periods=7)
    plan = design(["u000", "u001"], performance=(4, 5, 6), starts={"u001": 6})
    cf = PLAIN.fit(panel, plan, seed=1)
    assert np.isnan(cf.benchmark.sel(unit="u001", period=5)).all()
    assert np.isfinite(cf.benchmark.sel(unit="u001", period=6)).all()
    later = PLAIN.fit(tampered(panel, "u001", [5], 1.2), plan, seed=1)
    assert (later.benchmark.sel(unit="u001", period=6).values != cf.benchmark.sel(unit="u001", period=6).values).any()


def test_the_currency_does_not_matter():
    panel = simulate()
    thousandfold = ss.Panel(panel.units, panel.periods, panel.spending * 1000, panel.insured_years)
    method = HierarchicalBenchmark(scale="identity", n_draws=1000, volatility=False)
    np.testing.assert_allclose(
        method.fit(thousandfold, design(), seed=1).benchmark,
        1000 * method.fit(panel, design(), seed=1).benchmark,
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    "options",  # without shocks the proposal needs a quarter of the nodes
    [
        {"season": 2},
        {"spatial": "distance", "rank": 3, "trend": False, "shock": None},
        {"spatial": "region", "trend": False, "shock": None},
        {"covariates": ("ses",), "shock": None},
    ],
)
def test_options_run_and_stay_near_the_truth(options):
    panel = simulate(
        units=16,
        latitude=lambda i, t: 52 + (i % 5) / 5,  # noqa: ARG005
        longitude=lambda i, t: 5 + (i // 5) / 5,  # noqa: ARG005
        region=lambda i, t: float(i % 3),  # noqa: ARG005
        ses=lambda i, t: float(np.sin(i)),  # noqa: ARG005
    )
    designs = [design([unit]) for unit in panel.units[::8]]  # one fold
    method = HierarchicalBenchmark(n_draws=1000, nodes=512, volatility=False, **options)
    many = method.fit_many(panel, designs, list(range(2)))
    standardised = [cf.savings().pooled().measured.item() / cf.pooled().std() for cf in many]
    assert np.abs(standardised).max() < 4.0


def test_known_variances_and_no_insured_years():
    panel = simulate()
    known = ss.Panel(
        panel.units, panel.periods, panel.spending, panel.insured_years,
        sampling_variance=(2.5 * panel.spending) ** 2 / panel.insured_years,
    )  # fmt: skip
    by_cv = ss.Panel(panel.units, panel.periods, panel.spending, panel.insured_years, cv=2.5)
    first, second = (PLAIN.fit(data, design(), seed=1) for data in (known, by_cv))
    np.testing.assert_allclose(first.benchmark, second.benchmark, rtol=1e-9)
    bare = ss.Panel(panel.units, panel.periods, panel.spending)
    assert np.isfinite(PLAIN.fit(bare, design(), seed=1).benchmark).all()


def test_uncertainty_grows_as_size_falls():
    panel = simulate(units=60, shock=0.005, sizes=(500, 500_000))
    order = np.argsort(panel.insured_years[:, 0])
    small, large = panel.units[order[2]], panel.units[order[-3]]
    outcomes = PLAIN.fit_many(panel, [design([small]), design([large])], [1, 2])
    assert outcomes[0].pooled().std() > 5 * outcomes[1].pooled().std()
    assert not outcomes[0].failures
    assert not outcomes[1].failures


@pytest.mark.evidence
def test_calibrated_on_placebos_without_effect():
    """80 placebos x 1 origin of a panel from the model: 90% intervals cover 90%, within 3 binomial SD."""
    panel = simulate(seed=5, units=80)
    designs = [design([unit]) for unit in panel.units]
    hits = []
    for cf in PLAIN.fit_many(panel, designs, list(range(80))):
        frame = cf.interval(0.90).set_index("period")
        observed = float((cf.spending * cf.insured_years).sum() / cf.insured_years.sum())
        hits.append(frame.loc["pooled", "lower"] <= observed <= frame.loc["pooled", "upper"])
    assert 0.80 <= np.mean(hits) <= 0.98


@pytest.mark.parametrize(
    ("panel", "plan", "error", "message"),
    [
        (simulate(units=1), design(), DesignError, "No donors"),
        (simulate(units=2), design(), DesignError, "at least 3"),
        (simulate(units=4), design(["u000", "u001", "u002", "u003"]), DesignError, "No donors"),
        (simulate(), design(baseline=[3]), DesignError, "baseline period"),
    ],
)
def test_designs_that_cannot_be_pooled_are_refused(panel, plan, error, message):
    with pytest.raises(error, match=message):
        PLAIN.fit(panel, plan, seed=1)


def test_bad_data():
    panel = simulate()
    flat = ss.Panel(
        panel.units,
        panel.periods,
        np.full(panel.spending.shape, 2000.0),
        panel.insured_years,
        accept=frozenset({"similar_names"}),
    )
    with pytest.raises(DataError, match="the same in every unit"):
        PLAIN.fit(flat, design(), seed=1)
    zero = panel.spending.copy()
    zero[3, 2] = 0.0
    none = ss.Panel(panel.units, panel.periods, zero, panel.insured_years)
    with pytest.raises(DataError, match="identity"):
        PLAIN.fit(none, design(), seed=1)
    identity = HierarchicalBenchmark(scale="identity", n_draws=1000, volatility=False)
    assert np.isfinite(identity.fit(none, design(), seed=1).benchmark).all()
    # one constant series is allowed
    spending = panel.spending.copy()
    spending[0] = 2000.0
    constant = ss.Panel(panel.units, panel.periods, spending, panel.insured_years)
    assert np.isfinite(PLAIN.fit(constant, design(), seed=1).benchmark).all()
    # known sampling variances of zero
    with pytest.raises(PanelError, match="a positive number is needed"):
        ss.Panel(panel.units, panel.periods, panel.spending, panel.insured_years, sampling_variance=0 * spending)
    # a donor with a single period is dropped on request
    spending = panel.spending.copy()
    spending[7, 1:] = np.nan
    short = ss.Panel(panel.units, panel.periods, spending, panel.insured_years)
    dropped = PLAIN.fit(short, design(incomplete="drop"), seed=1)
    assert np.isfinite(dropped.benchmark).all()


@pytest.mark.parametrize(
    "wrong", [{"scale": "sqrt"}, {"shock": "ma1"}, {"nodes": 10}, {"n_draws": 0}, {"season": 1}, {"range_km": 0}]
)
def test_impossible_parameters_are_refused_before_the_data(wrong):
    with pytest.raises(ParameterError, match=r"HierarchicalBenchmark: \w+ is"):
        HierarchicalBenchmark(**wrong).fit(None, design(), seed=1)


def test_it_is_a_scikit_learn_estimator():
    method = HierarchicalBenchmark(season=4)
    assert clone(method).get_params() == method.get_params()


@pytest.mark.parametrize(
    ("kind", "law"),
    [("deviation", stats.halfnorm(scale=0.3)), ("persistence", stats.beta(2, 2)), ("factor", stats.lognorm(0.3))],
)
def test_parameters_have_the_priors_that_they_claim(kind, law):
    """Authority: quantiles of scipy.stats (half-normal, Beta(2, 2), lognormal)."""
    parameter = Parameter("p", kind, 1.0 if kind == "persistence" else 0.3)
    x = np.linspace(-4, 4, 17)
    np.testing.assert_allclose(parameter.natural(x), law.ppf(stats.norm.cdf(x)), rtol=1e-6)


def test_confidence_and_credible_intervals_agree_on_a_large_panel():
    """Same model, 40 units: quantiles agree to 0.35 of the predictive SD."""
    panel = simulate()
    cf = HierarchicalBenchmark(n_draws=2000, nodes=512, bootstrap=50, volatility=False).fit(panel, design(), seed=1)
    credible, confidence = (cf.interval(0.90, kind=kind).set_index("period") for kind in ("credible", "confidence"))
    spread = float(cf.pooled().std())
    for column in ("lower", "upper"):
        assert abs(credible.loc["pooled", column] - confidence.loc["pooled", column]) < 0.35 * spread


def unreliable(effective):
    """A posterior whose Pareto k and effective sample size are beyond their limits."""
    return Posterior(np.zeros((2, 1)), np.full(2, 0.5), pareto_k=0.9, effective=effective)


class Unreliable(HierarchicalBenchmark):
    """The benchmark with the diagnostics and failures of an unreliable posterior."""

    def estimate_many(self, problems, generators):
        posterior = unreliable(12.0)
        for estimate in super().estimate_many(problems, generators):
            yield dataclasses.replace(estimate, diagnostics=diagnostics(posterior), failures=posterior.failures)

    def estimate(self, problem, rng):
        posterior = unreliable(12.0)
        return dataclasses.replace(
            super().estimate(problem, rng), diagnostics=diagnostics(posterior), failures=posterior.failures
        )


@pytest.mark.parametrize(("effective", "status"), [(12.0, ["FAIL", "FAIL"]), (400.0, ["FAIL", "PASS"])])
def test_unreliable_weights_fail_their_checks(effective, status):
    """Limits: Vehtari et al. 2024, section 3.2 (Pareto k 0.7), and Vehtari et al. 2021, section 4 (ESS 400)."""
    posterior = unreliable(effective)
    assert diagnostics(posterior)["status"].tolist() == status
    assert len(posterior.failures) == status.count("FAIL")
    assert posterior.failures[0] == "Pareto k of the importance weights is 0.90, above 0.7"


def test_unreliable_fits_are_refused_and_counted_by_a_backtest():
    """docs/method: no threshold where a diagnostic failed."""
    panel = simulate(units=12)
    plan = design(performance=[5], baseline=range(5))
    method = Unreliable(n_draws=400, nodes=512, volatility=False)
    cf = method.fit(panel, plan, seed=1)
    assert set(cf.diagnostics["status"]) == {"FAIL"}
    with pytest.raises(ConvergenceError, match="effective sample size"):
        cf.interval(0.9)
    with pytest.raises(ConvergenceError, match="effective sample size"):
        ss.credible_threshold(cf, level=0.95)
    result = ss.backtest(panel, plan, method, placebos=["u001", "u002"], n_jobs=1, origins=[5])
    placebos = result.placebos[result.placebos["role"] == "placebo"]
    assert (placebos["status"] == "refused").all()
    assert placebos["reason"].str.contains("effective sample size").all()


def test_errors_grow_with_the_horizon_where_shocks_last_and_do_not_without_shock_and_trend():
    """The predictive SD of each performance year, four years on, over that of the first."""
    panel = simulate(units=12, periods=8)
    ahead = design(baseline=range(4), performance=range(4, 8))
    ratios = []
    for options in ({}, {"trend": False, "shock": None}):
        method = clone(PLAIN).set_params(nodes=512, **options)
        draws = method.fit(panel, ahead, seed=1).benchmark.isel(unit=0)
        sd = (draws.std(("chain", "draw")) / draws.mean(("chain", "draw"))).to_numpy()
        ratios.append(sd / sd[0])
    assert (np.diff(ratios[0]) > 0).all()
    assert ratios[0][-1] > 1.1
    np.testing.assert_allclose(ratios[1], 1, atol=0.08)  # 1,000 draws know an SD to 2%; sizes are equal over years


def test_a_fit_that_stops_when_its_checks_pass_equals_one_with_eight_times_the_nodes():
    panel = simulate(units=12)
    checked, long = (
        HierarchicalBenchmark(n_draws=4_000, volatility=False, nodes=nodes).fit(panel, design(), seed=seed).pooled()
        for seed, nodes in ((1, 512), (2, 4_096))
    )
    assert float(checked.mean() - long.mean()) == pytest.approx(0, abs=4 * np.sqrt(2 / 4_000) * float(long.std()))
    assert float(checked.std()) == pytest.approx(float(long.std()), rel=4 / np.sqrt(4_000))
