"""Year weights from persons: authorities are least squares on known errors, and the conditions of an optimum."""

import dataclasses

import numpy as np
import pytest
from scipy.linalg import toeplitz

from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.benchmarks.administrative.year_weights import correlation_by_distance, least_variance_weights
from ssinfer.benchmarks.problem import Problem
from ssinfer.design import Design
from ssinfer.errors import PanelError
from ssinfer.panel import Panel
from ssinfer.simulation import simulate_cohort

METHOD = AdministrativeBenchmark(year_weights="correlation", n_draws=40, chains=1, history=0)
YEARS = tuple(range(2010, 2018))
DESIGN = Design(treated=["practice 01"], baseline=[2013, 2014, 2015], performance=[2016, 2017])


def weights(data, design=DESIGN, method=METHOD):
    return method._baseline_weights(method.prepare(data, design))


def panel_with(correlation, periods=YEARS):
    spending = 1000.0 + np.add.outer(np.arange(12.0) ** 2, np.arange(len(periods)))
    units = [f"practice {number:02d}" for number in range(1, 13)]
    return Panel(units, periods, spending, np.full(spending.shape, 900.0), person_correlation=correlation)


def test_weights_are_those_of_least_squares_on_errors_with_the_known_correlation():
    """The unit's error in each year is a vector; the mean performance error is regressed on those of the baseline."""
    known = toeplitz([1.0, *(0.15 + 0.45 * 0.7 ** np.arange(1, 8))])
    error = np.linalg.cholesky(known)  # rows have the inner products `known`
    target, before = error[6:].mean(axis=0), error[3:6]
    free = np.linalg.lstsq((before[:-1] - before[-1]).T, target - before[-1], rcond=None)[0]
    expected = [*free, 1 - free.sum()]
    assert min(expected) > 0
    given = known.copy()
    given[6:] = given[:, 6:] = np.nan  # no performance cell; distances 1 to 5 are known
    for correlation in (given, known):
        np.testing.assert_allclose(weights(panel_with(correlation)), expected, atol=1e-9)


def test_no_weight_is_negative_and_none_can_be_moved_with_gain():
    rng = np.random.default_rng(3)
    empty = 0
    for n in (2, 3, 5, 12):
        root = rng.standard_normal((n, n + 1)) + 1.0
        covariance = root @ root.T
        found = least_variance_weights(covariance)
        gradient = covariance @ found
        assert found.sum() == pytest.approx(1)
        assert found.min() >= 0
        used = found > 1e-9
        empty += (~used).sum()
        np.testing.assert_allclose(gradient[used], gradient[used][0], rtol=1e-6)
        assert (gradient[~used] >= gradient[used][0] * (1 - 1e-9)).all()
    assert empty  # some optimum lies on the border


@pytest.mark.parametrize("curve", [0.6 ** np.arange(12.0), np.r_[1.0, np.full(11, 0.4)]])
def test_distances_that_no_pair_has_continue_the_decline(curve):
    np.testing.assert_allclose(correlation_by_distance(np.arange(5), toeplitz(curve), 11), curve)


def test_a_constant_correlation_gives_equal_weights_and_one_year_has_all():
    flat = np.where(np.eye(8), 1.0, 0.4)
    np.testing.assert_allclose(weights(panel_with(flat)), [1 / 3] * 3)
    assert weights(panel_with(flat), Design(treated=["practice 01"], baseline=[2010], performance=[2011])) == [1.0]


def test_the_contracts_own_data_and_performance_cells_change_no_weight():
    cohort = simulate_cohort(12, (80, 100), YEARS, seed=5)
    own, after = cohort.unit == "practice 01", np.array(YEARS) >= 2016
    expected = weights(cohort)
    assert len(set(expected)) == 3

    def changed(cells):
        draws = np.random.default_rng(1).lognormal(sigma=2, size=cohort.spending.shape)
        return dataclasses.replace(cohort, spending=np.where(cells, cohort.spending * draws, cohort.spending))

    for cells in (own[:, None], after):
        np.testing.assert_array_equal(weights(changed(cells)), expected)
        panel = changed(cells).to_panel(outside=DESIGN.treated, before=2016)
        np.testing.assert_array_equal(weights(panel), expected)
    assert np.abs(weights(changed(~own[:, None])) - expected).max() > 0.01  # others' baselines do
    full = np.nan_to_num(panel.person_correlation, nan=0.9)
    assert (weights(dataclasses.replace(panel, person_correlation=full)) == expected).all()


def test_masked_periods_are_not_used():
    known = toeplitz(0.3 + 0.7 * 0.5 ** np.arange(8.0))
    design = Design(treated=["practice 01"], baseline=YEARS[:5], performance=[2015, 2016], masked=[2012])
    spoilt = known.copy()
    spoilt[2] = spoilt[:, 2] = 0.0
    np.testing.assert_array_equal(weights(panel_with(known), design), weights(panel_with(spoilt), design))


def test_a_panel_without_the_correlation_is_refused():
    with pytest.raises(PanelError, match=r"the panel has no person_correlation\. Fit a Cohort, .* or give 'equal'"):
        METHOD.fit(panel_with(None), DESIGN, seed=1)


def test_the_benchmark_uses_the_weights():
    cohort = simulate_cohort(12, (80, 100), YEARS, seed=5)
    fitted = dataclasses.replace(METHOD, n_draws=4000).fit(cohort, DESIGN, seed=1)
    numbers = AdministrativeBenchmark(year_weights=weights(cohort).tolist(), n_draws=4000, chains=1, history=0)
    np.testing.assert_allclose(fitted.benchmark, numbers.fit(cohort, DESIGN, seed=1).benchmark)
    assert Problem.of(cohort.to_panel(), DESIGN).panel.person_correlation is None
