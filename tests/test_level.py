"""Levels and sides, the fractions that people type as percentages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.errors import ParameterError
from ssinfer.level import check_level, check_side, tail


@given(st.floats(1e-9, 1 - 1e-9))
def test_fractions_pass(level):
    assert check_level(level) == level
    assert tail(level, "one-sided") == level
    assert tail(level, "two-sided") == pytest.approx((1 + level) / 2)


@pytest.mark.parametrize("level", [90, 95.0, 99])
def test_percentages_are_named_as_such(level):
    with pytest.raises(ParameterError, match=f"Write it as a fraction: {level / 100:g}"):
        check_level(level)


@pytest.mark.parametrize("level", [0, 1, -0.5, 100, float("nan"), float("inf")])
def test_impossible_levels(level):
    with pytest.raises(ParameterError, match="strictly between 0 and 1"):
        check_level(level)


def test_side_is_explicit():
    assert check_side("one-sided") == "one-sided"
    with pytest.raises(ParameterError, match="Choose one"):
        check_side("both")
