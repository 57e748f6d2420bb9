"""Figures: labels keep their distance, awkward inputs draw."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.drawing import FIGURES, draw
from ssinfer.errors import DataError
from ssinfer.figures.style import spread
from ssinfer.figures.svg import inline, svg_of


@settings(max_examples=25)
@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.01, 5))
def test_spread_keeps_the_order_and_the_distance(wanted, gap):
    found = spread(wanted, gap)
    ordered = [found[place] for place in sorted(range(len(wanted)), key=lambda place: wanted[place])]
    assert all(b - a >= gap * (1 - 1e-9) for a, b in pairwise(ordered))
    assert np.isclose(np.mean(found) if found else 0.0, np.mean(wanted) if wanted else 0.0)


def test_spread_leaves_distant_labels_where_they_are():
    assert spread([3.0, 1.0, 2.0], 0.5) == [3.0, 1.0, 2.0]
    assert spread([1.0, 1.0, 3.0], 0.5) == pytest.approx([0.75, 1.25, 3.0])


def placebos(design="a", judged=50, paid=2):
    """Fifty placebo contracts of a design, of which the first `judged` have a threshold."""
    number = np.arange(50)
    columns = {"item": "placebo contract", "name": "", "learns_from": "", "rate": np.linspace(-0.05, 0.05, 50)}
    columns |= {"judged": number < judged, "paid": (number < paid) & (number < judged)}
    return pd.DataFrame({"design": design, **columns})


def item(design="a", **columns):
    """One threshold or measured saving of the figure of placebo savings."""
    row = {"design": design, "name": "", "learns_from": "", "judged": False, "paid": False, **columns}
    return pd.DataFrame([row])


def payments(threshold, promised, *, design="a", rate=0.05, error=0.01):
    row = {"threshold": threshold, "promised": promised, "design": design, "rate": rate, "standard_error": error}
    return pd.DataFrame([{**row, "main": False}])


def curves(*designs):
    n = np.array([2_000.0, 20_000.0, 200_000.0])
    columns = {"insured_years": n, "threshold": 3 / np.sqrt(n), "observed": [False, True, False]}
    lines = [*(("design", name) for name in designs), ("schedule", "Medicare's schedule")]
    return pd.concat([pd.DataFrame({"item": kind, "name": name, **columns}) for kind, name in lines])


def drawn(name, *frames):
    return svg_of(draw(name, pd.concat(frames, ignore_index=True)))


def test_placebos_draw_with_a_distant_measured_saving():
    assert "measured 30.0%" in drawn("placebo_savings", placebos(), item(item="contract group", rate=0.3))
    assert "measured" not in drawn("placebo_savings", placebos()).partition("Measured savings rate")[0]


@pytest.mark.parametrize(
    ("judged", "words"), [(50, "4.0% would be paid"), (10, "20.0% of 10 would be paid"), (0, "no placebo threshold")]
)
def test_placebos_show_how_many_have_a_threshold(judged, words):
    assert words in drawn("placebo_savings", placebos(judged=judged))


def test_payments_draw_without_errors_and_without_a_promised_rate():
    schedule = payments("Schedule", float("nan"), rate=0.1, error=float("nan"))
    assert "Schedule" in drawn("false_payments", schedule, payments("P", 0.05, rate=0.0))


def test_threshold_curves_draw_without_a_contract_group():
    assert "Medicare" in drawn("threshold_by_size", curves("a"))


def test_inline_prefixes_every_id_and_reference():
    text = drawn("threshold_by_size", curves("a"))
    element = inline(text, "name", "words")
    assert element.startswith("<svg")
    assert all(identifier.startswith("name-") for identifier in re.findall(r'\bid="([^"]+)"', element))
    assert all(identifier.startswith("name-") for identifier in re.findall(r"url\(#([^)]+)\)", element))
    assert 'aria-label="words"' in element
    assert "<metadata" not in text


def test_more_designs_than_colours_draw():
    names = [f"design {number}" for number in range(8)]
    threshold = {"item": "threshold", "name": "Placebo", "learns_from": "placebos", "rate": 0.03}
    parts = [part for name in names for part in (placebos(name), item(name, **threshold))]
    assert drawn("placebo_savings", *parts).count("Placebo: 3.0%") == 1  # the first panel names the line
    drawn("false_payments", *(payments("P", 0.05, design=name) for name in names))
    drawn("threshold_by_size", curves(*names))


def test_a_frame_without_a_declared_column_is_refused():
    with pytest.raises(DataError, match="lacks the column 'paid'"):
        draw("placebo_savings", placebos().drop(columns="paid"))


def test_every_figure_names_only_columns_of_its_schema_in_its_caption():
    for figure in FIGURES.entries():
        figure.caption_of(pd.DataFrame([{column.name: "" for column in figure.schema.columns}]))
