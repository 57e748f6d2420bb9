"""Authorities: the formula in plain Python, the variance in docs/method/estimand.md, and simulated truth."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

import ssinfer as ss
from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.benchmarks.administrative.placebo_history import PlaceboHistory
from ssinfer.benchmarks.administrative.reference_group import ReferenceGroups
from ssinfer.benchmarks.problem import Problem
from ssinfer.comparison import SimilarSize
from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError, ParameterError, RefusalError, SsinferError
from ssinfer.panel import Panel

DESIGN = Design(treated=["u000"], baseline=[2014, 2015, 2016], performance=[2017])
EQUAL = (1 / 3, 1 / 3, 1 / 3)


def point(panel, design, weights="equal", covariates=()):
    """The benchmark before any noise (I, P), observed units."""
    problem = Problem.of(panel, design)
    shares = AdministrativeBenchmark(year_weights=weights)._baseline_weights(problem)
    history = PlaceboHistory.of(problem, ReferenceGroups.of(problem), shares, covariates, 0)
    return history.benchmark * problem.factor[np.ix_(problem.treated, problem.performance_columns)]


def plain_benchmark(panel, design, shares, donors, standard=None):
    """B = sum_b w_b y_b R_t / R_b, written out with loops over dictionaries; index = spending / relative case mix."""
    cell = {}
    size = {}
    factor = {}
    for row in panel.to_frame().itertuples():
        cell[row.unit, row.period] = row.spending
        size[row.unit, row.period] = row.insured_years
        factor[row.unit, row.period] = 1.0 if standard is None else getattr(row, standard)
    if standard is not None:
        for period in panel.periods:
            total = sum(size[unit, period] for unit in panel.units)
            mean = sum(size[unit, period] * factor[unit, period] for unit in panel.units) / total
            for unit in panel.units:
                factor[unit, period] /= mean
    y = {key: cell[key] / factor[key] for key in cell}

    def reference(period):
        return sum(size[u, period] * y[u, period] for u in donors) / sum(size[u, period] for u in donors)

    treated = design.treated[0]
    return [
        factor[treated, t]
        * sum(w * y[treated, b] * reference(t) / reference(b) for w, b in zip(shares, design.baseline, strict=True))
        for t in design.performance
    ]


@pytest.fixture(scope="module")
def panel(null_panel):
    expected = 1_000 + 300 * np.random.default_rng(5).random((40, 6))
    return null_panel(40, 6, seed=3, covariates={"expected": expected})


@pytest.mark.parametrize(
    ("weights", "shares"),
    [("equal", EQUAL), ("last", (0, 0, 1)), ((10, 30, 60), (0.1, 0.3, 0.6)), ((0, 2, 2), (0, 0.5, 0.5))],
)
@pytest.mark.parametrize("standard", [None, "expected"])
@pytest.mark.parametrize("named", [None, [f"u{i:03d}" for i in range(20, 35)]])
def test_point_equals_the_plain_computation(panel, weights, shares, standard, named):
    design = DESIGN.replace(standard=standard, donors=named)
    donors = named or [unit for unit in panel.units if unit != "u000"]
    assert point(panel, design, weights)[0] == pytest.approx(
        plain_benchmark(panel, design, shares, donors, standard), rel=1e-12
    )


def test_draws_are_centred_on_the_point(panel):
    cf = AdministrativeBenchmark(n_draws=40_000, chains=2).fit(panel, DESIGN, seed=1)
    draws = cf.pooled()
    assert draws.mean() == pytest.approx(point(panel, DESIGN)[0, 0], abs=4 * draws.std() / np.sqrt(len(draws)))


def test_each_of_three_weights_is_given_to_four_of_twelve_quarters():
    shares = AdministrativeBenchmark(year_weights=(10, 30, 60))._baseline_weights(SimpleNamespace(baseline=range(12)))
    assert shares == pytest.approx([0.025] * 4 + [0.075] * 4 + [0.15] * 4)


def test_variance_of_the_draws_equals_the_formula(null_panel):
    # estimand.md: k^2 / n in all, split between performance 1 / (1 + w'w) and baseline w'w / (1 + w'w); tau^2 once;
    # the reference group's own noise and shock, weighted by insured-years
    panel = null_panel(120, 6, seed=8)
    cf = AdministrativeBenchmark(n_draws=40_000, chains=1).fit(panel, DESIGN, seed=1)
    figures = cf.diagnostics.set_index("check")["figure"]
    k2, tau2 = figures["k"] ** 2, figures["shock_sd"] ** 2
    n = panel.insured_years[:, 0]
    share = n[1:] / n[1:].sum()
    by_hand = k2 / n[0] + tau2 + (share**2 * (k2 / n[1:] + tau2)).sum()
    parts = cf.components.drop(columns=["unit", "period", "total"]).iloc[0]
    assert parts.sum() == pytest.approx(by_hand, rel=1e-9)
    assert parts["performance_noise"] == pytest.approx(0.75 * k2 / n[0])
    assert parts["baseline_noise"] == pytest.approx(0.25 * k2 / n[0])
    # the draws also carry the uncertainty of k and tau, which adds a few per cent of variance
    draws = cf.pooled()
    ratio = (draws / draws.mean()).var() / by_hand
    assert 0.95 < ratio < 1.10


def test_expected_draws_lack_shock_and_performance_noise(panel):
    cf = AdministrativeBenchmark(n_draws=80_000).fit(panel, DESIGN, seed=1)
    parts = cf.components.iloc[0]
    ratio = float(cf.expected.std() / cf.benchmark.mean()) ** 2 / (parts["baseline_noise"] + parts["reference_group"])
    assert ratio == pytest.approx(1, abs=0.25)
    assert float(cf.expected.std()) < float(cf.benchmark.std())


def test_known_variance_enters_as_it_is(null_panel):
    panel = null_panel(120, 6, seed=8, known="variance")
    cf = AdministrativeBenchmark().fit(panel, DESIGN, seed=1)
    relative = panel.sampling_variance[0] / panel.spending[0] ** 2
    parts = cf.components.iloc[0]
    assert cf.diagnostics["figure"].iloc[0] == 1.0
    assert parts["baseline_noise"] == pytest.approx(relative[2:5].sum() / 9)
    # the performance cell is sealed: its relative variance is that of the baseline, adjusted for size
    assert parts["performance_noise"] == pytest.approx(relative[2:5].mean(), rel=1e-9)


def test_known_cv_gives_the_variance_of_the_means(null_panel):
    panel = null_panel(120, 6, seed=8, known="cv")
    parts = AdministrativeBenchmark().fit(panel, DESIGN, seed=1).components.iloc[0]
    n = panel.insured_years[0, 0]
    assert parts["performance_noise"] == pytest.approx(2.5**2 / n)
    assert parts["baseline_noise"] == pytest.approx(2.5**2 / n / 3)


def test_without_insured_years_all_error_is_shock(null_panel):
    panel = null_panel(60, 6, seed=8, known="none")
    cf = AdministrativeBenchmark(n_draws=40_000).fit(panel, DESIGN, seed=1)
    parts = cf.components.iloc[0]
    assert parts["performance_noise"] == parts["baseline_noise"] == 0
    assert parts["group_shock"] > 0
    assert cf.benchmark.values.std() / cf.level == pytest.approx(np.sqrt(parts["total"]), rel=0.1)


@pytest.mark.parametrize("known", [None, "variance"])
def test_k_and_shock_are_recovered_on_average(null_panel, known):
    # truth: k^2 = cv^2 (1 + w'w), tau^2 = shock^2 (1 + w'w) for shocks independent over years; 20 panels of 120 units
    k, tau = 2.5 * np.sqrt(4 / 3), 0.012 * np.sqrt(4 / 3)
    rows = []
    for seed in range(20):
        panel = null_panel(120, 6, seed=seed, known=known)
        rows.append(
            AdministrativeBenchmark(n_draws=2, chains=1).fit(panel, DESIGN, seed=1).diagnostics["figure"].to_numpy()[:2]
        )
    mean, error = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / np.sqrt(len(rows))
    if known is None:
        assert abs(mean[0] - k) < 4 * error[0]
    # maximum likelihood of an SD is a little low in small samples: 4 standard errors and 3 per cent
    assert abs(mean[1] - tau) < 4 * error[1] + 0.03 * tau


def test_persistence_of_shocks_is_estimated(null_panel):
    design = Design(treated=["u000"], baseline=[2015], performance=[2016, 2017, 2018, 2019])
    estimated = {}
    for persistence in (0.0, 0.95):
        panel = null_panel(200, 8, seed=4, persistence=persistence, shock=0.03, insured=(5e4, 5e5))
        cf = AdministrativeBenchmark(n_draws=20_000).fit(panel, design, seed=1)
        estimated[persistence] = cf.diagnostics.set_index("check")["figure"]["persistence"]
        errors = cf.benchmark.values.reshape(-1, 4)
        joint = np.corrcoef(errors.T)
        assert joint[0, 1] > joint[0, 3] - 0.05  # adjacent years correlate at least as much as distant years
    assert estimated[0.0] == 0.0
    assert estimated[0.95] >= 0.8


def test_own_baseline_noise_is_shared_by_the_performance_periods(null_panel):
    # sampling noise alone: corr of two periods' errors is w'w / (1 + w'w) = 1/4 with three equal baseline years
    panel = null_panel(150, 6, seed=2, shock=0.0, insured=(2_000, 4_000))
    design = Design(treated=["u000"], baseline=[2013, 2014, 2015], performance=[2016, 2017])
    cf = AdministrativeBenchmark(n_draws=80_000).fit(panel, design, seed=1)
    assert np.corrcoef(cf.benchmark.values.reshape(-1, 2).T)[0, 1] == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("change", [7.46, 1 / 7.46])
@pytest.mark.parametrize("known", [None, "cv", "variance", "none"])
def test_currency_does_not_matter(null_panel, known, change):
    panel = null_panel(40, 6, seed=3, known=known)
    other = dataclasses.replace(
        panel,
        spending=panel.spending * change,
        sampling_variance=None if panel.sampling_variance is None else panel.sampling_variance * change**2,
    )
    plain, changed = (AdministrativeBenchmark(n_draws=200).fit(data, DESIGN, seed=1) for data in (panel, other))
    np.testing.assert_allclose(changed.benchmark.values, change * plain.benchmark.values, rtol=1e-6)


@pytest.mark.parametrize("known", [None, "cv", "variance", "none"])
@pytest.mark.parametrize("value", [1.0, 1e6, np.nan])
def test_the_treated_units_performance_spending_changes_no_draw(null_panel, known, value):
    panel = null_panel(40, 6, seed=3, known=known)
    spending = panel.spending.copy()
    spending[0, 5] = value
    plain, tampered = (
        AdministrativeBenchmark(n_draws=200).fit(data, DESIGN, seed=1)
        for data in (panel, dataclasses.replace(panel, spending=spending))
    )
    np.testing.assert_array_equal(plain.benchmark.values, tampered.benchmark.values)
    np.testing.assert_array_equal(plain.expected.values, tampered.expected.values)
    if np.isnan(value):
        with pytest.raises(DataError, match="add the spending to measure savings"):
            tampered.savings()
    else:
        assert tampered.savings().measured.item() == pytest.approx(tampered.level - value)


def test_several_treated_are_jointly_drawn_and_never_each_others_donors(null_panel):
    panel = null_panel(30, 6, seed=3)
    design = DESIGN.replace(treated=["u000", "u001"])
    cf = AdministrativeBenchmark(n_draws=8000).fit(panel, design, seed=1)
    donors = [unit for unit in panel.units if unit not in {"u000", "u001"}]
    assert list(cf.weights.columns) == donors
    for row, unit in enumerate(("u000", "u001")):
        by_hand = plain_benchmark(panel, design.replace(treated=[unit]), EQUAL, donors)
        assert point(panel, design)[row] == pytest.approx(by_hand)
    spending = panel.spending.copy()
    spending[1, 5] *= 3  # the other treated unit's sealed cell
    again = AdministrativeBenchmark(n_draws=8000).fit(dataclasses.replace(panel, spending=spending), design, seed=1)
    np.testing.assert_array_equal(cf.benchmark.values, again.benchmark.values)


def test_covariates_change_growth_as_weighted_least_squares_says(null_panel):
    rng = np.random.default_rng(2)
    ses = rng.normal(size=(60, 1)) * np.ones((60, 6))
    base = null_panel(60, 6, seed=6)
    spending = base.spending * np.where(np.array(base.periods) == 2017, 1 + 0.05 * ses, 1.0)
    panel = dataclasses.replace(base, spending=spending, covariates={"ses": ses})
    # independent: relative errors of the donors' plain benchmarks on the covariate, weighted by insured-years
    donors = list(panel.units[1:])
    plain = np.array(
        [
            plain_benchmark(panel, DESIGN.replace(treated=[unit]), EQUAL, [donor for donor in donors if donor != unit])[
                0
            ]
            for unit in panel.units
        ]
    )
    weight = panel.insured_years[1:, 5]
    z = (ses[:, 0] - ses[:, 0].mean()) / ses[:, 0].std()
    centred = z - np.average(z[1:], weights=weight)
    error = spending[1:, 5] / plain[1:] - 1
    gamma = (weight * centred[1:] * error).sum() / (weight * centred[1:] ** 2).sum()
    assert gamma / ses[:, 0].std() == pytest.approx(0.05, abs=0.02)
    assert point(panel, DESIGN, covariates=["ses"])[0, 0] == pytest.approx(
        plain[0] * (1 + gamma * centred[0]), rel=1e-9
    )


@pytest.mark.parametrize(
    ("values", "cure"),
    [(np.nan, "Complete it"), (None, "no covariate 'ses'")],
)
def test_covariates_that_are_absent(null_panel, values, cure):
    covariates = {} if values is None else {"ses": np.full((40, 6), values)}
    with pytest.raises(DataError, match=cure):
        AdministrativeBenchmark(covariates=["ses"]).fit(null_panel(40, 6, covariates=covariates), DESIGN, seed=1)


def test_collinear_covariates(null_panel):
    z = np.random.default_rng(0).normal(size=(40, 1)) * np.ones((40, 6))
    panel = null_panel(40, 6, covariates={"one": z, "two": 2 * z})
    with pytest.raises(DataError, match="Drop one"):
        AdministrativeBenchmark(covariates=["one", "two"]).fit(panel, DESIGN, seed=1)


def assert_same(first, second):
    assert type(first) is type(second)
    if isinstance(first, SsinferError):
        assert str(first) == str(second)
    else:
        np.testing.assert_array_equal(first.benchmark.values, second.benchmark.values)
        np.testing.assert_array_equal(first.spending.values, second.spending.values)


def test_fit_many_equals_fit_whatever_else_is_in_the_list(null_panel):
    panel = null_panel(40, 8, seed=3)
    spending = panel.spending.copy()
    spending[4, 5] = np.nan  # sealed where u004 is treated, incomplete where it is a donor
    panel = dataclasses.replace(panel, spending=spending)
    drop = DESIGN.replace(incomplete="drop")
    designs = [
        drop.replace(treated=["u004"]),
        drop,
        drop.replace(treated=["u007"], under_contract=["u001", "u002"]),
        drop.replace(treated=["u007"]),
        drop.replace(treated=["u008"], donors=SimilarSize(ratio=8.0)),
        drop.replace(treated=["u008"], performance=[2017, 2018]),
        drop.replace(treated=["nobody"]),
        drop.replace(treated=["u009"], masked=[2015]),
        DESIGN.replace(treated=["u010"]),
    ]
    method = AdministrativeBenchmark(n_draws=80)
    together = method.fit_many(panel, designs, seeds=range(len(designs)))
    for seed, design in enumerate(designs):
        try:
            alone = method.fit(panel, design, seed=seed)
        except SsinferError as error:
            alone = error
        assert_same(together[seed], alone)
    assert sum(isinstance(outcome, Counterfactual) for outcome in together) == 7


def test_a_unit_that_enters_late_is_a_donor_but_not_in_earlier_windows(null_panel):
    full = null_panel(40, 6, seed=3)
    spending, sizes = full.spending.copy(), full.insured_years.copy()
    spending[9, :2], sizes[9, :2] = np.nan, np.nan
    panel = dataclasses.replace(full, spending=spending, insured_years=sizes)
    cf = AdministrativeBenchmark(n_draws=800).fit(panel, DESIGN, seed=1)
    donors = [unit for unit in panel.units if unit != "u000"]
    assert point(panel, DESIGN)[0] == pytest.approx(plain_benchmark(panel, DESIGN, EQUAL, donors))
    # earlier windows equal those of a panel without the unit
    problem, other = (Problem.of(data, DESIGN) for data in (panel, full.select([u for u in full.units if u != "u009"])))
    shares = np.array(EQUAL)
    late = PlaceboHistory.of(problem, ReferenceGroups.of(problem), shares, (), None)
    absent = PlaceboHistory.of(other, ReferenceGroups.of(other), shares, (), None)
    keep = np.arange(39) != 8  # the pool is every unit but u000
    np.testing.assert_allclose(late.squares[0][keep, 1:], absent.squares[0][:, 1:], rtol=1e-9)
    assert np.isnan(late.squares[0][8, 1:]).all()
    full_k = AdministrativeBenchmark(n_draws=800).fit(full, DESIGN, seed=1).diagnostics["figure"].iloc[0]
    assert cf.diagnostics["figure"].iloc[0] == pytest.approx(full_k, rel=0.1)


def test_the_seed_determines_the_draws(panel):
    first, second, other = (AdministrativeBenchmark(n_draws=80).fit(panel, DESIGN, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.benchmark.values, second.benchmark.values)
    assert not np.array_equal(first.benchmark.values, other.benchmark.values)


def test_scikit_learn_clones_and_sets_parameters():
    method = AdministrativeBenchmark(year_weights=(10, 30, 60), history=2)
    assert clone(method).get_params() == method.get_params()
    assert clone(method).set_params(history=None).history is None


@pytest.mark.parametrize(
    ("parameters", "error", "cure"),
    [
        ({"year_weights": "first"}, ParameterError, "Give 'equal', 'last', 'correlation', or"),
        ({"year_weights": (0, 0, 0)}, ParameterError, "a positive sum"),
        ({"year_weights": (1, -1, 2)}, ParameterError, "non-negative"),
        ({"year_weights": (1, 1)}, DesignError, "2 numbers, but the design has 3 baseline periods"),
        ({"year_weights": (1,)}, DesignError, "1 numbers, but the design has 3 baseline periods"),
        ({"n_draws": 1, "chains": 1}, ParameterError, "from 2"),
        ({"history": -1}, ParameterError, "None or a whole number of at least 0"),
    ],
)
def test_impossible_parameters(panel, parameters, error, cure):
    """Fault R32: one weight for three baseline years was taken, as if they were equal."""
    with pytest.raises(error, match=cure):
        AdministrativeBenchmark(**parameters).fit(panel, DESIGN, seed=1)


def test_too_few_units_to_learn_the_error_from(null_panel):
    with pytest.raises(RefusalError, match="Add units to the panel or widen the comparison group"):
        AdministrativeBenchmark().fit(null_panel(10, 6), DESIGN, seed=1)


class Trios:
    """Each unit is compared with three others of its own region of four."""

    def admits(self, panel, treated, columns):
        del columns
        region = np.arange(len(panel.units)) // 4
        return np.isin(region, region[panel.rows(treated)])

    def __repr__(self):
        return "Trios()"


def test_a_small_reference_groups_error_enters_once():
    # pure shocks of SD 2%, independent over years: with w = 1/3 a unit's contrast has SD 0.02 sqrt(4/3), and
    # a benchmark trended by three units of the same size sqrt(4/3) times that
    shock, total = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        spending = 2_000 * (1 + 0.02 * rng.standard_normal((200, 4)))
        panel = Panel(tuple(f"u{i:03d}" for i in range(200)), (2014, 2015, 2016, 2017), spending)
        design = Design(treated=["u000"], baseline=[2014, 2015, 2016], performance=[2017], donors=Trios())
        cf = AdministrativeBenchmark(n_draws=1000, chains=1).fit(panel, design, seed=seed)
        shock.append(cf.diagnostics.set_index("check").loc["shock_sd", "figure"])
        total.append(cf.null_error().std() / cf.level)
    # neighbours share placebo errors: the standard error of a mean of 10 is about 0.0004
    assert np.mean(shock) == pytest.approx(0.02 * np.sqrt(4 / 3), abs=0.0012)
    assert np.mean(total) == pytest.approx(0.02 * 4 / 3, abs=0.0015)


def test_the_reference_groups_shock_is_shared_by_the_performance_periods():
    # without sampling noise `expected` contains the reference group's shock only. Its baseline of three years is the
    # same for every performance year, so even independent years correlate by (1/3) / (4/3)
    spending = 2_000 * (1 + 0.02 * np.random.default_rng(1).standard_normal((200, 6)))
    panel = Panel(tuple(f"u{i:03d}" for i in range(200)), tuple(range(2014, 2020)), spending)
    design = Design(["u000"], range(2014, 2017), range(2017, 2020), donors=Trios())
    cf = AdministrativeBenchmark(n_draws=8000, chains=2).fit(panel, design, seed=1)
    draws = cf.expected.values.reshape(-1, 3)
    assert np.corrcoef(draws.T)[np.triu_indices(3, 1)].mean() == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize("rule", [None, ss.comparison.SimilarSize(ratio=3.0)])
def test_sums_over_reference_groups_equal_those_written_out(null_panel, rule):
    """Fault R40: groups are sums over members. Units x units arrays took 71 s and 3.4 GB for 10,000 units."""
    panel = null_panel(40, 6, seed=3)
    problem = Problem.of(panel, DESIGN.replace(donors=rule, under_contract=["u007"]))
    values = np.random.default_rng(1).uniform(1.0, 2.0, (40, 2))
    sums = ReferenceGroups.of(problem).without(problem.treated).sums(values)
    for row, unit in enumerate(panel.units):
        admitted = np.ones(40, dtype=bool) if rule is None else rule.admits(panel, [unit], problem.baseline).copy()
        admitted[[0, 7, row]] = False  # the treated unit, a unit under contract, and the unit itself
        assert sums[row] == pytest.approx(values[admitted].sum(axis=0))
