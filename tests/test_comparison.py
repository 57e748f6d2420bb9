"""Comparison rules against distances and sizes computed by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.comparison import (
    ComparisonRule,
    Every,
    Listed,
    SimilarSize,
    SimilarSpending,
    Within,
    comparison_of,
    distances,
)
from ssinfer.errors import DesignError
from ssinfer.panel import Panel

# Latitude and longitude of four Dutch town halls, to four decimals.
PLACES = {
    "VLISSINGEN": (51.4427, 3.5736),
    "MIDDELBURG": (51.4988, 3.6136),
    "GOES": (51.5040, 3.8889),
    "GRONINGEN": (53.2194, 6.5665),
}


def panel_of(coordinates, sizes=None):
    points = np.array(list(coordinates.values()))
    ones = np.ones((len(points), 2))
    insured = None if sizes is None else np.array(sizes)[:, None] * ones
    covariates = {"latitude": points[:, :1] * ones, "longitude": points[:, 1:] * ones}
    return Panel(tuple(coordinates), (1, 2), 100 * ones, insured, covariates=covariates)


def law_of_cosines(start, end):
    """Great-circle distance by another formula (spherical law of cosines), radius 6371.0088 km."""
    (a, b), (c, d) = np.radians(start), np.radians(end)
    return 6371.0088 * math.acos(min(1.0, math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)))


def test_distances_agree_with_the_law_of_cosines():
    kilometres = distances(panel_of(PLACES), "VLISSINGEN")
    expected = [law_of_cosines(PLACES["VLISSINGEN"], point) for point in PLACES.values()]
    assert kilometres == pytest.approx(expected, abs=0.01)


def test_radius_and_donut():
    panel, columns = panel_of(PLACES), np.array([0])
    inner = Within(km=10).admits(panel, ["VLISSINGEN"], columns)
    ring = Within(km=30, beyond=10).admits(panel, ["VLISSINGEN"], columns)
    assert inner.tolist() == [True, True, False, False]
    assert ring.tolist() == [False, False, True, False]


def test_donut_keeps_out_of_every_treated_units_circle():
    admitted = Within(km=300, beyond=10).admits(panel_of(PLACES), ["VLISSINGEN", "GOES"], np.array([0]))
    assert admitted.tolist() == [False, False, False, True]


@given(st.lists(st.floats(100, 1e6), min_size=2, max_size=8), st.floats(1.01, 50))
def test_similar_size_is_symmetric(sizes, ratio):
    coordinates = {f"u{i}": (52.0, 5.0) for i in range(len(sizes))}
    panel = panel_of(coordinates, sizes)
    table = [SimilarSize(ratio=ratio).admits(panel, [unit], np.array([0, 1])) for unit in coordinates]
    np.testing.assert_array_equal(table, np.transpose(table))
    assert np.diag(table).all()


def test_similar_size_reads_the_baseline_only():
    sizes = np.array([[100.0, 100, 100], [150.0, 150, 9_000], [900.0, 900, 100]])
    panel = Panel(tuple("abc"), (1, 2, 3), np.ones((3, 3)), sizes)
    assert SimilarSize(ratio=2).admits(panel, ["a"], np.array([0, 1])).tolist() == [True, True, False]


def test_every_is_the_intersection_and_listed_the_names():
    panel, columns = panel_of(PLACES, [100, 120, 5_000, 110]), np.array([0])
    rule = Every((SimilarSize(ratio=2), Within(km=30)))
    assert rule.admits(panel, ["VLISSINGEN"], columns).tolist() == [True, True, False, False]
    assert Listed(("GOES",)).admits(panel, ["VLISSINGEN"], columns).tolist() == [False, False, True, False]
    assert isinstance(rule, ComparisonRule)


@pytest.mark.parametrize(
    ("make", "cure"),
    [
        (lambda: Within(km=10, beyond=20), "beyond 20 km and within 10 km; allowed: 0 <= beyond < within"),
        (lambda: SimilarSize(ratio=1.0), "a number more than 1"),
        (lambda: SimilarSize(2.0).admits(panel_of(PLACES), ["GOES"], np.array([0])), "Give donors by name"),
    ],
)
def test_impossible_rules(make, cure):
    with pytest.raises(DesignError, match=cure):
        make()


def test_similar_spending_by_hand():
    # Means of the baseline (first two periods), weighted by insured-years: 100, 114, 116 and 100 over unequal years.
    frame = pd.DataFrame(
        {
            "unit": np.repeat(["a", "b", "c", "d"], 3),
            "period": [2015, 2016, 2017] * 4,
            "spending": [100, 100, 900, 114, 114, 1, 116, 116, 100, 50, 125, 7],
            "insured_years": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1],
        }
    )
    panel = Panel.from_frame(frame, insured_years="insured_years")
    rule = SimilarSpending(0.15)
    assert rule.admits(panel, ["a"], panel.columns([2015, 2016])).tolist() == [True, True, False, True]
    assert comparison_of({"spending_within": 0.15}) == rule
    with pytest.raises(DesignError, match="a number more than 0 and less than 1"):
        SimilarSpending(15)


def test_listed_units_are_a_list():
    with pytest.raises(DesignError, match="allowed: a list"):
        Listed(pd.DataFrame({"x": [1]}))
