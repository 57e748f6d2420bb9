"""SyntheticControl(inference="bayes"). Each test names its authority."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes import estimate, posterior
from ssinfer.benchmarks.synthetic_control.bayes.posterior import WeightModel, sample_posterior
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import sample_chain
from ssinfer.convergence import convergence_checks
from ssinfer.datasets.prop99 import load_prop99
from ssinfer.errors import ConvergenceError, ParameterError

DESIGN = ss.Design(treated=["u03"], baseline=range(2008, 2016), performance=(2016, 2017))
BAYES = SyntheticControl(inference="bayes", n_draws=2000)


def simulate(n_units=24, T=10, seed=0):
    rng = np.random.default_rng(seed)
    level = 2000 * np.exp(0.1 * rng.normal(size=n_units))
    factor = rng.normal(size=T).cumsum() * 0.01
    loading = rng.normal(size=n_units)
    return level[:, None] * np.exp(
        0.03 * np.arange(T) + loading[:, None] * factor + 0.01 * rng.normal(size=(n_units, T))
    )


def panel_of(values, **more):
    names = tuple(f"u{j:02d}" for j in range(values.shape[0]))
    return ss.Panel(names, tuple(range(2008, 2008 + values.shape[1])), values, **more)


@pytest.fixture(scope="module")
def fitted():
    return BAYES.fit(panel_of(simulate()), DESIGN, seed=1)


def fit_scaled(intercept, factor):
    method = SyntheticControl(inference="bayes", intercept=intercept)
    return method.fit(panel_of(simulate() * factor), DESIGN, seed=1)


@pytest.mark.parametrize(("intercept", "factor"), [(False, 100.0), (True, 0.001)])
def test_rates_are_the_same_in_euros_cents_and_thousands(intercept, factor):
    """Trap 1: CausalPy 0.9.0 changes its effect by a third when the data are multiplied by 100."""
    euros, scaled = fit_scaled(intercept, 1.0), fit_scaled(intercept, factor)
    expected, rescaled = euros.pooled(), scaled.pooled() / factor
    assert abs(expected.mean() - rescaled.mean()) < 4 * expected.std() * np.sqrt(2 / 1000)
    assert rescaled.std() == pytest.approx(expected.std(), rel=0.12)
    rates = [float(cf.savings().pooled().measured_rate.item()) for cf in (euros, scaled)]
    assert rates[0] == pytest.approx(rates[1], abs=4 * expected.std() / expected.mean() * np.sqrt(2 / 1000))


@pytest.mark.parametrize("inference", ["bayes"])
def test_draws_do_not_depend_on_the_sealed_cells(fitted, inference):
    values = simulate()
    values[3, 8:] *= 0.7
    again = SyntheticControl(inference=inference).fit(panel_of(values), DESIGN, seed=1)
    np.testing.assert_array_equal(again.benchmark.values, fitted.benchmark.values)


def test_posterior_and_placebo_distribution_are_both_kept(fitted):
    assert fitted.uncertainty == "posterior"
    placebo = SyntheticControl().fit(panel_of(simulate()), DESIGN, seed=1)
    np.testing.assert_array_equal(fitted.confidence.values, placebo.benchmark.values)
    credible, confidence = (fitted.interval(0.9, kind=kind).iloc[-1] for kind in ("credible", "confidence"))
    assert credible["lower"] < confidence["mean"] < credible["upper"]
    tree = fitted.to_datatree()
    assert isinstance(tree, xr.DataTree)
    assert {"posterior", "prior", "sampling_distribution"} <= set(tree.children)
    assert fitted.weights.sum(axis=1).item() == pytest.approx(1)
    assert set(fitted.components.columns) == {"unit", "period", "weights", "shock", "sampling", "total"}


def test_few_donors_have_a_posterior_without_a_placebo_distribution():
    design = DESIGN.replace(donors=[f"u{j:02d}" for j in range(4, 12)])
    cf = BAYES.fit(panel_of(simulate()), design, seed=1)
    assert cf.uncertainty == "posterior"
    assert cf.confidence is None
    assert "NOT EVALUATED" in set(cf.diagnostics["status"])


def test_several_treated_units_and_a_staggered_start():
    sizes = np.linspace(5e3, 5e4, 24)[:, None] * np.ones((1, 10))
    panel = panel_of(simulate(), insured_years=sizes)
    design = DESIGN.replace(treated=["u03", "u20"], starts={"u20": 2017})
    cf = BAYES.fit(panel, design, seed=1)
    assert cf.benchmark.shape == (4, 500, 2, 2)
    assert np.isnan(cf.benchmark.sel(unit="u20", period=2016)).all()
    assert not cf.failures
    assert (cf.components["sampling"] > 0).all()


def test_known_sampling_noise_widens_the_prediction():
    """A small unit's own noise k^2 / n is in its benchmark: at cv 3 and 1,000 insured, 9.5% of spending."""
    size = np.full((24, 10), 1e6)
    size[3] = 1000.0
    cf = BAYES.fit(panel_of(simulate(), insured_years=size, cv=3.0), DESIGN, seed=1)
    expected = 9.0 / 1000 / 2  # two performance years
    assert cf.components["sampling"].item() == pytest.approx(expected, rel=0.25)
    assert cf.pooled().std() / cf.pooled().mean() > 0.85 * np.sqrt(expected)


