"""Problem: what a method may see of a panel, and under which case mix."""

from dataclasses import replace

import numpy as np
import pytest

import ssinfer as ss
from ssinfer.benchmarks.problem import Problem
from ssinfer.design import Design
from ssinfer.errors import DesignError, PanelError
from ssinfer.panel import Panel

YEARS = (2014, 2015, 2016, 2017, 2018)


def panel(**changes):
    spending = np.arange(15.0).reshape(3, 5) + 100
    sizes = np.array([[10.0], [20.0], [30.0]]) * np.ones((3, 5))
    return Panel(
        **{"units": ("a", "b", "c"), "periods": YEARS, "spending": spending, "insured_years": sizes, **changes}
    )


def design(**changes):
    return Design(**{"treated": ["a"], "baseline": [2014, 2015, 2016], "performance": [2017, 2018], **changes})


def with_value(row, column, value):
    spending = panel().spending.copy()
    spending[row, column] = value
    return panel(spending=spending)


def test_performance_of_the_treated_is_sealed_and_nothing_else():
    problem = Problem.of(panel(), design())
    assert np.isnan(problem.spending[0, 3:]).all()
    assert np.isfinite(problem.spending[0, :3]).all()
    np.testing.assert_array_equal(problem.spending[1:], panel().spending[1:])


@pytest.mark.parametrize("known", ["cv", "variance"])
def test_known_noise_is_sealed_too(known):
    # with a cv the variance of a mean depends on that mean: it would give the sealed spending away
    given = {"cv": 2.5} if known == "cv" else {"sampling_variance": np.ones((3, 5))}
    problem = Problem.of(panel(**given), design())
    assert np.isnan(problem.variance[0, 3:]).all()
    np.testing.assert_allclose(
        problem.variance[1:], (2.5 * panel().spending[1:]) ** 2 / panel().insured_years[1:] if known == "cv" else 1.0
    )


def test_staggered_start_seals_from_the_units_own_start():
    problem = Problem.of(panel(), design(treated=["a", "b"], starts={"b": 2018}))
    assert np.isnan(problem.spending[0, 3:]).all()
    assert np.isfinite(problem.spending[1, 3])
    assert np.isnan(problem.spending[1, 4])
    assert problem.performance_insured_years.tolist() == [[10, 10], [0, 20]]


def test_masked_periods_are_neither_baseline_nor_performance():
    problem = Problem.of(panel(), design(masked=[2015, 2018]))
    assert problem.baseline.tolist() == [0, 2]
    assert problem.performance_columns.tolist() == [3]
    assert problem.pre.sum() == 2


def test_standard_divides_by_relative_case_mix():
    # by hand: expected 100, 200, 300 with insured 10, 20, 30 have mean (1000 + 4000 + 9000) / 60 = 233.33
    expected = np.array([[100.0], [200.0], [300.0]]) * np.ones((3, 5))
    problem = Problem.of(panel(covariates={"expected": expected}), design(standard="expected"))
    assert problem.factor[:, 0] == pytest.approx([300 / 700, 600 / 700, 900 / 700])
    np.testing.assert_allclose(problem.spending[1], panel().spending[1] / (600 / 700))


def test_unknown_future_sizes_are_carried_forward():
    spending, sizes = panel().spending.copy(), panel().insured_years.copy()
    spending[0, 3:], sizes[0, 3:] = np.nan, np.nan
    problem = Problem.of(panel(spending=spending, insured_years=sizes), design())
    assert problem.performance_insured_years.tolist() == [[10, 10]]


@pytest.mark.parametrize(
    ("data", "changes", "error", "cure"),
    [
        (with_value(0, 1, np.nan), {}, PanelError, "Shorten the baseline or mask the period"),
        (with_value(1, 4, np.nan), {}, PanelError, r"incomplete='drop'"),
        (with_value(1, 1, np.nan), {}, PanelError, "Donor 'b' has no spending in period 2015"),
        (panel(), {"masked": [2017, 2018]}, DesignError, "Every performance period is masked"),
        (panel(), {"baseline": [2012, 2014]}, DesignError, "no baseline period 2012"),
        (panel(), {"treated": ["d"]}, DesignError, "no treated unit 'd'"),
        (panel(), {"under_contract": ["b", "c"]}, DesignError, "No donors are left"),
        (panel(covariates={"e": np.zeros((3, 5))}), {"standard": "e"}, PanelError, "must be positive"),
        (panel(), {"standard": "expected"}, PanelError, "no covariate 'expected'"),
    ],
)
def test_each_mistake_is_told_its_cure(data, changes, error, cure):
    with pytest.raises(error, match=cure):
        Problem.of(data, design(**changes))


def test_incomplete_donors_are_dropped_when_asked():
    problem = Problem.of(with_value(1, 1, np.nan), design(incomplete="drop"))
    assert problem.labels(problem.donors) == ["c"]


def test_missing_spending_in_the_treated_units_performance_is_no_mistake():
    assert np.isnan(Problem.of(with_value(0, 3, np.nan), design()).spending[0, 3])


@pytest.mark.parametrize("masked", [["spring"], [2015.5]])
def test_a_mask_that_masks_nothing_is_refused(masked):
    with pytest.raises(DesignError, match="nothing would be masked"):
        Problem.of(panel(), design(masked=masked))


def test_a_mask_outside_the_panel_is_harmless():
    assert Problem.of(panel(), design(masked=[1990])).baseline.size == Problem.of(panel(), design()).baseline.size


def opened_late(panel, before):
    """The panel with a unit whose first three periods hold a value from before it opened."""
    spending = panel.spending.copy()
    spending[5, :3] = before
    return replace(panel, spending=spending)


@pytest.mark.parametrize(
    "method",
    [ss.AdministrativeBenchmark(), ss.HierarchicalBenchmark(), ss.SyntheticControl(inference="bayes")],
    ids=lambda method: type(method).__name__,
)
def test_zero_spending_of_a_needed_donor_is_named(null_panel, method):
    """Fault W13, C1: a donor recorded as zero before it opened moved the benchmark, or ended in a LinAlgError."""
    panel = opened_late(null_panel(30, 8, seed=1), 0.0)
    design = ss.Design(["u000"], baseline=range(2012, 2018), performance=[2018])
    message = r"Spending of 'u005' is 0 in baseline period 2012 \(3 such cells\).*incomplete='drop'"
    with pytest.raises(PanelError, match=message):
        method.prepare(panel, design)  # before any fit, so that a study refuses at planning
    assert np.isfinite(ss.SyntheticControl(inference="none").fit(panel, design, seed=1).level)


def test_zeros_outside_the_windows_are_taken_as_absent(null_panel):
    """Fault W13: earlier windows held a benchmark of zero, with raw RuntimeWarnings and infinite errors."""
    panel, absent = (opened_late(null_panel(30, 8, seed=1), before) for before in (0.0, np.nan))
    design = ss.Design(["u000"], baseline=[2016, 2017], performance=[2018])
    first, second = (ss.AdministrativeBenchmark().fit(data, design, seed=1) for data in (panel, absent))
    np.testing.assert_array_equal(first.benchmark.values, second.benchmark.values)
    rows = ss.backtest(panel, design, ss.AdministrativeBenchmark(n_draws=400), n_jobs=1).placebos
    fitted = rows[rows["status"] == "ok"]
    assert len(fitted)
    assert np.isfinite(fitted[["savings_rate", "standard_error"]]).all(axis=None)
