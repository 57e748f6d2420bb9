"""RiskAdjustedBenchmark: protocol, traps of a model on persons, and each mistake. Authority: refits and arithmetic."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

import ssinfer as ss
from ssinfer.benchmarks.risk_adjusted import RiskAdjustedBenchmark, method, window
from ssinfer.benchmarks.risk_adjusted.blocks import blocks_of
from ssinfer.benchmarks.risk_adjusted.fit import Fit
from ssinfer.benchmarks.risk_adjusted.kernels.ridge import resampled_errors
from ssinfer.benchmarks.risk_adjusted.predictions import folds_of
from ssinfer.benchmarks.risk_adjusted.summary import components, diagnostics
from ssinfer.benchmarks.risk_adjusted.window import Window, history_cap
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.person_features import person_features
from ssinfer.design import Design
from ssinfer.errors import (
    CohortError,
    DataError,
    DesignError,
    NotSupportedError,
    PanelError,
    ParameterError,
    RefusalError,
)
from ssinfer.simulation import simulate_cohort

QUARTERS = tuple(f"{year}Q{quarter}" for year in range(2017, 2021) for quarter in range(1, 5))
DESIGN = Design(["gp 01"], baseline=QUARTERS[:12], performance=QUARTERS[12:])
METHOD = RiskAdjustedBenchmark(n_draws=200)


def quarterly(n_practices=26, size=40, regions=4, seed=0):
    """Persons with a lasting frailty and lognormal spending per quarter, in practices of several regions."""
    rng = np.random.default_rng(seed)
    practice = np.repeat(np.arange(n_practices), size)
    n = len(practice)
    mean = 600 * rng.gamma(2.0, 0.5, (n, 1)) * (1 + 0.01 * np.arange(16))
    money = mean * np.exp(rng.normal(-0.5, 1.0, (n, 16))) * (rng.random((n, 16)) < 0.7)
    unit = np.array([f"gp {number:02d}" for number in range(n_practices)], dtype=object)[practice]
    region = np.array([f"region {number % regions}" for number in range(n_practices)], dtype=object)[practice]
    covariates = {"age": rng.integers(0, 99, n), "sex": np.where(rng.random(n) < 0.5, "V", "M")}
    return Cohort(np.arange(n), unit, QUARTERS, money, np.full((n, 16), 0.25), region, covariates)


@pytest.fixture(scope="module")
def cohort():
    return quarterly()


@pytest.fixture(scope="module")
def plain(cohort):
    return METHOD.fit(cohort, DESIGN, seed=1)


@pytest.fixture(scope="module")
def yearly():
    return simulate_cohort(30, persons=(40, 60), seed=3)


YEARLY = Design(["practice 01"], baseline=[2015, 2016, 2017], performance=[2018])


class Given:
    """A regressor without scikit-learn: `answer` of the features, whatever it was trained on."""

    def __init__(self, answer):
        self.answer = answer

    def fit(self, x, y, sample_weight):
        assert len(x) == len(y) == len(sample_weight)
        return self

    def predict(self, x):
        return self.answer(x)


def status(cf, check):
    return cf.diagnostics.set_index("check").loc[check, "status"]


def changed(cohort, rows, columns, factor):
    spending = cohort.spending.copy()
    spending[np.ix_(rows, columns)] *= factor
    return replace(cohort, spending=spending)


def of(cohort, unit="gp 01"):
    return np.flatnonzero(cohort.unit == unit)


def test_draws_are_joint_over_quarters_and_components_are_their_variance(plain):
    assert plain.benchmark.shape == (1, 200, 1, 4)
    draws = plain.benchmark.values[0, :, 0]
    assert plain.components["total"].to_numpy() == pytest.approx(draws.var(axis=0) / draws.mean(axis=0) ** 2, rel=0.25)
    assert plain.pooled().std() > draws.std(axis=0).mean() / 2, "the effect is common to the quarters"
    assert {"R2 outside", "level response", "placebo SD", "level slope"} <= set(plain.diagnostics["check"])
    assert plain.expected.values.std() < plain.benchmark.values.std()


def test_several_designs_in_one_call_are_those_of_single_fits(cohort, plain):
    designs = [DESIGN, DESIGN.replace(treated=["gp 02"]), DESIGN.replace(treated=["no such unit"])]
    first, second, refused = METHOD.fit_many(cohort, designs, [1, 1, 1])
    np.testing.assert_array_equal(first.benchmark, plain.benchmark)
    np.testing.assert_array_equal(first.confidence, plain.confidence)
    np.testing.assert_array_equal(second.benchmark, METHOD.fit(cohort, designs[1], seed=1).benchmark)
    assert isinstance(refused, ss.errors.SsinferError)


def test_the_cluster_bootstrap_is_that_of_models_fitted_to_resampled_practices():
    """Authority: 600 refits from the normal equations. 5 SEs of an SD, of which kurtosis doubles the variance."""
    cohort, penalty, n = quarterly(), 200.0, 600
    problem = METHOD.prepare(cohort, DESIGN)
    window = Window.of(cohort, blocks_of(problem, "test"), None, penalty)
    fit = Fit(problem, window, penalty, 0.1, 0.02, 0.95)
    features = person_features(cohort, QUARTERS[12]).to_numpy(float)
    x = np.column_stack([np.ones(len(features)), (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)])
    unit, region, (own,) = cohort.unit_rows(), cohort.unit_regions(), problem.treated
    training = [g for g in fit.donors if region[g] != region[own]]
    parts = {
        g: (0.25 * x[unit == g].T @ x[unit == g], x[unit == g].T @ cohort.spending[unit == g, 12:]) for g in training
    }
    target = x[unit == own].mean(axis=0)
    ridge = penalty * np.diag(np.arange(x.shape[1]) > 0)
    rng, refits = np.random.default_rng(0), []
    for _ in range(n):
        drawn = [g for g in rng.choice(fit.donors, len(fit.donors)) if g in parts]
        gram, cross = (sum(parts[g][k] for g in drawn) for k in (0, 1))
        refits.append(target @ np.linalg.solve(gram + ridge, cross))
    draws = resampled_errors(fit.donor_influence, n, rng)
    ratio = draws.std(axis=0) / (np.std(refits, axis=0) * np.sqrt(len(fit.donors) / (len(fit.donors) - 1)))
    np.testing.assert_allclose(ratio, 1, atol=5 * np.sqrt(2 * 2 / (2 * n)))


def test_confidence_is_a_sampling_distribution_about_the_benchmark_and_can_be_left_out(cohort, plain):
    """Authority: with little learned from the prior, both SDs are those of the same errors; 400 draws for each."""
    assert plain.confidence.shape == plain.benchmark.shape
    assert plain.pooled("confidence").std() == pytest.approx(plain.pooled().std(), rel=0.25)
    assert abs(plain.pooled("confidence").mean() - plain.pooled().mean()) < plain.pooled().std() / 4
    assert ss.confidence_threshold(plain, level=0.8, side="one-sided").rate > 0
    without = replace(METHOD, confidence=None)
    assert not without.offered.confidence
    cf = without.fit(cohort, DESIGN, seed=1)
    np.testing.assert_array_equal(cf.benchmark, plain.benchmark)
    with pytest.raises(NotSupportedError, match="no sampling distribution"):
        ss.confidence_threshold(cf, level=0.8)


def test_fewer_than_40_practices_are_warned(plain):
    """Authority: coverage of intervals clustered by practice; fewer than 20 are refused, with the other mistakes."""
    assert status(plain, "practices") == "WARN"
    assert status(METHOD.fit(quarterly(41, 5), DESIGN, seed=1), "practices") == "PASS"


def hand_made():
    """Persons with at most 200 a quarter; in 2020 the first of gp 01 has 100, 300, 0 and 1,600, half insured."""
    cohort = quarterly()
    money, years = np.minimum(cohort.spending, 150.0), cohort.insured_years.copy()
    money[::5, :12] = 200.0  # a fifth has 800 a year: the 0.95 quantile, and the cap per insured-year
    first = of(cohort)[0]
    money[first, 12:], years[first, 12:] = [100.0, 300.0, 0.0, 1600.0], 0.125
    money[of(cohort, "gp 05"), 12:] = 1000.0
    return replace(cohort, spending=money, insured_years=years)


def test_truncated_spending_is_what_the_cap_leaves_of_a_year_in_proportion_and_the_excess_is_added_to_both():
    """Authority: arithmetic. 2,000 of the first person are capped at 800 x 0.5, a fifth: 20, 60, 0 and 320."""
    cohort = hand_made()
    others = cohort.spending[of(cohort)[1:], 12:].sum(axis=0)
    years = cohort.insured_years[of(cohort), 12:].sum(axis=0)
    truncated, plus = (
        replace(METHOD, estimand=name, truncation=0.95).fit(cohort, DESIGN, seed=1)
        for name in ("truncated", "truncated_plus_excess")
    )
    assert truncated.spending.values[0] == pytest.approx((others + np.array([20, 60, 0, 320])) / years, rel=1e-9)
    group = plus.inference["estimand"]
    assert (group["estimand"].item(), group["cap"].item()) == ("truncated_plus_excess", pytest.approx(800.0))
    excess = group["excess"].values
    # a person of gp 05 keeps 200 of 1,000 a quarter, and gp 05 is one of the 23 practices that train
    assert excess == pytest.approx(3200.0 / 23, rel=0.02)
    assert plus.spending.values == pytest.approx(truncated.spending.values + excess)
    for name in ("benchmark", "expected", "confidence"):
        np.testing.assert_allclose(getattr(plus, name), getattr(truncated, name) + excess)
    assert truncated.inference["estimand"]["elasticity"].item() == 1.0
    shares = [
        cf.components["total"].to_numpy() * cf.benchmark.values.mean(axis=(0, 1))[0] ** 2 for cf in (truncated, plus)
    ]
    np.testing.assert_allclose(*shares, rtol=0.1)
    saved = [cf.pooled().mean() - cf.pooled_spending for cf in (truncated, plus)]
    assert saved[0] == pytest.approx(saved[1])


def test_truncated_draws_do_not_see_the_units_performance_and_have_less_noise(cohort, plain):
    method = replace(METHOD, estimand="truncated", truncation=0.9)
    first = method.fit(cohort, DESIGN, seed=1)
    second = method.fit(changed(cohort, of(cohort), range(12, 16), 7.0), DESIGN, seed=1)
    np.testing.assert_array_equal(first.benchmark, second.benchmark)
    assert first.pooled().std() / first.level < 0.8 * plain.pooled().std() / plain.level
    assert float(first.spending.mean()) < float(second.spending.mean())
    assert np.isnan(first.observed_baseline).all()
    assert plain.inference["estimand"]["estimand"].item() == "all"


@pytest.mark.parametrize("with_claims", [3, 10])
def test_truncation_that_leaves_nothing_is_refused(cohort, with_claims):
    """With claims of 3 in 10 persons the median is zero; with those of all, everybody is above it in the period."""
    money = np.where(np.arange(len(cohort.person))[:, None] % 10 < with_claims, cohort.spending, 0.0)
    money[:, 12:] = 10_000.0
    with pytest.raises(RefusalError, match="Give a higher quantile, or estimand='all'"):
        replace(METHOD, estimand="truncated", truncation=0.5).fit(replace(cohort, spending=money), DESIGN, seed=1)


def test_insured_time_of_the_performance_period_is_a_weight_and_no_feature(cohort, plain):
    """Trap 1."""
    years = cohort.insured_years.copy()
    years[np.ix_(of(cohort), range(12, 16))] /= 2
    halved = METHOD.fit(replace(cohort, insured_years=years), DESIGN, seed=1)
    assert float(halved.expected.mean()) == pytest.approx(float(plain.expected.mean()), rel=1e-5)


def test_persons_who_were_with_the_unit_train_no_model(cohort):
    """Trap 2: a person of the unit in 2020Q1, who then moved to a practice of another region."""
    mover = of(cohort)[0]
    row = cohort.take(np.array([mover]))
    years, money = cohort.insured_years.copy(), cohort.spending.copy()
    years[mover, 13:], money[mover, 13:] = 0.0, 0.0
    moved_years = np.zeros((1, 16))
    moved_years[0, 13:] = 0.25

    def with_row(factor):
        return Cohort(
            np.append(cohort.person, row.person),
            np.append(cohort.unit, "gp 02"),
            QUARTERS,
            np.concatenate([money, factor * row.spending * (moved_years > 0) + 50.0 * (moved_years > 0)]),
            np.concatenate([years, moved_years]),
            np.append(cohort.region, "region 2"),
            {name: np.append(values, row.covariates[name]) for name, values in cohort.covariates.items()},
        )

    fits = [METHOD.fit(with_row(factor), DESIGN, seed=1) for factor in (1.0, 1000.0)]
    assert float(fits[0].expected.mean()) == pytest.approx(float(fits[1].expected.mean()), rel=0.02)


def test_persons_outside_are_judged_by_a_model_that_did_not_see_them(cohort, monkeypatch):
    """Of treated units in several folds the first one: here the tenth fold, and the other in the first."""
    seen = []
    monkeypatch.setattr(method, "diagnostics", lambda fit, *rest: seen.append(fit) or diagnostics(fit, *rest))
    assert len(METHOD.fit(cohort, replace(DESIGN, treated=("gp 09", "gp 10")), seed=1).diagnostics)
    (fit,) = seen
    fold = int(fit.folds[0][fit.problem.treated[0]])
    assert fold > fit.folds[0][fit.problem.treated].min()
    np.testing.assert_array_equal(fit.persons.coefficients, fit.models[-1].coefficients(0, fold))
    gram, cross = fit.models[-1].training(0, fold)  # trap 3: calibrated on the persons of its own training
    assert gram[0] @ fit.models[-1].coefficients(0, fold) == pytest.approx(cross[0], rel=1e-6)


def test_caps_come_from_earlier_years(cohort):
    """Trap 4."""
    problem = METHOD.prepare(cohort, DESIGN)
    blocks = blocks_of(problem, "test")
    assert [block.columns for block in blocks.earlier] == [(4, 5, 6, 7), (8, 9, 10, 11)]
    other = changed(cohort, np.arange(len(cohort.person)), range(12, 16), 7.0)
    assert history_cap(cohort, blocks.performance, blocks, 0.9) == history_cap(other, blocks.performance, blocks, 0.9)
    assert Window.of(cohort, blocks, None, 2000.0).elasticity == Window.of(other, blocks, None, 2000.0).elasticity < 1


@pytest.mark.parametrize(("response", "least", "most"), [(1, 0.93, 1.07), (0.95, 0.88, 1.07), (None, 0.0, 0.9)])
def test_a_lasting_level_is_followed_as_far_as_promised(cohort, response, least, most):
    """Traps 7 and 10: all prices of the unit 15% higher in every period. Authority: the bound of the prior.

    The elasticity is that of all persons; a unit of 40 persons has its own, so that 7 points are allowed.
    """
    method = RiskAdjustedBenchmark(level_response=response, n_draws=400)
    raised = changed(cohort, of(cohort), range(16), 1.15)
    first, second = (method.fit(data, DESIGN, seed=1) for data in (cohort, raised))
    ratio = np.log(second.pooled().mean() / first.pooled().mean()) / np.log(1.15)
    assert least <= ratio <= most
    assert status(second, "level response") == "PASS"


def test_an_effect_that_is_not_shrunk_has_the_larger_error(yearly):
    """Trap 9."""
    cut = yearly.select(periods=[2016, 2017, 2018])
    design = YEARLY.replace(baseline=[2016, 2017])
    spread = {}
    for response in (1, None):
        cf = RiskAdjustedBenchmark(level_response=response, n_draws=1000).fit(cut, design, seed=1)
        spread[response] = cf.pooled().std()
    assert spread[1] > 1.1 * spread[None]


def test_one_extreme_history_does_not_carry_the_prediction(cohort, plain):
    """Trap 8: bounded features, so a history a thousand times as high is no prediction a thousand times as high."""
    extreme = changed(cohort, of(cohort)[:1], range(8, 12), 1000.0)
    cf = METHOD.fit(extreme, DESIGN, seed=1)
    assert float(cf.expected.mean()) < 1.6 * float(plain.expected.mean())


def test_folds_are_regions_if_enough_practices_are_left_and_groups_by_size_otherwise():
    region, sizes = np.arange(30) % 3, np.arange(30.0)
    fold, regions = folds_of(region, sizes, np.ones(30, bool))
    assert regions
    np.testing.assert_array_equal(fold, region)
    for no_use in (None, np.zeros(30, int), np.arange(30) // 15):
        fold, regions = folds_of(no_use, sizes, np.ones(30, bool))
        assert not regions
        np.testing.assert_array_equal(np.bincount(fold), 3)


@pytest.mark.parametrize("regions", [1, 25, 26])
def test_one_region_a_contract_that_is_a_region_and_one_practice_per_region(regions):
    cf = METHOD.fit(quarterly(26, 12, regions=regions), DESIGN, seed=1)
    assert np.isfinite(cf.benchmark.values).all()
    assert np.isfinite(cf.diagnostics.set_index("check").loc["placebo SD", "figure"])


def test_only_persons_without_history_are_told(cohort):
    years, money = cohort.insured_years.copy(), cohort.spending.copy()
    years[np.ix_(of(cohort), range(12))] = money[np.ix_(of(cohort), range(12))] = 0.0
    years[of(cohort)[0], 0:12] = 0.25  # a baseline needs somebody
    money[of(cohort)[0], 0:12] = 100.0
    cf = METHOD.fit(replace(cohort, insured_years=years, spending=money), DESIGN, seed=1)
    assert status(cf, "without history") == "WARN"


def test_without_an_earlier_block_there_is_no_effect_and_a_warning(yearly):
    cut = yearly.select(periods=[2017, 2018])
    cf = METHOD.fit(cut, YEARLY.replace(baseline=[2017]), seed=1)
    assert status(cf, "level response") == "WARN"
    assert "no earlier block" in cf.diagnostics.set_index("check").loc["level response", "message"]


def test_masked_quarters_are_history_only_if_asked_and_then_give_an_earlier_block(cohort):
    """Authority: a fault in masked quarters of all persons, which the default cannot see."""
    design = DESIGN.replace(baseline=QUARTERS[:4], masked=QUARTERS[4:12])
    spoiled = changed(cohort, np.arange(len(cohort.person)), range(9, 12), 3.0)
    for history, same, told in (("baseline", True, "WARN"), ("all", False, "PASS")):
        method = replace(METHOD, history=history)
        fits = [method.fit(data, design, seed=1) for data in (cohort, spoiled)]
        assert status(fits[0], "level response") == told
        assert (fits[0].benchmark == fits[1].benchmark).all() == same


def test_spending_of_zero_in_a_block_and_a_cap_of_zero_are_no_residual(yearly):
    for keep in (np.arange(len(yearly.person)) < 0, np.arange(len(yearly.person)) % 200 == 0):
        spending = yearly.spending.copy()
        spending[np.ix_(~keep, [1])] = 0.0
        cf = METHOD.fit(replace(yearly, spending=spending), YEARLY, seed=1)
        assert np.isfinite(cf.benchmark.values).all()


def test_mistakes_are_refused_with_the_next_step(yearly):
    for data, design, error, message in (
        (yearly.to_panel(), YEARLY, NotSupportedError, "Give the Cohort"),
        (np.ones(3), YEARLY, DataError, "a Cohort is needed"),
        (yearly, YEARLY.replace(standard="ses"), NotSupportedError, "Name it among covariates"),
        (simulate_cohort(15, persons=(20, 30), seed=1), YEARLY, RefusalError, "at least 20 are needed"),
        (
            quarterly(22, 5),
            DESIGN.replace(baseline=QUARTERS[9:12], masked=QUARTERS[:9]),
            RefusalError,
            "Extract earlier",
        ),
    ):
        with pytest.raises(error, match=message):
            METHOD.fit(data, design, seed=1)
    for name, value in {
        "history": "masked",
        "confidence": "bootstrap-t",
        "estimand": "capped",
        "truncation": 1.0,
        "level_response": 1.5,
        "penalty": 0,
        "effect_prior": 1,
        "shock_prior": 0,
        "n_draws": 1,
    }.items():
        with pytest.raises(ParameterError, match=name):
            RiskAdjustedBenchmark(**{name: value}).fit(yearly, YEARLY)


def fits_of(monkeypatch):
    seen = []
    monkeypatch.setattr(method, "components", lambda fit, *rest: seen.append(fit) or components(fit, *rest))
    return seen


def test_the_ridge_of_scikit_learn_in_place_of_the_own_one(yearly, monkeypatch):
    """Authority: the same regression twice; the errors of the coefficients by a jackknife and by a sandwich."""
    seen = fits_of(monkeypatch)
    for regressor in (None, Ridge(2000.0)):
        cf = RiskAdjustedBenchmark(regressor=regressor, n_draws=200).fit(yearly, YEARLY, seed=1)
        assert len(cf.components)
        assert np.isfinite(cf.diagnostics.set_index("check").loc["R2 outside", "figure"])
    own, other = seen
    np.testing.assert_allclose(other.predicted, own.predicted, rtol=1e-5)
    np.testing.assert_allclose(other.response, own.response, rtol=1e-3)
    ratio = np.sqrt(other.model_error[0, 0] / own.model_error[0, 0])
    assert 0.5 < ratio < 2  # ten groups: a standard error of the ratio of 0.24
    fold, group = other.models[-1].fold, other.models[-1].group
    for outcome, left, also, *_ in (key[1:] for key in other.window.regressions):
        assert outcome in (0, 1)
        assert left == fold[other.problem.treated[0]]
        assert also == -1 or also in group


def test_no_person_is_predicted_by_a_regressor_that_saw_the_unit(yearly):
    """Authority: spending of the unit and of its fold in the performance year changes no prediction of it."""
    method = RiskAdjustedBenchmark(regressor=Ridge(2000.0), n_draws=50)
    plain = method.fit(yearly, YEARLY, seed=1)
    other = method.fit(changed(yearly, of(yearly, "practice 01"), [3], 5.0), YEARLY, seed=1)
    np.testing.assert_array_equal(plain.benchmark, other.benchmark)


def test_trees_with_a_drawn_random_state_are_reproducible_and_one_call_is_many(yearly):
    for state in (None, 0):  # None: drawn from the seed, so that no design shares regressions
        tree = DecisionTreeRegressor(min_samples_leaf=50, max_features=0.3, random_state=state)
        method = RiskAdjustedBenchmark(regressor=tree, n_draws=50)
        designs = [YEARLY, YEARLY.replace(treated=["practice 02"])]
        many = method.fit_many(yearly, designs, [1, 2])
        for cf, design, seed in zip(many, designs, (1, 2), strict=True):
            np.testing.assert_array_equal(cf.benchmark, method.fit(yearly, design, seed=seed).benchmark)
        assert tree.random_state is state


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x: -1 - x[:, 0] ** 2, "predicts -.* on average; allowed: finite.*regressor=None"),
        (lambda x: np.full(len(x), 3.0), "predicts 3 per insured-year for everybody"),
        (lambda x: np.full(len(x), np.nan), "predicts NaN or infinite"),
        (lambda x: np.ones((len(x), 2)), "fails: ValueError: cannot reshape"),
        (lambda x: x / None, "fails: TypeError"),
    ],
)
def test_a_regressor_without_usable_predictions_is_refused(yearly, answer, message):
    with pytest.raises(RefusalError, match=f"regressor Given {message}"):
        RiskAdjustedBenchmark(regressor=Given(answer), n_draws=50).fit(yearly, YEARLY, seed=1)


@pytest.mark.parametrize(
    "regressor",
    [LogisticRegression(), Ridge, make_pipeline(Ridge()), "ridge", object()],
    ids=lambda given: str(given)[:9],
)
def test_what_is_no_regressor_with_weights_is_refused_before_data_are_read(regressor):
    with pytest.raises(ParameterError, match=r"regressor is .*; allowed: None or an object whose fit"):
        RiskAdjustedBenchmark(regressor=regressor).fit(None, YEARLY)


@pytest.mark.parametrize("regressor", [None, Ridge()])
def test_perfect_prediction_is_its_own_benchmark(yearly, regressor):
    """Everybody spends 2,000 per insured-year, so the cap truncates everybody and no residual is left."""
    same = replace(yearly, spending=2000.0 * yearly.insured_years, accept=frozenset({"similar_names"}))
    cf = RiskAdjustedBenchmark(regressor=regressor, n_draws=50).fit(same, YEARLY, seed=1)
    assert cf.pooled() == pytest.approx(2000.0, rel=1e-4)
    assert len(cf.diagnostics) == len(set(cf.diagnostics["check"]))


def test_no_history_all_joiners_and_columns_of_later_are_refused(yearly):
    unit, everybody = of(yearly, "practice 01"), np.arange(len(yearly.person))

    def joined(rows):
        years, money = yearly.insured_years.copy(), yearly.spending.copy()
        years[rows, :3] = money[rows, :3] = 0.0
        return replace(yearly, insured_years=years, spending=money)

    labels = np.where(everybody % 2 == 0, "low", "high").astype(object)
    zero = yearly.spending.copy()
    zero[:, 3] = 0.0
    for data, error, message in (
        (yearly.select(periods=[2018]), DesignError, "no baseline period 2015.*load more periods"),
        (joined(unit), PanelError, "'practice 01' has no spending in baseline period 2015. Shorten the baseline"),
        (joined(everybody), PanelError, "has no spending in period 2015 .29 such donors.*name other donors"),
        (
            replace(yearly, covariates={**yearly.covariates, "ses 2018": labels}),
            CohortError,
            "covariates has 'ses 2018', which names 2018.*Name covariates that were known before",
        ),
        (replace(yearly, spending=zero), RefusalError, "no positive predicted spending.*use AdministrativeBenchmark"),
    ):
        with pytest.raises(error, match=message):
            METHOD.fit(data, YEARLY, seed=1)


@pytest.mark.parametrize("regressor", [None, Ridge(2000.0)])
def test_nothing_was_spent_in_the_last_year_before(yearly, regressor):
    """The cap is zero, so no residual is left and the effect has its prior."""
    spending = yearly.spending.copy()
    spending[:, 2] = 0.0
    method = RiskAdjustedBenchmark(regressor=regressor, n_draws=50)
    cf = method.fit(replace(yearly, spending=spending), YEARLY, seed=1)
    assert float(cf.expected.mean()) == pytest.approx(float(cf.pooled().mean()), rel=0.3)
    assert status(cf, "placebo SD") == "NOT EVALUATED"


def test_persons_in_two_practices_have_one_history(yearly):
    """Half of a unit's persons are with another for a half of each year: predictions stay those of the persons."""
    rows = of(yearly, "practice 01")[::2]
    half = [
        np.where(np.isin(np.arange(len(yearly.person)), rows)[:, None], part / 2, part) for part in money_of(yearly)
    ]
    more = yearly.take(rows)
    joined = Cohort(
        np.append(yearly.person, more.person),
        np.append(yearly.unit, np.full(len(rows), "practice 03")),
        yearly.periods,
        np.concatenate([half[0], more.spending / 2]),
        np.concatenate([half[1], more.insured_years / 2]),
        None if yearly.region is None else np.append(yearly.region, more.region),
        {name: np.append(values, more.covariates[name]) for name, values in yearly.covariates.items()},
    )
    first, second = (METHOD.fit(data, YEARLY, seed=1) for data in (yearly, joined))
    assert float(second.expected.mean()) == pytest.approx(float(first.expected.mean()), rel=0.15)


