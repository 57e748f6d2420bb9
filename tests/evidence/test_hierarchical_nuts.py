"""Authority: NUTS (nutpie) on the same model with every effect written out in PyMC. Takes minutes."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.hierarchical import HierarchicalBenchmark

DESIGN = ss.Design(treated=["u000"], baseline=range(4), performance=(4, 5))


def simulate(seed, units, shock, sizes):
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(*np.log(sizes), units))
    s = rng.normal(0, shock, units)
    level = rng.normal(0, 0.05, units)
    rows = []
    for t in range(6):
        s = 0.7 * s + rng.normal(0, shock * np.sqrt(1 - 0.49), units)
        y = 7.6 + 0.03 * t + level + s + rng.normal(0, 2.5 / np.sqrt(n))
        rows += [(f"u{i:03}", t, np.exp(y[i]), n[i]) for i in range(units)]
    return ss.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"]))


@pytest.mark.evidence
@pytest.mark.parametrize(
    ("seed", "units", "shock", "sizes"),
    [(1, 40, 0.02, (2_000, 60_000)), (2, 40, 0.02, (1_000, 5_000)), (3, 25, 0.04, (10_000, 60_000))],
)
def test_posterior_quantiles_equal_those_of_nuts(seed, units, shock, sizes):
    panel = simulate(seed, units, shock, sizes)
    exact = HierarchicalBenchmark(draws=4000).fit(panel, DESIGN, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nuts = HierarchicalBenchmark(draws=2000, inference="nuts").fit(panel, DESIGN, seed=1)
    spread = float(exact.pooled().std())
    for probability, worst in ((0.05, 0.12), (0.5, 0.06), (0.95, 0.12)):
        # standard error of a quantile from 4,000 effective draws: .033 SD at 5%, .02 at 50%; four of them, both sides
        difference = np.quantile(exact.pooled(), probability) - np.quantile(nuts.pooled(), probability)
        assert abs(difference) < worst * spread * np.sqrt(1.5)
