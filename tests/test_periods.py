"""Labels of periods and their dates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.errors import DataError
from ssinfer.periods import PER_YEAR, bounds, consecutive, label, missing, number, seasons, span


@given(st.sampled_from(sorted(PER_YEAR)), st.integers(1950, 2100), st.integers(0, 11))
def test_labels_and_numbers_are_inverse_and_periods_tile_time(frequency, year, part):
    running = year * PER_YEAR[frequency] + part % PER_YEAR[frequency]
    assert number(label(frequency, running)) == (frequency, running)
    assert bounds(label(frequency, running))[1] == bounds(label(frequency, running + 1))[0]
    assert label(frequency, running) < label(frequency, running + 1)


def test_span():
    assert span(2018, 2020) == (2018, 2019, 2020)
    assert span("2018-11", "2019-02") == ("2018-11", "2018-12", "2019-01", "2019-02")
    assert consecutive(span("2018Q2", "2024Q2")) == "quarter"
    assert len(span("2018Q2", "2024Q2")) == 25


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: number("2018Q5"), "is not a period"),
        (lambda: span("2019Q1", "2018Q1"), "earlier one first"),
        (lambda: span("2019Q1", 2020), "Use one frequency"),
        (lambda: consecutive((2018, 2020)), "without gaps"),
        (lambda: consecutive(()), "no periods"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_seasons():
    assert seasons(("2018Q1", "2018Q2")) == 4
    assert seasons(("2018-01", "2018-02")) == 12
    assert seasons((2018, 2019)) == 1
    assert seasons(("2018Q9", "2018-13", "before")) == 1


@given(st.sampled_from(sorted(PER_YEAR)), st.integers(1950, 2100), st.integers(3, 30), st.data())
def test_a_period_left_out_is_found(frequency, year, length, data):
    whole = tuple(label(frequency, PER_YEAR[frequency] * year + place) for place in range(length))
    assert missing(whole) == ()
    if length > 3:
        gap = data.draw(st.integers(1, length - 2))
        assert missing(whole[:gap] + whole[gap + 1 :]) == (whole[gap],)