def test_a_turbulent_performance_year_of_the_donors_widens_the_prediction():
    """Donors' shocks are five times as large in the performance years; the treated unit's own are not looked at."""
    calm = simulate()
    rng = np.random.default_rng(8)
    loud = calm.copy()
    loud[:, 8:] *= np.exp(0.05 * rng.standard_normal((24, 2)))
    loud[3] = calm[3]
    before, after = (BAYES.fit(panel_of(values), DESIGN, seed=1) for values in (calm, loud))
    assert after.pooled().std() > 1.3 * before.pooled().std()
    words = after.diagnostics.set_index("check").loc["shock_sd", "message"]
    assert "times as volatile" in words


def test_masked_periods_inform_nothing():
    masked = DESIGN.replace(masked=[2011])
    values = simulate()
    base = BAYES.fit(panel_of(values), masked, seed=1)
    values[:, 3] *= np.random.default_rng(0).uniform(0.5, 2, size=24)
    again = BAYES.fit(panel_of(values), masked, seed=1)
    np.testing.assert_array_equal(again.benchmark.values, base.benchmark.values)


@pytest.mark.parametrize(("name", "value"), [("predictors", ["spending"]), ("noise_penalty", 1.0), ("max_donors", 5)])
def test_options_that_the_model_has_no_place_for_are_refused(name, value):
    with pytest.raises(ParameterError, match=f"{name} is .* inference='bayes'"):
        SyntheticControl(inference="bayes", **{name: value}).fit(panel_of(simulate()), DESIGN, seed=1)


def test_failed_convergence_is_refused(monkeypatch):
    """Chains that disagree give no credible interval."""

    def disagreeing(model, draws_per_chain, rng):
        sampled = sample_posterior(model, draws_per_chain, rng)
        return replace(sampled, convergence=convergence_checks({"tau": 1.2}, {"tau": 30.0}, 0, 4000))

    monkeypatch.setattr(estimate, "sample_posterior", disagreeing)
    cf = BAYES.fit(panel_of(simulate()), DESIGN, seed=1)
    assert [failure.split(" is ")[0] for failure in cf.failures] == ["u03: r_hat", "u03: effective_sample_size"]
    status = cf.diagnostics.set_index("check")["status"]
    assert status[["r_hat", "effective_sample_size", "divergences"]].tolist() == ["FAIL", "FAIL", "PASS"]
    with pytest.raises(ConvergenceError, match="u03"):
        cf.interval(0.9)


def test_further_attempts_take_the_metric_and_continue(monkeypatch):
    """One chain learns the metric; 200 draws have an effective sample size below 400, so three attempts are made."""
    calls = []

    def recorded(rng, start, metric, step, warmup, n_draws, data):
        calls.append((metric.size, n_draws))
        return sample_chain(rng, start, metric, step, warmup, n_draws, data)

    monkeypatch.setattr(posterior, "sample_chain", recorded)
    model = WeightModel.of(FitWindow.of(BAYES.prepare(panel_of(simulate()), DESIGN), 0), intercept=False)
    sampled = sample_posterior(model, 50, np.random.default_rng(1), min_transitions=200)
    assert any("effective_sample_size" in failure for failure in sampled.failures)
    assert sampled.q.shape == (4, 50, model.size)
    assert [n_draws for _, n_draws in calls] == [200] * 4 + [400] * 4 + [1200] * 4
    assert [size for size, _ in calls] == [0] + [model.size] * 11


@pytest.mark.parametrize("n_units", [25, 39, 200])
def test_prior_predictive_of_the_effective_number_of_donors(fitted, n_units):
    """Trap 2: Dirichlet(1, ..., 1) pins 38 donors at about 20 effective ones; this prior admits two as well as half."""
    window = FitWindow.of(BAYES.prepare(panel_of(simulate(n_units)), DESIGN), 0)
    model = WeightModel.of(window, intercept=False)
    before = model.prior_effective_donors(np.random.default_rng(0), 4000)
    low, high = np.quantile(before, [0.05, 0.95])
    assert low < 3
    assert high > 0.5 * (n_units - 1)
    line = fitted.diagnostics.set_index("check").loc["effective_donors", "message"]
    assert "before the data" in line


def test_prior_sensitivity_is_reported(fitted):
    rows = fitted.diagnostics.set_index("check")
    assert {"prior_sensitivity_weights", "prior_sensitivity_shocks", "r_hat", "effective_sample_size"} <= set(
        rows.index
    )
    assert 0 <= rows.loc["prior_sensitivity_weights", "figure"] < 1


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("intercept", [False, True])
def test_proposition_99(intercept, monkeypatch):
    """Published SC -19.6 and SDID -15.6 lie inside the 90% interval; 1,000 effective draws of the pooled saving."""
    design = ss.Design(treated=["California"], baseline=range(1970, 1989), performance=range(1989, 2001))
    posteriors = []

    def recorded(*arguments):
        posteriors.append(sample_posterior(*arguments))
        return posteriors[-1]

    monkeypatch.setattr(estimate, "sample_posterior", recorded)
    cf = SyntheticControl(inference="bayes", intercept=intercept, n_draws=6000).fit(load_prop99(), design, seed=1)
    assert not cf.failures
    low, high = cf.pooled_spending - cf.interval(0.9).iloc[-1][["upper", "lower"]].to_numpy(dtype=float)
    assert low < -19.513630 < -15.605398 < high
    assert posteriors[0].ess["pooled"] > 1000