def money_of(cohort):
    return cohort.spending, cohort.insured_years


def test_one_pass_over_the_persons_per_block_serves_all_designs_of_a_call(yearly, monkeypatch):
    passes = []
    inner = window.feature_grids
    monkeypatch.setattr(window, "feature_grids", lambda *given: passes.append(given[1]) or inner(*given))
    units = [f"practice {number:02d}" for number in range(1, 5)]
    results = METHOD.fit_many(yearly, [YEARLY.replace(treated=[unit]) for unit in units], [1] * 4)
    assert all(isinstance(cf, ss.Counterfactual) for cf in results)
    assert sorted(passes) == [2016, 2017, 2018]


def test_diagnostics_hold_coverage_by_tenth_of_level_and_the_price_of_the_bound(cohort, plain):
    rows = plain.diagnostics.set_index("check")
    share, text = rows.loc["placebo coverage", ["figure", "message"]]
    tenths = [float(part) for part in text.partition("by tenth of level: ")[2].split(", ")]
    assert len(tenths) == 10
    assert 0.6 < share <= 1
    assert share == pytest.approx(np.average(tenths, weights=[3] * 5 + [2] * 5) / 100, abs=0.01)
    prices = [rows.loc["price of the bound", "figure"]]
    for bound in (None, 0.5):
        cf = RiskAdjustedBenchmark(level_response=bound, n_draws=50).fit(cohort, DESIGN, seed=1)
        prices.append(cf.diagnostics.set_index("check").loc["price of the bound", "figure"])
    assert prices[1] == 0 <= prices[2] < prices[0]


def test_the_prediction_error_of_persons_without_history_is_told(yearly):
    years, money = yearly.insured_years.copy(), yearly.spending.copy()
    new = np.arange(len(yearly.person)) % 7 == 0
    years[new, :3] = money[new, :3] = 0.0
    money[new, 3] *= 1.5  # also where no history is known, the model is calibrated by its indicator
    cf = METHOD.fit(replace(yearly, insured_years=years, spending=money), YEARLY, seed=1)
    text = cf.diagnostics.set_index("check").loc["without history", "message"]
    found = float(text.partition("spent ")[2].partition("%")[0])
    assert found == pytest.approx(100, abs=15)
