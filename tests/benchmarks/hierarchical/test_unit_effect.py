"""Authorities: least squares with an instrument written out; panels of known size and level."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

import ssinfer as ss
from ssinfer.benchmarks.hierarchical import unit_effect
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.unit_effect import MAX_SLOPE, UnitEffectChoice
from ssinfer.benchmarks.problem import Problem

YEARS = range(2010, 2018)
AUTO = ss.HierarchicalBenchmark(n_draws=400, nodes=512, volatility=False, trend=False, shock=None, unit_effect="auto")


def panel_of(sizes, level_sd, n_units=60, seed=1, gone=()):
    """Spending with lasting levels, sampling noise (cv 2.5) and shocks of 0.5%; cells (unit, year) in `gone` lack."""
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(*np.log(sizes), n_units))[:, None] * np.ones(len(YEARS))
    level = rng.normal(0, level_sd, (n_units, 1))
    spending = 2_000 * np.exp(level + 0.005 * rng.normal(size=n.shape) + 2.5 / np.sqrt(n) * rng.normal(size=n.shape))
    for unit, year in gone:
        spending[unit, year - YEARS[0]] = np.nan
    return ss.Panel([f"u{i:02}" for i in range(n_units)], list(YEARS), spending, n, periods_per_year=1)


def design(unit="u00", baseline=range(2010, 2017), **more):
    return ss.Design(treated=[unit], baseline=baseline, performance=[2017], **more)


def choice_of(panel, method=AUTO, **more):
    return UnitEffectChoice.of(Problem.of(panel, design(**more)), method)


def test_small_groups_keep_their_own_levels_and_large_units_are_pooled():
    small, large = choice_of(panel_of((2_000, 4_000), 0.05)), choice_of(panel_of((50_000, 90_000), 0.10))
    assert (small.effect, large.effect) == ("own", "pooled")
    assert small.slope + 2 * small.error < 0
    assert abs(large.slope) + 2 * large.error < MAX_SLOPE
    assert small.n_windows == large.n_windows == 4  # blocks 2013 to 2016: a year for the level, and two of baseline


def test_the_slope_is_that_of_an_instrument_with_errors_by_unit():
    rng = np.random.default_rng(3)
    parts = [tuple(v - v.mean() for v in rng.normal(size=(3, 20))) for _ in range(3)]
    parts = [(error + far, near + far, far) for error, near, far in parts]
    with (
        patch.object(unit_effect, "_window_levels", side_effect=parts),
        patch.object(unit_effect, "_windows", return_value=[(None, None)] * 3),
    ):
        choice = UnitEffectChoice.of(None, AUTO)
    error, near, far = (np.concatenate([part[k] for part in parts]) for k in range(3))
    slope = np.linalg.solve(far[None] @ near[:, None], far[None] @ error[:, None]).item()
    unit = np.tile(np.arange(20), 3)
    meat = sum(((error - slope * near) * far)[unit == i].sum() ** 2 for i in range(20)) * 20 / 19
    assert choice.slope == pytest.approx(slope)
    assert choice.error == pytest.approx(np.sqrt(meat) / abs(far @ near))


def test_no_period_from_the_gap_on_changes_the_choice():
    panel, window = panel_of((2_000, 4_000), 0.05), {"baseline": range(2010, 2016)}
    spending = panel.spending.copy()
    spending[:, -2:] *= np.random.default_rng(1).uniform(0.5, 2.0, spending[:, -2:].shape)
    other = ss.Panel(panel.units, panel.periods, spending, panel.insured_years, periods_per_year=1)
    assert choice_of(other, **window) == choice_of(panel, **window)


def test_placebos_of_a_window_share_one_choice_which_diagnostics_tell():
    panel, of = panel_of((2_000, 4_000), 0.05, n_units=24), UnitEffectChoice.of
    with patch.object(UnitEffectChoice, "of", side_effect=of) as chosen:
        many = AUTO.fit_many(panel, [design("u00"), design("u08")], [1, 2])
    assert chosen.call_count == 1
    alone = AUTO.fit(panel, design("u08"), seed=2)
    np.testing.assert_allclose(many[1].benchmark, alone.benchmark, rtol=1e-9)
    rows = alone.diagnostics.set_index("check")
    choice = choice_of(panel)
    assert rows.loc[["level_slope", "level_slope_se"], "figure"].tolist() == [choice.slope, choice.error]
    assert rows.loc["unit_effect", "message"].startswith("'own' is taken")


def test_with_fewer_than_two_windows_own_is_taken_and_said():
    panel = panel_of((50_000, 90_000), 0.10, n_units=8)
    choice = choice_of(panel, masked=[2010, 2011, 2012])  # four years are left: one window
    assert (choice.effect, choice.n_windows) == ("own", 1)
    rows = choice.checks()
    assert {row.status for row in rows} == {"NOT EVALUATED"}
    assert "in 1 windows before the start" in rows[0].message
    assert rows[2].message.startswith("'own' is taken: 'pooled' needs")


def test_history_holds_the_known_unmasked_periods_before_the_baseline():
    panel = panel_of((2_000, 4_000), 0.05, n_units=8, gone=[(3, 2012)])
    given = {"baseline": [2014, 2015], "masked": [2011]}
    problem = Problem.of(panel, design(**given))
    everything = ss.HierarchicalBenchmark(history="all")
    assert problem.periods(lay_out(problem, everything).columns) == [2010, 2013, 2014, 2015, 2017]
    assert problem.periods(lay_out(problem, ss.HierarchicalBenchmark()).columns) == [2014, 2015, 2017]
    one_year = Problem.of(panel, design(baseline=[2015]))  # enough, as the history is longer
    assert len(lay_out(one_year, everything).columns) == 6


def test_a_period_whose_case_mix_is_unknown_is_no_history():
    panel = panel_of((2_000, 4_000), 0.05, n_units=8)
    expected = np.where(np.array(YEARS) < 2012, np.nan, 2_000.0) * np.ones((8, 1))
    with_standard = ss.Panel(
        panel.units, panel.periods, panel.spending, panel.insured_years, covariates={"expected": expected}
    )
    problem = Problem.of(with_standard, design(baseline=[2014, 2015], standard="expected"))
    assert problem.periods(problem.history) == [2012, 2013, 2014, 2015]
