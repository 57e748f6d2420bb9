"""Cohort: aggregation, refusals, and the variance of the mean against brute force."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.cohort.case_mix import expected_spending
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import CohortError


def made(n=400, n_units=4, seed=1, *, part_years=True):
    rng = np.random.default_rng(seed)
    years = rng.choice([0.0, 0.5, 1.0], size=(n, 3), p=[0.1, 0.2, 0.7]) if part_years else np.ones((n, 3))
    level = rng.gamma(0.5, 2000.0, size=(n, 1))
    spending = level * rng.gamma(1.0, 1.0, size=(n, 3)) * years
    return Cohort(
        person=np.arange(n),
        unit=np.array([f"gp{i}" for i in rng.integers(0, n_units, n)]),
        periods=(2017, 2018, 2019),
        spending=spending,
        insured_years=years,
        covariates={"age": rng.integers(0, 90, n), "sex": rng.choice(["M", "V"], n)},
    )


def frame():
    return pd.DataFrame(
        {
            "person": ["p", "p", "q"],
            "unit": ["a", "a", "b"],
            "period": ["2018Q2", "2018Q3", "2018Q2"],
            "spending": [10.0, 20.0, 0.0],
            "insured_years": [0.25, 0.25, 0.1],
            "age": [5, 5, 80],
            "region": ["x", "x", "y"],
        }
    )


def test_frame_round_trip():
    cohort = made()
    again = Cohort.from_frame(cohort.to_frame(), covariates=["age", "sex"])
    pd.testing.assert_frame_equal(again.to_frame(), cohort.to_frame())
    assert again.fingerprint() == cohort.fingerprint()
    assert pickle.loads(pickle.dumps(cohort)).fingerprint() == cohort.fingerprint()  # noqa: S301


def test_absent_row_is_not_insured():
    cohort = Cohort.from_frame(frame(), region="region")
    assert cohort.insured_years.tolist() == [[0.25, 0.25], [0.1, 0.0]]
    panel = cohort.to_panel()
    assert np.isnan(panel.spending[1, 1])
    assert panel.spending[0].tolist() == [40.0, 80.0]


@given(seed=st.integers(0, 10_000), n_units=st.integers(1, 6))
def test_money_and_years_add_up(seed, n_units):
    cohort = made(60, n_units, seed)
    panel = cohort.to_panel()
    years = np.nan_to_num(panel.insured_years)
    assert np.allclose(years.sum(axis=0), cohort.insured_years.sum(axis=0))
    assert np.allclose((np.nan_to_num(panel.spending) * years).sum(axis=0), cohort.spending.sum(axis=0))
    # Authority: sampling_covariance is the same estimator written over persons.
    unit = panel.units[0]
    variance = np.diag(cohort.sampling_covariance(unit))
    known = np.isfinite(panel.sampling_variance[0])
    assert np.allclose(variance[known], panel.sampling_variance[0][known])


def test_equal_years_give_the_textbook_variance():
    # Authority: with w = 1 the ratio's variance is s^2 / n.
    cohort = made(500, 1, part_years=False)
    assert np.allclose(cohort.to_panel().sampling_variance[0], cohort.spending.var(axis=0, ddof=1) / 500)


def test_variance_of_ratio_against_bootstrap():
    # Authority: the bootstrap of persons; its SD over 2,000 draws has a Monte Carlo error of 1.6%.
    cohort = made(800, 1, seed=3)
    rng = np.random.default_rng(4)
    draws = rng.integers(0, 800, size=(2000, 800))
    means = cohort.spending[draws, 0].sum(axis=1) / cohort.insured_years[draws, 0].sum(axis=1)
    assert np.sqrt(cohort.to_panel().sampling_variance[0, 0]) == pytest.approx(means.std(), rel=0.06)


def test_correlation_of_same_persons_against_numpy():
    cohort = made(500, 1, part_years=False)
    assert np.allclose(cohort.correlation(), np.corrcoef(cohort.spending.T))
    assert np.allclose(cohort.correlation(same_persons=False), np.corrcoef(cohort.spending.T))


def test_persons_insured_in_one_period_lower_the_correlation_of_errors():
    cohort = made(500, 1, seed=5)
    same, errors = cohort.correlation().to_numpy(), cohort.correlation(same_persons=False).to_numpy()
    assert (np.abs(errors[np.triu_indices(3, 1)]) < np.abs(same[np.triu_indices(3, 1)])).all()


def test_covariates_become_shares_and_means():
    cohort = made()
    panel = cohort.to_panel()
    assert set(panel.covariates) == {"age", "sex=M", "sex=V"}
    assert np.allclose(panel.covariates["sex=M"] + panel.covariates["sex=V"], 1.0)
    inside = cohort.unit == panel.units[1]
    expected = np.average(cohort.covariates["age"][inside], weights=cohort.insured_years[inside, 2])
    assert panel.covariates["age"][1, 2] == pytest.approx(expected)


def test_select_units_periods_and_persons():
    cohort = made()
    part = cohort.select(units=["gp1"], periods=[2018, 2017])
    assert part.periods == (2017, 2018)
    assert set(part.unit) == {"gp1"}
    rows = cohort.unit == "gp1"
    assert np.array_equal(part.spending, cohort.spending[rows, :2])
    assert len(cohort.select(persons=[3, 5]).person) == 2
    assert len(cohort.select(persons=cohort.covariates["age"] > 60).person) == (cohort.covariates["age"] > 60).sum()


def test_a_person_may_have_a_row_in_two_units():
    long = frame()
    long.loc[2, ["person", "unit", "age", "region"]] = ["p", "b", 5, "x"]
    long["age"] = 5
    cohort = Cohort.from_frame(long, covariates=["age"])
    assert cohort.to_panel().units == ("a", "b")
    assert "1 persons in 2 units" in repr(cohort)


def test_rows_of_a_person_in_one_new_unit_are_added_up():
    long = frame()
    long.loc[2, ["person", "unit", "region"]] = ["p", "b", "x"]
    cohort = Cohort.from_frame(long, region="region")
    merged = cohort.with_units(np.array(["ab", "ab"]))
    assert merged.spending.tolist() == [[10.0, 20.0]]
    assert merged.insured_years.tolist() == [[0.35, 0.25]]
    assert merged.region.tolist() == ["x"]
    apart = cohort.with_units(np.array(["c", "d"]))
    assert apart.units == ("c", "d")


def test_unknown_spending_makes_the_cell_missing():
    cohort = Cohort(np.arange(2), np.array(["a", "b"]), (1, 2), np.array([[1.0, np.nan], [2.0, 3.0]]), np.ones((2, 2)))
    panel = cohort.to_panel()
    assert np.isnan(panel.spending[0, 1])
    assert panel.insured_years[0, 1] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="spending"), "no column 'spending'"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.assign(unit=["a", "a", None]), "1 rows have no label"),
        (lambda f: pd.concat([f, f.iloc[[0]]]), "1 persons have more than one row in a unit and period"),
        (lambda f: f.assign(spending=["10,5", "1", "2"]), "holds text"),
        (lambda f: f.assign(age=[5, 6, 80]), "changes over periods"),
        (lambda f: f.assign(insured_years=[0.25, 1.6, 0.1]), "1 cells outside 0 to 1"),
        (lambda f: f.assign(insured_years=[0.25, -0.1, 0.1]), "1 cells outside 0 to 1"),
        (lambda f: f.assign(insured_years=[0.25, 0.0, 0.1]), "who are not insured"),
        (lambda f: f.assign(spending=[1.0, np.inf, 0.0]), "infinite"),
        (lambda f: f.assign(age=[np.nan, np.nan, 3]), "is missing for 1 persons"),
        (lambda f: f.assign(period=["2018Q2", 2018, 2018]), "Use one type"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(CohortError, match=message):
        Cohort.from_frame(change(frame()), covariates=["age"])


def test_refusals_of_selection():
    cohort = made()
    with pytest.raises(CohortError, match="Did you mean 'gp1'"):
        cohort.select(units=["gp11"])
    with pytest.raises(CohortError, match="it has 3 years, 2017 to 2019"):
        cohort.select(periods=[2020])
    with pytest.raises(CohortError, match="1 of the persons are not in"):
        cohort.select(persons=[9999])
    with pytest.raises(CohortError, match="No person is left"):
        cohort.select(persons=np.zeros(400, dtype=bool))
    with pytest.raises(CohortError, match="no covariate 'agee'"):
        cohort.covariate("agee")
    with pytest.raises(CohortError, match="1 rows repeat a person in a unit"):
        Cohort(np.array([1, 1]), np.array(["a", "a"]), (1,), np.ones((2, 1)), np.ones((2, 1)))


def test_arrays_are_read_only_and_own():
    years = np.ones((2, 1))
    cohort = Cohort(np.arange(2), np.array(["a", "b"]), (1,), years, years)
    years[0, 0] = 0.5
    assert cohort.insured_years[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        cohort.spending[0, 0] = 3.0


def test_one_covariate_needs_no_list():
    """Fault A3: covariates="age" asked for a column 'a'."""
    rows = [(1, "a", 2018, 10.0, 1.0, 40), (2, "b", 2018, 20.0, 1.0, 41)]
    frame = pd.DataFrame(rows, columns=["person", "unit", "period", "spending", "insured_years", "age"])
    assert list(Cohort.from_frame(frame, covariates="age").covariates) == ["age"]
    people = Cohort.from_frame(frame.assign(sex="V"), covariates=["age", "sex"])
    assert expected_spending(people, [2018], exclude=["b "]).tolist() == [10.0, 10.0]
    with pytest.raises(CohortError, match=r"exclude: the cohort has no unit 'B'. Did you mean 'b'\?"):
        expected_spending(people, [2018], exclude=["B"])  # the contract's spending entered its own standard
