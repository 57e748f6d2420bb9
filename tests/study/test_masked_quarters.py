"""Quarters that a design masks: their spending changes nothing but persons' histories."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ssinfer.backtesting.backtest import backtest
from ssinfer.backtesting.placebos import PlaceboSample, placebo_units
from ssinfer.benchmarks.administrative import AdministrativeBenchmark
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.synthetic_control.synthetic_did import SyntheticDiD
from ssinfer.comparison import SimilarSize, SimilarSpending
from ssinfer.design import Design
from ssinfer.panel import Panel
from ssinfer.periods import span
from ssinfer.windows import rolling_windows

QUARTERS = span("2018Q2", "2024Q2")
LONG = {"baseline": span("2018Q2", "2019Q1"), "performance": span("2022Q2", "2023Q1")}
COVID = span("2020Q1", "2021Q4")
INSIDE = {"baseline": span("2019Q2", "2021Q1"), "performance": span("2022Q2", "2023Q1")}  # its mask cuts the baseline


def panel(seed=1, n_units=24):
    rng = np.random.default_rng(seed)
    level = 2000 * np.exp(0.2 * rng.standard_normal((n_units, 1)))
    spending = level * np.exp(0.03 * rng.standard_normal((n_units, len(QUARTERS))))
    years = rng.uniform(200, 800, (n_units, 1)) * np.ones(len(QUARTERS))
    return Panel(tuple(f"u{i:02d}" for i in range(n_units)), QUARTERS, spending, years)


def tampered(data, periods):
    """Return the panel with other spending, size and covariates in some periods."""
    rng, columns = np.random.default_rng(9), data.columns(periods)
    spending, years = data.spending.copy(), data.insured_years.copy()
    spending[:, columns] *= rng.uniform(0.2, 5.0, (len(data.units), len(columns)))
    years[:, columns] *= rng.uniform(0.2, 5.0, (len(data.units), len(columns)))
    return dataclasses.replace(data, spending=spending, insured_years=years)


def check_equal(design, methods, **options):
    """Both backtests have the same numbers, with and without changes in masked quarters."""
    data = panel(n_units=12)
    first, second = (
        backtest(part, design, methods, n_jobs=1, seed=3, **options) for part in (data, tampered(data, COVID))
    )
    assert first.placebos.groupby("method")["status"].agg(lambda status: (status == "ok").sum()).min() > 0
    pd.testing.assert_frame_equal(first.placebos, second.placebos)
    pd.testing.assert_frame_equal(first.scores, second.scores)


@pytest.mark.parametrize(
    ("windows", "donors"),
    [(LONG, None), (INSIDE, SimilarSpending(0.3)), (INSIDE, SimilarSize(ratio=2.5))],
    ids=["masked gap", "masked baseline quarters and spending", "masked baseline quarters and size"],
)
def test_masked_quarters_change_no_number_of_a_backtest(windows, donors):
    methods = {"administrative": AdministrativeBenchmark(), "synthetic DiD": SyntheticDiD()}
    check_equal(Design(["u00"], donors=donors, masked=COVID, **windows), methods)


def test_masked_quarters_change_no_number_of_the_hierarchical_benchmark():
    """It learns from all periods outside the performance period, not from the baseline alone."""
    check_equal(Design(["u00"], masked=COVID, **INSIDE), HierarchicalBenchmark(n_draws=64), placebos=["u01", "u02"])


def test_masked_quarters_choose_no_placebo():
    design = Design(["u00"], masked=COVID, **INSIDE)
    for rule in (SimilarSpending(0.2), SimilarSize(ratio=1.5), PlaceboSample(10, None, (), 3)):
        assert placebo_units(panel(), design, rule) == placebo_units(tampered(panel(), COVID), design, rule)


def test_the_programme_without_2020_and_2021_has_one_window():
    """Authority: by hand. A year later the baseline lacks the first quarter of 2020; no earlier window fits."""
    windows = rolling_windows(panel(), Design(["u00"], masked=COVID, **LONG))
    assert [(window.origin, window.baseline[0]) for window in windows] == [("2022Q2", "2018Q2")]


def test_a_mask_within_a_season_leaves_the_window():
    """By hand: two baseline years less one quarter have all seasons; earlier, both third quarters are lost."""
    design = Design(["u00"], span("2020Q2", "2022Q1"), span("2022Q2", "2023Q1"), masked=["2020Q3"])
    assert [window.origin for window in rolling_windows(panel(), design)] == ["2022Q2", "2023Q2"]
