"""The signing form of the risk-adjusted benchmark. Authority: changed data, ratios of rates, refits without a unit."""

from dataclasses import replace

import numpy as np
import pytest

import ssinfer as ss
from ssinfer.benchmarks.risk_adjusted.signing import ELSEWHERE, SignedProblem, growths, on_one_axis
from ssinfer.errors import ParameterError, RefusalError
from ssinfer.simulation import simulate_cohort

YEARS = tuple(range(2011, 2019))
DESIGN = ss.Design(["practice 01"], baseline=YEARS[:-1], performance=[2018])
METHOD = ss.RiskAdjustedBenchmark(information="signing", n_draws=100)


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(22, persons=(12, 16), periods=YEARS, seed=3)


@pytest.fixture(scope="module")
def plain(cohort):
    return METHOD.fit(cohort, DESIGN, seed=1)


def scaled(cohort, columns, factor):
    spending = cohort.spending.copy()
    spending[:, columns] *= factor
    return replace(cohort, spending=spending)


def of_later(cohort, first, seed):
    """Other spending and insured time of everybody from a column on, persons who join, and a new practice."""
    rng, n = np.random.default_rng(seed), 30
    years, money = cohort.insured_years.copy(), cohort.spending.copy()
    years[:, first:] = rng.choice([0.0, 0.3, 1.0], years[:, first:].shape)
    money[:, first:] = 1e4 * rng.random(years[:, first:].shape) * (years[:, first:] > 0)
    new = np.zeros((n, years.shape[1]))
    new[:, first:] = 1.0
    return replace(
        cohort,
        person=np.concatenate([cohort.person, cohort.person.max() + 1 + np.arange(n)]),
        unit=np.concatenate([cohort.unit, rng.choice([*cohort.units[:5], "new practice"], n)]),
        spending=np.concatenate([money, 5e4 * rng.random(new.shape) * new]),
        insured_years=np.concatenate([years, new]),
        covariates={name: np.concatenate([values, values[:n]]) for name, values in cohort.covariates.items()},
    )


