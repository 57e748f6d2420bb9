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
            "weight_class": [1, 1, 2, 1, 1],
        }
    )
    first = [pd.Timestamp("2018-01-01")] * 4 + [pd.Timestamp("2019-07-01")]
    spans = pd.DataFrame({"person": [1, 2, 3, 4, 5], "insurer": "A", "practice": ["p", "p", "q", "q", "p"]})
    spans = spans.assign(start=first, end=pd.Series([pd.NaT] * 5, dtype="datetime64[ns]"))
    lines = [(p, y, 90 if (p, y) == (1, 2019) else 10 * p) for p in range(1, 6) for y in YEARS if p < 5 or y > 2018]
    claims = pd.DataFrame(lines, columns=["person", "year", "amount"])
    claims = claims.assign(date=pd.to_datetime(claims["year"].astype(str) + "-12-01"), category="gp")
    return ClaimsTables.from_frames(insured=persons, enrolment=spans, claims=claims.drop(columns="year"))


def counted(tables, **rules):
    """The persons who count in each year, insured-years by person, and lines by reason; "" is the counted ones."""
    found = extract(tables, Population(**rules), periods=YEARS)
    cohort = found.cohort()
    who = [sorted(cohort.person[cohort.insured_years[:, t] > 0].tolist()) for t in range(len(YEARS))]
    lines = found.attrition[found.attrition["step"] != "in the tables"].set_index("reason")["lines"]
    return who, dict(zip(cohort.person, cohort.insured_years.tolist(), strict=True)), lines[lines > 0].to_dict()


def test_covariates_of_the_table_of_insured_and_the_first_year_of_life(tables):
    # Persons 1 and 4 are not known as not frail, and person 3 is in the other weight class: 9 lines.
    rules = {"covariates": {"frail": ["no"], "weight_class": ["1"]}, "first_year_of_life": False}
    who, years, lines = counted(tables, **rules)
    assert who == [[2], [2], [2, 5]]
    # Born and enrolled on 2019-07-01: 365 days to 2020-06-29 are left out, and 185 of the 366 days of 2020 count.
    assert years == {2: pytest.approx([1, 1, 1]), 5: pytest.approx([0, 0, 185 / 366])}
    assert lines == {"covariate outside the population": 9, "first year of life": 1, "": 4}


def test_earlier_spending_chooses_persons_anew_by_the_year_before(tables):
    # A quarter of the four persons of 2018 is one; of the five of 2019, 1.25 are two; the newborn has no 2018.
    who, _, lines = counted(tables, earlier_spending={"lowest": 0.25}, start=2020)
    assert who == [[], [1], [2, 3]]
    assert lines == {"earlier spending outside the population": 11, "": 3}


def test_earlier_spending_is_ranked_among_persons_whom_no_other_rule_leaves_out(tables):
    # Of women 1 and 3, half is one: 3 spends more in 2018 and 1 in 2019, when the newborn woman does not count yet.
    rules = {"covariates": {"sex": ["V"]}, "first_year_of_life": False, "earlier_spending": {"highest": 0.5}}
    who, _, lines = counted(tables, **rules, start=2020)
    assert who == [[], [3], [1]]
    assert lines == {
        "covariate outside the population": 6,
        "first year of life": 1,
        "earlier spending outside the population": 5,
        "": 2,
    }


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"covariates": {"frale": ["no"]}}, "no column 'frale'. Did you mean 'frail'"),
        ({"covariates": {"frail": ["maybe"]}}, "table 'insured' has no frail 'maybe'"),
        ({"earlier_spending": {"highest": 1.5}, "start": 2020}, r"earlier_spending is \{'highest': 1.5\}; allowed"),
        ({"earlier_spending": {"dearest": 0.5}, "start": 2020}, "allowed: 'highest' or 'lowest'"),
        ({"earlier_spending": {"highest": 0.5}}, "count days from the start. Pass start as well"),
    ],
)
def test_bad_groups_are_refused_with_the_next_step(tables, rules, message):
    with pytest.raises(ClaimsError, match=message):
        extract(tables, Population(**rules), periods=YEARS)
