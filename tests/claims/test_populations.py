"""Populations by covariates, first year of life and earlier spending: counted by hand on a few persons."""

import pandas as pd
import pytest

from ssinfer.claims import ClaimsTables, Population, extract
from ssinfer.errors import ClaimsError

YEARS = [2018, 2019, 2020]


@pytest.fixture(scope="module")
def tables():
    """Five persons in two practices; person p spends 10 p per year, but person 1 spends 90 in 2019."""
    persons = pd.DataFrame(
        {
            "person": [1, 2, 3, 4, 5],
            "birth_year": [1950, 1960, 1970, 1980, 2019],
            "sex": ["V", "M", "V", "M", "V"],
            "frail": ["yes", "no", "no", None, "no"],
            "weight_class": [1, 2, 2, 2, 1],
        }
    )
    first = [pd.Timestamp("2018-01-01")] * 4 + [pd.Timestamp("2019-07-01")]
    spans = pd.DataFrame({"person": [1, 2, 3, 4, 5], "insurer": "A", "practice": ["p", "p", "q", "q", "p"]})
    spans = spans.assign(start=first, end=pd.Series([pd.NaT] * 5, dtype="datetime64[ns]"))
    lines = [(p, y, 90 if (p, y) == (1, 2019) else 10 * p) for p in range(1, 6) for y in YEARS if p < 5 or y > 2018]
    claims = pd.DataFrame(lines, columns=["person", "year", "amount"])
    claims = claims.assign(date=pd.to_datetime(claims["year"].astype(str) + "-12-01"), category="gp")
    return ClaimsTables.from_frames(insured=persons, enrolment=spans, claims=claims.drop(columns="year"))


def persons(tables, **rules):
    """The persons who count in each year."""
    cohort = extract(tables, Population(**rules), periods=YEARS).cohort()
    return [sorted(cohort.person[cohort.insured_years[:, t] > 0].tolist()) for t in range(len(YEARS))]


@pytest.mark.parametrize(
    ("covariates", "who"),
    [({"frail": ["no"]}, {2, 3, 5}), ({"frail": ["no"], "sex": ["V"]}, {3, 5}), ({"weight_class": ["1"]}, {1, 5})],
)
def test_a_group_by_a_covariate_of_the_table_of_insured(tables, covariates, who):
    assert set().union(*persons(tables, covariates=covariates)) == who


def test_the_first_year_of_life_is_365_days_from_the_first_day_of_enrolment(tables):
    cohort = extract(tables, Population(first_year_of_life=False), periods=YEARS).cohort()
    newborn = cohort.person == 5
    # Born and enrolled on 2019-07-01: 365 days to 2020-06-29 are left out, and 185 of the 366 days of 2020 count.
    assert (cohort.insured_years[newborn] * 366).tolist() == [pytest.approx([0, 0, 185])]
    assert cohort.insured_years[~newborn].min() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        # Of four persons who count in 2018, half are two; of five in 2019, 0.4 are two; the newborn has no 2018.
        ({"highest": 0.5}, [[], [3, 4], [1, 4, 5]]),
        ({"highest": 0.4}, [[], [3, 4], [1, 5]]),
        ({"lowest": 0.25}, [[], [1], [2, 3]]),
    ],
)
def test_earlier_spending_chooses_persons_anew_by_the_year_before(tables, rule, who):
    assert persons(tables, earlier_spending=rule, start=2020) == who


def test_each_day_and_line_has_one_reason(tables):
    rules = {"covariates": {"sex": ["V"]}, "first_year_of_life": False, "earlier_spending": {"highest": 0.5}}
    frame = extract(tables, Population(start=2020, **rules), periods=YEARS).attrition
    excluded = frame[~frame["step"].isin(["in the tables", "counted"])]
    assert set(excluded["reason"]) == {
        "covariate outside the population",
        "first year of life",
        "earlier spending outside the population",
    }
    assert frame["lines"].iloc[0] == excluded["lines"].sum() + frame["lines"].iloc[-1]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"covariates": {"frale": ["no"]}}, "no column 'frale'. Did you mean 'frail'"),
        ({"covariates": {"frail": ["maybe"]}}, "table 'insured' has no frail 'maybe'"),
        ({"earlier_spending": {"highest": 1.5}, "start": 2020}, r"earlier_spending is \{'highest': 1.5\}; allowed"),
        ({"earlier_spending": {"dearest": 0.5}, "start": 2020}, "allowed: 'highest' or 'lowest'"),
        ({"earlier_spending": {"highest": 0.5}}, "count days from the start. Pass start="),
    ],
)
def test_bad_groups_are_refused_with_the_next_step(tables, rules, message):
    with pytest.raises(ClaimsError, match=message):
        persons(tables, **rules)