def assert_same_draws(first, second):
    for name in ("benchmark", "expected", "confidence"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_later_than_the_start_of_anybody_changes_a_draw(cohort, plain, seed):
    assert plain.information == "signing"
    assert_same_draws(METHOD.fit(of_later(cohort, 7, seed), DESIGN, seed=1), plain)
    years, money = cohort.insured_years.copy(), cohort.spending.copy()
    years[:, 7] = money[:, 7] = 0.0  # as the extraction of an agreement gives it
    unread = METHOD.fit(replace(cohort, insured_years=years, spending=money), DESIGN, seed=1)
    assert_same_draws(unread, plain)
    assert unread.values("insured_years").sum() == plain.values("insured_years").sum()
    assert (METHOD.fit(scaled(cohort, 6, 1.01), DESIGN, seed=1).benchmark != plain.benchmark).all(), "history counts"


def test_two_performance_years_and_several_designs_in_one_call(cohort):
    two = DESIGN.replace(baseline=YEARS[:6], performance=[2017, 2018])
    first, second = METHOD.fit_many(cohort, [two, two.replace(treated=["practice 02"])], [1, 1])
    assert first.benchmark.shape == (1, 100, 1, 2)
    assert "over 2 years" in first.diagnostics.set_index("check").loc["growth", "message"]
    assert_same_draws(METHOD.fit(of_later(cohort, 6, 1), two, seed=1), first)
    assert_same_draws(METHOD.fit(cohort, two.replace(treated=["practice 02"]), seed=1), second)


@pytest.mark.parametrize(("last", "masked"), [(6, 2017), (7, 2015)])
def test_a_masked_year_is_neither_block_nor_history_nor_growth_unless_asked(cohort, last, masked):
    """The year before the start, so that the block is of 2016, two years ahead; and a year of the baseline."""
    design = DESIGN.replace(baseline=YEARS[:last], masked=[masked])
    spoiled = scaled(cohort, YEARS.index(masked), 3.0)
    for history, same in (("baseline", True), ("all", False)):
        method = replace(METHOD, history=history)
        fits = [method.fit(data, design, seed=1) for data in (cohort, spoiled)]
        assert (fits[0].benchmark == fits[1].benchmark).all() == same


def test_known_inflation_of_everybody_is_followed(cohort, plain):
    """Authority: prices 10% higher every year are growth of 10% more; caps and features are relative to the mean."""
    dearer = replace(cohort, spending=cohort.spending * 1.1 ** np.arange(8))
    cf = METHOD.fit(dearer, DESIGN, seed=1)
    assert float(cf.expected.mean() / plain.expected.mean()) == pytest.approx(1.1**7, rel=0.05)
    text = [fit.diagnostics.set_index("check").loc["growth", "message"] for fit in (plain, cf)]
    assert text[0] != text[1]


def test_growth_is_a_source_of_error_of_its_own(cohort):
    cf = replace(METHOD, n_draws=1000).fit(cohort, DESIGN, seed=1)
    parts = cf.components.iloc[0]
    assert parts["growth"] == pytest.approx(cf.diagnostics.set_index("check").loc["growth", "figure"] ** 2)
    assert parts["total"] == pytest.approx(sum(parts.drop(["unit", "period", "total"]).dropna()))
    small = replace(METHOD, n_draws=1000, growth_prior=0.001).fit(cohort, DESIGN, seed=1)
    assert small.components["growth"].iloc[0] < parts["growth"]
    ratio = (cf.benchmark / small.benchmark).values  # the same draws but for the growth, whose mean is the same
    assert np.log(ratio).mean() == pytest.approx(0, abs=5 * np.log(ratio).std() / np.sqrt(1000))
    assert np.log(ratio).std() > 0.5 * np.sqrt(parts["growth"])


@pytest.fixture(scope="module")
def few():
    """Ten practices over six years; the rows of some persons end or begin."""
    cohort = simulate_cohort(10, persons=(15, 25), periods=YEARS[2:], seed=5)
    years, rng = cohort.insured_years.copy(), np.random.default_rng(1)
    for row in rng.choice(len(years), 60, replace=False):
        years[row, slice(*sorted(rng.integers(0, 7, 2)))] = 0.0
    return replace(cohort, insured_years=years, spending=cohort.spending * (years > 0))


def of_growth(cohort, units, penalty):
    problem = SignedProblem.over(cohort, DESIGN.replace(baseline=YEARS[2:-1]), "test", everything=False)
    known = cohort.take(np.arange(len(cohort.person)), np.arange(5))
    return growths(known, units, problem.blocks, None, penalty, 0.99)


def test_growth_without_features_is_that_of_rates(few):
    """Authority: with an infinite penalty the prediction is the mean of the block before."""
    found, _ = of_growth(few, np.ones(10, bool), 1e15)
    rate = few.spending.sum(axis=0) / few.insured_years.sum(axis=0)
    np.testing.assert_allclose(found, np.log(rate[[4, 3, 2]] / rate[[3, 2, 1]]), rtol=0, atol=1e-5)


def test_noise_of_growths_is_that_of_refits_without_a_practice(few):
    """Authority: the delete-one jackknife over practices, all computed anew. With ten they differ by a tenth or so."""
    _, noise = of_growth(few, np.ones(10, bool), 50.0)
    refits = np.array([of_growth(few, np.arange(10) != c, 50.0)[0] for c in range(10)])
    assert noise == pytest.approx((9 * refits.var(axis=0)).mean(), rel=0.35)


def test_persons_of_the_unit_bring_their_history_and_stay_with_nobody_else(few):
    """Person 0 comes from practice 02, and person 1 has left the unit for it; both have two rows."""
    rows = np.flatnonzero(few.unit == "practice 01")[:2]
    years, unit = few.insured_years.copy(), np.append(few.unit, ["practice 02"] * 2)
    years[rows] = 0.0
    years[rows[0], 3:], years[rows[1], :3] = 1.0, 1.0
    years = np.concatenate([years, 1.0 - years[rows]])
    known = replace(
        few,
        person=np.append(few.person, few.person[rows]),
        unit=unit,
        spending=np.arange(1.0, 1.0 + years.size).reshape(years.shape) * (years > 0),
        insured_years=years,
        covariates={name: np.append(values, values[rows]) for name, values in few.covariates.items()},
    )
    treated = np.array([name == "practice 01" for name in known.units])
    axis = on_one_axis(known, ~treated, treated, 1, 6, 1)
    first = axis.unit == "practice 01"
    assert axis.units[-1] == ELSEWHERE
    assert first.sum() == (few.unit == "practice 01").sum()
    by_hand = known.spending.sum(axis=0) - known.spending[treated[known.unit_rows()]].sum(axis=0)
    insured = known.insured_years.sum(axis=0) - known.insured_years[treated[known.unit_rows()]].sum(axis=0)
    price = (by_hand / insured)[:-1] / (by_hand / insured)[1:]
    own = known.spending[rows, 1:] * price
    np.testing.assert_allclose(axis.spending[np.flatnonzero(first)[:2], :5], own)
    np.testing.assert_array_equal(axis.insured_years[np.flatnonzero(first)[:2], 5], [1.0, 0.0])
    assert np.isnan(axis.spending[np.flatnonzero(first)[0], 5])
    elsewhere = axis.unit == ELSEWHERE
    np.testing.assert_allclose(axis.spending[elsewhere, :5], known.spending[-2:, 1:] * price)
    assert not axis.insured_years[elsewhere, 5].any()
    stays = axis.insured_years[axis.unit == "practice 02"].sum(axis=1)
    assert len(stays) == (few.unit == "practice 02").sum() + 1, "who left trains, who came does not"
    age, weights = known.covariates["age"], known.insured_years * ~treated[known.unit_rows()][:, None]
    mean = [np.average(age, weights=weights[:, column]) for column in (-2, -1)]
    here = np.flatnonzero(first)[0]
    assert axis.covariates["age"][here] == pytest.approx(age[rows[0]] - 1 + mean[0] - mean[1])
    stayed = np.flatnonzero(axis.unit == "practice 02")[0]
    assert axis.covariates["age"][stayed] == age[known.unit == "practice 02"][0] - 1


def test_mistakes_are_refused_with_the_next_step(cohort):
    short = cohort.select(periods=YEARS[3:]), DESIGN.replace(baseline=YEARS[3:-1])
    with pytest.raises(RefusalError, match="have 2 such pairs before 2018, and 3 are needed"):
        METHOD.fit(*short, seed=1)
    with pytest.raises(RefusalError, match="give information='settlement'"):
        METHOD.fit(cohort, DESIGN.replace(masked=[2014, 2016]), seed=1)
    for name, value in {"information": "later", "growth_prior": 0.0, "estimand": "truncated"}.items():
        with pytest.raises(ParameterError, match=name):
            replace(METHOD, **{name: value}).fit(cohort, DESIGN)
    with pytest.raises(ParameterError, match="truncate spending in the extraction"):
        replace(METHOD, estimand="truncated_plus_excess").fit(cohort, DESIGN)


def test_a_year_in_which_nobody_spent_gives_no_growth_and_no_fault(cohort):
    cf = METHOD.fit(scaled(cohort, 1, 0.0), DESIGN, seed=1)
    assert np.isfinite(cf.benchmark.values).all()
