"""Fitted values in the baseline. Authority: each method's own formula, computed from the data and its weights."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.predictions import fitted_baseline
from ssinfer.benchmarks.problem import Problem
from ssinfer.simulation import simulate_cohort

BASELINE = (2012, 2013, 2014, 2016)
DESIGN = ss.Design(treated=["u000"], baseline=range(2012, 2017), performance=[2017, 2018], masked=[2015])
METHODS = {
    "administrative": ss.AdministrativeBenchmark(n_draws=64),
    "covariates": ss.AdministrativeBenchmark(n_draws=64, covariates=["x"]),
    "plain": ss.SyntheticControl(n_draws=100),
    "intercept": ss.SyntheticControl(intercept=True, n_draws=100),
    "bayes": ss.SyntheticControl(inference="bayes", intercept=True, n_draws=400),
    "augmented": ss.AugmentedSyntheticControl(n_draws=100),
    "did": ss.SyntheticDiD(n_draws=100),
    "hierarchical": ss.HierarchicalBenchmark(n_draws=64, nodes=512),
}


@pytest.fixture(scope="module")
def panel(null_panel):
    made = null_panel(24, 7, shock=0.02)
    x = np.random.default_rng(1).normal(size=made.spending.shape)
    return dataclasses.replace(made, covariates={"x": x, "mix": 1 + 0.1 * np.abs(x)})


@pytest.fixture(scope="module")
def fits(panel):
    return {name: method.fit(panel, DESIGN, seed=1) for name, method in METHODS.items()}


def before(panel, units=slice(None)):
    return panel.spending[units][:, panel.columns(BASELINE)]


@pytest.mark.parametrize("name", METHODS)
def test_shape_labels_and_closeness(panel, fits, name):
    cf = fits[name]
    assert cf.fitted.dims == cf.observed_baseline.dims == ("unit", "period")
    assert tuple(cf.fitted["period"].values) == tuple(cf.observed_baseline["period"].values) == BASELINE
    np.testing.assert_array_equal(cf.observed_baseline.values, before(panel, [0]))
    assert np.abs(cf.fitted / cf.observed_baseline - 1).max() < 0.1  # shocks of 2%, noise below 4%
    after = np.stack([cf.spending, cf.benchmark.mean(("chain", "draw"))])
    np.testing.assert_allclose(cf.path(), np.concatenate([[cf.observed_baseline, cf.fitted], after], axis=2))


@pytest.mark.parametrize("name", METHODS)
def test_no_performance_spending_of_the_treated_unit_changes_them(panel, fits, name):
    spending = panel.spending.copy()
    spending[0, panel.columns([2017, 2018])] *= 3
    other = METHODS[name].fit(dataclasses.replace(panel, spending=spending), DESIGN, seed=1)
    np.testing.assert_array_equal(other.fitted.values, fits[name].fitted.values)


@pytest.mark.parametrize("name", ["plain", "intercept", "bayes", "augmented", "did"])
def test_weighted_donors_plus_an_offset(panel, fits, name):
    path = fits[name].weights.to_numpy() @ before(panel, slice(1, None))
    gap = fits[name].fitted.values - path
    residual = before(panel, [0]) - path
    if name == "did":
        solver = fits[name].solver.iloc[0]
        expected = residual @ [solver[f"lambda[{period}]"] for period in BASELINE]
    else:
        expected = residual.mean() if name in ("intercept", "bayes") else 0.0
    np.testing.assert_allclose(gap, np.broadcast_to(expected, gap.shape), atol=1e-9 * path.mean())


def test_the_error_of_the_fit_is_that_of_the_solver(fits):
    error = (fits["plain"].observed_baseline - fits["plain"].fitted).values
    assert np.sqrt((error**2).mean()) == pytest.approx(fits["plain"].solver["rmspe_baseline"].item())


def test_administrative_is_the_trend_of_the_reference_group(panel, fits):
    sizes = panel.insured_years[1:, panel.columns(BASELINE)]
    group = (before(panel, slice(1, None)) * sizes).sum(axis=0) / sizes.sum(axis=0)
    wanted = (before(panel, [0]) / group).mean() * group
    np.testing.assert_allclose(fits["administrative"].fitted.values[0], wanted, rtol=1e-12)


def test_case_mix_is_multiplied_again(panel):
    cf = METHODS["plain"].fit(panel, DESIGN.replace(standard="mix"), seed=1)
    factor = Problem.of(panel, DESIGN.replace(standard="mix")).factor[:, panel.columns(BASELINE)]
    wanted = factor[:1] * (cf.weights.to_numpy() @ (before(panel) / factor)[1:])
    np.testing.assert_allclose(cf.fitted.values, wanted, rtol=1e-12)


def test_hierarchical_is_the_dense_conditional_mean_without_the_shock(panel):
    """Authority: the joint normal distribution of five units by six periods, conditioned with plain linear algebra."""
    few = panel.select(panel.units[:5])
    problem = Problem.of(few, DESIGN)
    layout = lay_out(problem, ss.HierarchicalBenchmark(scale="identity"))
    model, x = layout.model, np.full(layout.model.size, 0.3)
    at = model.covariances(x)
    N, T = layout.y.shape
    common = np.kron(np.ones((N, N)), at.common[0] @ at.common[0].T)
    expected = common + np.kron(np.eye(N), at.structure)
    outcome = common + np.kron(np.eye(N), at.shared) + np.diag(at.noise.ravel())
    seen = layout.seen.ravel() > 0
    assert multivariate_normal(cov=outcome[np.ix_(seen, seen)]).logpdf(layout.y.ravel()[seen]) > -np.inf
    mean = expected[:, seen] @ np.linalg.solve(outcome[np.ix_(seen, seen)], layout.y.ravel()[seen])
    row = int(layout.treated[0])
    wanted = layout.spending(mean.reshape(N, T)[row, layout.baseline])
    np.testing.assert_allclose(fitted_baseline(layout, x)[0], wanted, rtol=1e-9)


def test_stacked_is_the_weighted_mean_of_its_members(panel):
    design = DESIGN.replace(masked=())
    members = [METHODS["administrative"], METHODS["intercept"]]
    cf = ss.StackedBenchmark(members, placebos=8).fit(panel, design, seed=1)
    weights = cf.diagnostics["figure"].to_numpy()
    # these members are deterministic in the baseline, so their seeds do not matter
    fitted = [member.fit(panel, design, seed=9).fitted.values for member in members]
    np.testing.assert_allclose(cf.fitted.values, np.tensordot(weights, fitted, axes=1), rtol=1e-12)


def test_matched_is_the_growth_of_the_matched_controls():
    cohort = simulate_cohort(seed=1)
    *baseline, last = cohort.periods
    unit = cohort.units[0]
    method = ss.PropensityMatching(n_draws=100, confidence=None)
    cf = method.fit(cohort, ss.Design(treated=[unit], baseline=baseline, performance=[last]), seed=1)
    pairs = cf.inference["pairs"].to_dataframe()
    row_of = {person: row for row, person in enumerate(cohort.person)}
    rows = pairs["control"].map(row_of).to_numpy()
    weight = 1 / pairs.groupby("treated")["control"].transform("size").to_numpy()
    money, years = (weight @ part[rows, : len(baseline)] for part in (cohort.spending, cohort.insured_years))
    own = cohort.unit == unit
    level = cohort.spending[own, : len(baseline)].sum() / cohort.insured_years[own, : len(baseline)].sum()
    np.testing.assert_allclose(cf.fitted.values[0], level + money / years - money.sum() / years.sum(), rtol=1e-10)


def test_a_season_without_a_match_has_no_fitted_value(panel):
    method = ss.SyntheticControl(intercept=True, season="same-quarter", periods_per_year=4, n_draws=100)
    design = ss.Design(treated=["u000"], baseline=range(2012, 2017), performance=[2017])
    cf = method.fit(panel, design, seed=1)
    assert np.isfinite(cf.fitted.values[0]).tolist() == [False, True, False, False, False]
    assert np.isfinite(cf.solver["rmspe_baseline"]).all()
