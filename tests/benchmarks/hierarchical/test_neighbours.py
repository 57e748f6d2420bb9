"""Authorities: the route that the first version used (`neighbours_golden`), differences, the dense Gaussian (scipy)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from benchmarks.hierarchical import neighbours_golden as golden

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.problem import Problem

STORED = json.loads(golden.GOLDEN.read_text())


@pytest.mark.parametrize("window", STORED)
def test_posterior_and_predictions_equal_those_of_the_first_route(window):
    panel, design, options = golden.windows(window)[window]
    if panel is None:
        pytest.skip("SSINFER_DATA_DIR is not set")
    x = np.array(STORED[window]["x"])
    for name, values in golden.numbers(panel, design, options, x).items():
        np.testing.assert_allclose(values, STORED[window][name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("window", ["distance", "regions"])
def test_the_gradient_is_that_of_differences(window):
    panel, design, options = golden.windows(window)[window]
    layout = lay_out(Problem.of(panel, design), HierarchicalBenchmark(**options))
    model, data = layout.model, (layout.y, layout.seen)
    for x in np.array(STORED[window]["x"]):
        value, gradient = model.log_posterior_gradient(x, *data)
        assert value == pytest.approx(model.log_posterior(x, *data), abs=1e-9)
        steps = 1e-5 * np.eye(model.size)
        expected = [(model.log_posterior(x + h, *data) - model.log_posterior(x - h, *data)) / 2e-5 for h in steps]
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-5)


METHOD = HierarchicalBenchmark(
    unit_effect="pooled", n_draws=1000, nodes=512, spatial="distance", rank=4, trend=False, shock=None, volatility=False
)


def moments(cf):
    return float(cf.pooled().mean()), float(cf.pooled().std())


def tampered(panel, unit, period, factor):
    spending = panel.spending.copy()
    spending[panel.rows([unit])[0], panel.columns([period])[0]] *= factor
    return ss.Panel(panel.units, panel.periods, spending, panel.insured_years, covariates=dict(panel.covariates))


def test_the_treated_units_performance_spending_changes_no_draw_of_a_fit():
    panel, design = golden.made_panel(), ss.Design(["u04"], range(4), [4])
    first, second = (METHOD.fit(data, design, seed=1) for data in (panel, tampered(panel, "u04", 4, 1.2)))
    np.testing.assert_array_equal(first.benchmark, second.benchmark)


@pytest.mark.evidence
def test_placebos_are_predicted_without_their_own_cells_and_whatever_else_is_fitted():
    """Decision 0027: in a backtest own cells move the nodes, and so the draws within their Monte Carlo errors."""
    panel = golden.made_panel()
    designs = [ss.Design([unit], range(4), [4]) for unit in ("u04", "u11", "u17")]
    alone, many = METHOD.fit(panel, designs[0], seed=1), METHOD.fit_many(panel, designs, [1, 2, 3])
    other = METHOD.fit_many(tampered(panel, "u04", 4, 1.2), designs[:1], [1])
    mean, deviation = moments(alone)
    for placebo in (many[0], other[0]):
        assert not placebo.failures
        # 400 effective nodes or more, and 1,000 draws: errors are about 6% and 4% of the SD
        assert moments(placebo)[0] == pytest.approx(mean, abs=0.2 * deviation)
        assert moments(placebo)[1] == pytest.approx(deviation, rel=0.15)
    few = METHOD.fit_many(panel, designs[1:2], [2])
    np.testing.assert_allclose(few[0].benchmark, many[1].benchmark, rtol=1e-9)
