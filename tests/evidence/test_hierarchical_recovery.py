"""Authority: the truth of a simulation like CPC+: practice intercept SD 83.7, slope SD 9.3, 12 quarters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.hierarchical import HierarchicalBenchmark

LEVEL_SD, SLOPE_SD, QUARTERS, PRACTICES = 83.7, 9.3, 12, 300
MEAN, CV = 800.0, 2.5


@pytest.mark.evidence
def test_intercept_and_slope_deviations_are_recovered():
    rng = np.random.default_rng(7)
    sizes = np.exp(rng.uniform(np.log(1_000), np.log(8_000), PRACTICES))
    level, slope = rng.normal(0, LEVEL_SD, PRACTICES), rng.normal(0, SLOPE_SD, PRACTICES)
    rows = []
    for t in range(QUARTERS):
        mean = MEAN + 5.0 * t + level + slope * (t - (QUARTERS - 1) / 2)
        spending = mean + rng.normal(0, CV * MEAN / np.sqrt(sizes))
        rows += [(f"p{i:03}", t, spending[i], sizes[i]) for i in range(PRACTICES)]
    panel = ss.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"]))
    design = ss.Design(treated=["p000"], baseline=range(QUARTERS - 1), performance=[QUARTERS - 1])
    cf = HierarchicalBenchmark(scale="identity").fit(panel, design, seed=1)
    unit = float(np.abs(panel.spending[:, : QUARTERS - 1]).mean())
    posterior = cf.to_datatree()["posterior"].to_dataset() * unit
    for name, truth in (("level", LEVEL_SD), ("trend", SLOPE_SD)):
        low, high = posterior[name].quantile([0.005, 0.995])
        assert float(low) < truth < float(high)
        assert float(high) - float(low) < 0.4 * truth
