"""Residuals from the nearest neighbours against their definition, with ties."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.matched.kernels.neighbour_residuals import neighbour_residuals


@pytest.mark.parametrize("shape", [(80,), (80, 2)])
def test_equals_the_definition(shape):
    rng = np.random.default_rng(5)
    score = rng.integers(0, 30, 80) / 30  # a grid makes ties
    y = rng.normal(size=shape)
    residuals = neighbour_residuals(y, score)
    for i in range(80):
        others = np.delete(np.arange(80), i)
        distance = np.abs(score[others] - score[i])
        nearest = others[distance <= distance.min() + 1e-12]
        L = len(nearest)
        assert residuals[i] == pytest.approx(np.sqrt(L / (L + 1)) * (y[i] - y[nearest].mean(axis=0)))
