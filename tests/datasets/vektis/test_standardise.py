"""Indirect standardisation: its identities, by hypothesis, and its refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.datasets import expected_spending
from ssinfer.errors import DatasetError


def cells_of(seed: int, n_units: int = 4, n_years: int = 2, n_ages: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product(
        [[f"U{i}" for i in range(n_units)], range(2011, 2011 + n_years), ["male", "female"], range(n_ages)],
        names=["unit", "year", "sex", "age_class"],
    )
    frame = keys.to_frame(index=False)
    frame["insured_years"] = rng.uniform(5.0, 500.0, len(frame))
    frame["spending"] = frame["insured_years"] * rng.gamma(2.0, 1000.0, len(frame))
    return frame


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), reference=st.sampled_from([None, ["U0", "U2"]]))
def test_over_the_reference_group_expected_and_actual_money_are_equal(seed, reference):
    out = expected_spending(cells_of(seed), reference)
    group = out if reference is None else out[out["unit"].isin(reference)]
    money = group[["spending", "expected"]].mul(group["insured_years"], axis=0).groupby(group["year"]).sum()
    np.testing.assert_allclose(money["spending"], money["expected"], rtol=1e-10)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.1, 10.0))
def test_expected_ignores_the_own_level_when_the_reference_is_elsewhere(seed, factor):
    cells = cells_of(seed)
    more = cells.assign(spending=cells["spending"].where(cells["unit"] != "U3", cells["spending"] * factor))
    before, after = (expected_spending(frame, ["U0", "U1"])["expected"] for frame in (cells, more))
    np.testing.assert_allclose(before, after, rtol=1e-12)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_unit_at_the_reference_rates_has_index_one(seed):
    cells = cells_of(seed)
    rates = cells[cells["unit"] == "U0"].set_index(["year", "sex", "age_class"])
    rates = (rates["spending"] / rates["insured_years"]).rename("rate")
    joined = cells.join(rates, on=["year", "sex", "age_class"])
    cells["spending"] = joined["rate"] * joined["insured_years"]
    out = expected_spending(cells, ["U0"])
    np.testing.assert_allclose(out["spending"], out["expected"], rtol=1e-12)


def test_by_hand():
    """Two age classes at rates 1,000 and 8,000 (80 + 20 of each 100 insured-years)."""
    cells = pd.DataFrame(
        {
            "unit": ["REF", "REF", "OLD", "OLD"],
            "year": 2015,
            "sex": "male",
            "age_class": [0, 1, 0, 1],
            "insured_years": [80.0, 20.0, 50.0, 50.0],
            "spending": [80_000.0, 160_000.0, 0.0, 1.0],
        }
    )
    out = expected_spending(cells, ["REF"]).set_index("unit")["expected"]
    assert out["REF"] == pytest.approx(2_400.0)
    assert out["OLD"] == pytest.approx(4_500.0)


def test_refuses_a_reference_without_the_cell():
    cells = cells_of(1)
    gone = cells[~((cells["unit"] == "U0") & (cells["age_class"] == 2) & (cells["sex"] == "male"))]
    with pytest.raises(DatasetError, match=r"nobody of sex male and age 2 in 2011.*larger reference group"):
        expected_spending(gone, ["U0"])


@pytest.mark.parametrize(
    ("reference", "message"),
    [(["U9"], r"got 'U9'. Allowed: 'U0'.*correct the list"), ([], "got an empty list"), ("U9", "got 'U9'")],
)
def test_refuses_a_reference_that_is_not_there(reference, message):
    with pytest.raises(DatasetError, match=message):
        expected_spending(cells_of(1), reference)


def test_refuses_missing_columns_and_blank_keys():
    with pytest.raises(DatasetError, match="lack the columns spending"):
        expected_spending(cells_of(1).drop(columns="spending"))
    with pytest.raises(DatasetError, match="blank units"):
        expected_spending(cells_of(1).replace({"unit": {"U1": None}}))
