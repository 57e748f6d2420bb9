"""Authorities: the route that the first version used (`neighbours_golden`), differences, the dense Gaussian (scipy)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from benchmarks.hierarchical import neighbours_golden as golden

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
