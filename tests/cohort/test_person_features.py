"""Features of persons: nothing after the start enters, amounts by hand, and each mistake."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.person_features import feature_grids, person_features
from ssinfer.errors import CohortError

QUARTERS = tuple(f"{year}Q{quarter}" for year in range(2017, 2021) for quarter in range(1, 5))
START = 12


def cohort(seed=0, n=60, **changes):
    rng = np.random.default_rng(seed)
    parts = {
        "person": np.arange(n),
        "unit": np.repeat(["a", "b"], n // 2),
        "periods": QUARTERS,
        "spending": rng.gamma(0.5, 1000, (n, 16)),
        "insured_years": np.full((n, 16), 0.25),
        "covariates": {"age": rng.integers(0, 99, n), "sex": np.where(rng.random(n) < 0.5, "V", "M")},
    }
    return Cohort(**(parts | changes))


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.floats(0.1, 50))
def test_nothing_from_the_start_on_and_no_masked_period_enters(seed, factor):
    """Traps 1 and 6: features end before the start, and insured time of the performance period is a weight only."""
    before = cohort(seed)
    spending, years = before.spending.copy(), before.insured_years.copy()
    spending[:, [3, *range(START, 16)]] *= factor
    years[: seed % 50, START:] = 0.0
    spending[years == 0] = 0.0
    after = replace(before, spending=spending, insured_years=years)
    first, second = (person_features(part, QUARTERS[START], masked=[QUARTERS[3]]) for part in (before, after))
    np.testing.assert_array_equal(first, second)


@settings(max_examples=5)
@given(st.floats(1e-3, 1e3))
def test_another_currency_changes_no_feature(factor):
    plain = cohort()
    scaled = replace(plain, spending=plain.spending * factor)
    first, second = (person_features(part, QUARTERS[START]) for part in (plain, scaled))
    np.testing.assert_allclose(first, second, rtol=2e-5, atol=1e-5)


def test_amounts_by_hand():
    money, years = np.array([[100.0, 200.0, 9.0], [0.0, 900.0, 9.0]]), np.array([[1.0, 0.5, 1.0], [0.0, 1.0, 1.0]])
    made = Cohort(np.arange(2), np.array(["a", "b"]), (2017, 2018, 2019), money, years, covariates={"age": [40, 83]})
    frame = person_features(made, 2019, years_earlier=1).astype(float)
    unit = (100 + 200 + 900) / 2.5 / 1000
    assert frame["year 1: log"].to_list() == pytest.approx([np.log1p(400 / unit), np.log1p(900 / unit)], rel=1e-6)
    cap = 400 + 0.997 * 500  # numpy's quantile of the rates 400 and 900
    assert frame["year 1: rate"].to_list() == pytest.approx([400 / unit, cap / unit], rel=1e-6)
    assert frame["year 1: root"].to_list() == pytest.approx([(400 / unit) ** 0.5, (cap / unit) ** 0.5], rel=1e-6)
    assert frame["year 1: share"].to_list() == [0.5, 1.0]
    assert frame["year 2: none"].to_list() == [0.0, 1.0]
    assert frame["year 1: log, from age 80"].to_list()[0] == 0.0 < frame["year 1: log, from age 80"].to_list()[1]
    assert frame["age 35 to 39"].to_list() == [1.0, 0.0], "a year earlier the first person was 39"
    assert "older: log" not in frame


def test_a_history_belongs_to_the_person_whatever_the_unit():
    money, years = np.array([[100.0, 0.0, 0.0], [0.0, 300.0, 5.0]]), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    made = Cohort(np.array([7, 7]), np.array(["a", "b"]), (2017, 2018, 2019), money, years)
    frame = person_features(made, 2019)
    assert (frame.iloc[0] == frame.iloc[1]).all()
    assert frame["year 2: none"].eq(0).all()
    names, grids = feature_grids(made, 2019, (), None, 0, (1.0, 2.0))  # twice as dear where they are now
    rates = [np.expm1(grid[:, [names.index("year 1: log"), names.index("year 2: log")]]) for grid in grids]
    assert rates[1] / rates[0] == pytest.approx(np.array([[1.0, 2.0], [2.0, 1.0]]), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "before", "message"),
    [
        ({}, "2025Q1", "has no period '2025Q1'"),
        ({}, QUARTERS[0], "No period of the cohort lies before '2017Q1'"),
        ({"covariates": {"spending_2020": np.ones(60)}}, QUARTERS[START], "'spending_2020', which names 2020"),
        ({"covariates": {"joined": ["2020-03-01"] * 60}}, QUARTERS[START], "'joined', which names 2020-03-01"),
    ],
)
def test_what_lies_after_the_start_is_refused(changes, before, message):
    with pytest.raises(CohortError, match=message):
        person_features(cohort(**changes), before)


def test_names_and_dates_before_the_start_are_accepted():
    made = cohort(covariates={"spending_2019": np.arange(60.0), "joined": ["2019-12-31"] * 60})
    assert {"spending_2019", "joined=2019-12-31"} <= set(person_features(made, QUARTERS[START]))
