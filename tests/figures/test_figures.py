"""Figures: labels keep their distance, awkward inputs draw."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.figures import false_payments, placebo_savings, threshold_by_size
from ssinfer.figures.data import PaymentDot, PlaceboRow, SizeCurve
from ssinfer.figures.style import spread, style
from ssinfer.figures.svg import inline, svg_of


@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.01, 5))
def test_spread_keeps_the_order_and_the_distance(wanted, gap):
    found = spread(wanted, gap)
    ordered = [found[place] for place in sorted(range(len(wanted)), key=lambda place: wanted[place])]
    assert all(b - a >= gap * (1 - 1e-9) for a, b in pairwise(ordered))
    assert np.isclose(np.mean(found) if found else 0.0, np.mean(wanted) if wanted else 0.0)


def test_spread_leaves_distant_labels_where_they_are():
    assert spread([3.0, 1.0, 2.0], 0.5) == [3.0, 1.0, 2.0]


@pytest.mark.parametrize("case", [float("nan"), 0.3])
def test_placebos_without_thresholds_and_with_a_distant_case(case):
    rates = np.random.default_rng(1).normal(0, 0.02, 50)
    with style():
        text = svg_of(placebo_savings.draw([PlaceboRow("a", rates, rates < 1, rates > 0.03, (), case)]))
    assert ("case 30.0%" in text) == np.isfinite(case)


@pytest.mark.parametrize(
    ("judged", "words"), [(50, "4.0% would be paid"), (10, "20.0% of 10 would be paid"), (0, "no honest threshold")]
)
def test_placebos_say_how_many_have_a_threshold(judged, words):
    place = np.arange(50)
    row = PlaceboRow("a", np.linspace(-0.05, 0.05, 50), place < judged, (place < 2) & (place < judged), (), 0.0)
    with style():
        assert words in svg_of(placebo_savings.draw([row]))


def test_payments_without_errors_and_without_nominal():
    dots = [PaymentDot("Schedule", float("nan"), "a", 0.1, float("nan")), PaymentDot("P", 0.05, "a", 0.0, 0.01)]
    with style():
        assert "Schedule" in svg_of(false_payments.draw(dots))


def test_threshold_curves_without_a_case():
    with style():
        text = svg_of(threshold_by_size.draw([SizeCurve("a", 3.0, 0.01, 5_000, 50_000)], None))
    assert "Medicare" in text


def test_inline_prefixes_every_id_and_reference():
    with style():
        text = svg_of(threshold_by_size.draw([SizeCurve("a", 3.0, 0.01, 5_000, 50_000)], None))
    element = inline(text, "name", "words")
    assert element.startswith("<svg")
    assert all(one.startswith("name-") for one in re.findall(r'\bid="([^"]+)"', element))
    assert all(one.startswith("name-") for one in re.findall(r"url\(#([^)]+)\)", element))
    assert 'aria-label="words"' in element
    assert "<metadata" not in text


def test_more_designs_than_colours_draw():
    rates = np.random.default_rng(1).normal(0, 0.02, 50)
    labels = [f"design {place}" for place in range(8)]
    with style():
        placebo_savings.draw(
            [PlaceboRow(label, rates, rates < 1, rates > 0.03, (("honest threshold", 0.03),), 0.0) for label in labels]
        )
        svg_of(false_payments.draw([PaymentDot("P", 0.05, label, 0.05, 0.01) for label in labels]))
        svg_of(threshold_by_size.draw([SizeCurve(label, 3.0, 0.01, 5_000, 50_000) for label in labels], None))
