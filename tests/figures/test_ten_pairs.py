"""Figures of ten designs and methods: labels do not overlap, and captions name what the figure shows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ssinfer.drawing import FIGURES
from ssinfer.figures.style import colour, marker

NAMES = [f"design {number}, method {number % 3}" for number in range(10)]


def placebo_savings():
    rates = np.random.default_rng(3).normal(0, 0.02, 60)
    placebo = {"item": "placebo contract", "name": "", "learns_from": "", "judged": True, "paid": rates > 0.04}
    parts = []
    for number, name in enumerate(NAMES):
        parts.append(pd.DataFrame({"rate": rates, **placebo}).assign(design=name))
        rows = [("threshold", "Placebo", "placebos", 0.03), ("contract group", "", "", 0.01 * number)]
        other = pd.DataFrame(rows, columns=["item", "name", "learns_from", "rate"])
        parts.append(other.assign(judged=False, paid=False, design=name))
    return pd.concat(parts, ignore_index=True)


def false_payments():
    rows = [
        {"threshold": f"Threshold {k}", "promised": 0.05, "design": name, "rate": 0.04, "standard_error": 0.01}
        for k in range(8)
        for name in NAMES
    ]
    return pd.DataFrame(rows).assign(main=lambda frame: frame["design"] == NAMES[0])


def threshold_by_size():
    n = np.geomspace(2_000, 200_000, 20)
    lines = [pd.DataFrame({"name": name, "threshold": 3 / np.sqrt(n) + 0.001 * k}) for k, name in enumerate(NAMES)]
    table = pd.concat([line.assign(item="design", insured_years=n, observed=True) for line in lines])
    group = {"item": "contract group", "name": "g", "threshold": 0.03, "insured_years": 2e4, "observed": False}
    return pd.concat([table, pd.DataFrame([group])], ignore_index=True)


def case():
    periods = pd.DataFrame({"period": [*"abcdefgh"], "window": ["baseline"] * 5 + ["performance"] * 3})
    periods = periods.assign(masked=False, lower=np.nan, upper=np.nan)
    parts = [periods.assign(design="", value=100.0)]
    parts += [periods.assign(design=name, value=101.0 + 0.1 * k) for k, name in enumerate(NAMES)]
    labels = {"contract_group": "g", "currency": "EUR", "interval": "interval"}
    return pd.concat(parts, ignore_index=True).assign(**labels)


def baseline_path():
    step = np.arange(-3, 2)
    shape = {"unit": "u", "origin": "o", "step": step, "gap": 0.01 * step}
    return pd.concat([pd.DataFrame(shape).assign(name=name, of_placebo=False) for name in NAMES], ignore_index=True)


def donor_weights():
    donors = pd.DataFrame({"donor": [f"region {k}" for k in range(8)], "others": 0, "weight": 0.125})
    return pd.concat([donors.assign(name=name) for name in NAMES], ignore_index=True)


FRAMES = (placebo_savings, false_payments, threshold_by_size, case, baseline_path, donor_weights)


def test_no_two_designs_share_colour_and_marker():
    assert len({(colour(number), marker(number)) for number in range(30)}) == 30


@pytest.mark.parametrize("frame", FRAMES)
def test_no_two_labels_overlap(frame, monkeypatch):
    drawn: dict[int, tuple[str, object]] = {}
    draw_text = Text.draw

    def record(text, renderer, *args, **kwargs):
        if text.get_visible() and text.get_text().strip():
            drawn[id(text)] = text.get_text(), Text.get_window_extent(text, renderer).padded(-0.5)
        draw_text(text, renderer, *args, **kwargs)

    monkeypatch.setattr(Text, "draw", record)
    figure, table = FIGURES.find(frame.__name__), frame()
    for part in figure.parts(table):
        drawn.clear()
        picture = figure.draw(part)
        assert picture.get_figheight() <= 9.6  # one page of A4 at the width of the text
        FigureCanvasAgg(picture)
        picture.draw_without_rendering()
        assert drawn
        for (name, box), (other, other_box) in combinations(drawn.values(), 2):
            assert not box.overlaps(other_box), (name, other)


@pytest.mark.parametrize("frame", [frame for frame in FRAMES if FIGURES.find(frame.__name__).names])
def test_a_caption_names_the_designs_of_its_frame(frame):
    figure, table = FIGURES.find(frame.__name__), frame()
    assert all(name in figure.caption_of(table) for name in NAMES)
    assert NAMES[4] not in figure.caption_of(table[table[figure.names] != NAMES[4]])
    assert pd.concat(figure.parts(table)).equals(table)
