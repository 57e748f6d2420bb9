"""A sample of placebos keeps the shares of the size classes, and depends on labels and the seed only."""

import numpy as np
import pandas as pd
import pytest

from ssinfer.backtesting.placebos import PlaceboSample, placebo_units
from ssinfer.design import Design
from ssinfer.panel import Panel

DESIGN = Design(treated=["u000"], baseline=[2014, 2015], performance=[2016])


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    sizes = np.exp(rng.uniform(np.log(1_000), np.log(50_000), 401)).round()
    rows = [(f"u{j:03d}", year, 2_000.0, sizes[j]) for j in range(401) for year in range(2014, 2017)]
    return pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"])


def size_of(frame):
    return frame.groupby("unit")["insured_years"].first()


@pytest.mark.parametrize("edges", [(), (2_000, 10_000), (5, 900_000)])
@pytest.mark.parametrize("most", [20, 101, 399])
def test_a_sample_keeps_the_share_of_each_size_class(frame, edges, most):
    panel = Panel.from_frame(frame)
    drawn = placebo_units(panel, DESIGN, PlaceboSample(most, None, edges, 7))
    assert len(drawn) == most
    sizes = size_of(frame).drop("u000")
    classes = np.searchsorted(edges or np.quantile(sizes, [0.25, 0.5, 0.75]), sizes, side="right")
    expected = most * np.bincount(classes) / 400  # authority: the share, to the next whole number
    counts = np.bincount(classes[sizes.index.isin(drawn)], minlength=len(expected))
    assert (np.abs(counts - expected) < 1).all()


def test_a_sample_of_all_or_more_is_every_placebo(frame):
    panel = Panel.from_frame(frame)
    for most in (400, 10_000):
        assert placebo_units(panel, DESIGN, PlaceboSample(most, None, (), 7)) == placebo_units(panel, DESIGN, None)


def test_a_sample_depends_on_labels_and_the_seed_only(frame):
    sample = PlaceboSample(50, None, (), 7)
    drawn = placebo_units(Panel.from_frame(frame), DESIGN, sample)
    shuffled = Panel.from_frame(frame.sample(frac=1, random_state=3))
    assert sorted(placebo_units(shuffled, DESIGN, sample)) == sorted(drawn)
    assert sorted(placebo_units(shuffled.ordered, DESIGN, sample)) == sorted(drawn)
    assert set(placebo_units(shuffled, DESIGN, PlaceboSample(50, None, (), 8))) != set(drawn)
    larger = placebo_units(shuffled, DESIGN, PlaceboSample(100, None, (), 7))
    assert set(drawn) < set(larger)  # 12 or 13 of each class of 100, then 25


def test_a_sample_is_drawn_from_the_named_placebos_and_of_panels_without_sizes(frame):
    panel = Panel.from_frame(frame.drop(columns="insured_years"), insured_years=None)
    named = [f"u{j:03d}" for j in range(100, 200)]
    drawn = placebo_units(panel, DESIGN, PlaceboSample(30, named, (2_000,), 7))
    assert len(drawn) == 30
    assert set(drawn) < set(named)
