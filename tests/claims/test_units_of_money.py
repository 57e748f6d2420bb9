"""Extracts whose mean spending is implausible, and what an extract says of its lines."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from ssinfer.claims import ClaimsTables, Spending, extract
from ssinfer.claims.spending import Truncation
from ssinfer.errors import ClaimsError, ParameterError

DAY = pd.Timestamp


@cache
def tables(factor=1.0):
    persons = np.arange(1, 9)
    return ClaimsTables.from_frames(
        insured=pd.DataFrame({"person": persons, "birth_year": 1960, "sex": list("VM") * 4}),
        enrolment=pd.DataFrame(
            {"person": persons, "insurer": "A", "practice": list("pq") * 4, "start": DAY("2018-01-01"), "end": pd.NaT}
        ),
        claims=pd.DataFrame(
            {
                "person": [*persons, *persons],
                "date": [DAY("2018-02-01")] * 8 + [DAY("2018-08-01")] * 8,
                "category": ["gp"] * 8 + ["hospital"] * 8,
                "amount": [500.0 * factor] * 8 + [2000.0 * factor] * 8,
            }
        ),
    )


def test_a_mean_above_100_000_is_refused_with_three_readings():
    """Fault A7 (46): amounts in cents."""
    with pytest.raises(
        ClaimsError, match=r"Mean spending is 250,000 .* at most 100,000.*totals.*cents \(2,500.*thousand"
    ):
        extract(tables(100), periods=[2018])
    kept = extract(tables(100), periods=[2018], plausible=(0, 300_000)).panel
    np.testing.assert_allclose(kept.spending, 250_000)


@pytest.mark.parametrize("plausible", [(5, 1), (1,), "ab", (np.nan, 1)])
def test_an_impossible_range_is_refused(plausible):
    with pytest.raises(ValueError, match="lowest, highest"):
        extract(tables(), periods=[2018], plausible=plausible)


def test_a_low_mean_is_not_refused_and_lines_are_counted_by_category_and_by_period():
    result = extract(tables(1e-3), None, Spending(exclude=["gp"]), periods=["2018Q1", "2018Q2", "2018Q3"])
    assert result.categories.values.tolist() == [["hospital", 8, 16.0], ["gp", 8, 4.0]]
    assert result.lines_per_period == (0, 0, 8)


def test_an_infinite_cap_is_refused():
    with pytest.raises(ParameterError, match="amount is inf"):
        Truncation(amount=np.inf)
