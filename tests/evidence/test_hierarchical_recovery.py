"""Authority: the truth of simulations like CPC+: practice intercept SD 83.7, slope SD 9.3, 12 quarters."""

# ruff: noqa: T201
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark

LEVEL_SD, SLOPE_SD, QUARTERS, PRACTICES = 83.7, 9.3, 12, 300
MEAN, CV = 800.0, 2.5
TRUTH = {"level": LEVEL_SD, "trend": SLOPE_SD, "noise": CV * MEAN}


def simulate(seed):
    """Practices of 1,000 to 8,000 patients around their own straight lines, with sampling noise and no other shock."""
    rng = np.random.default_rng([17, seed])
    sizes = np.exp(rng.uniform(np.log(1_000), np.log(8_000), PRACTICES))[:, None] * np.ones(QUARTERS)
    time = np.arange(QUARTERS)
    level, slope = rng.normal(0, LEVEL_SD, (PRACTICES, 1)), rng.normal(0, SLOPE_SD, (PRACTICES, 1))
    mean = MEAN + 5.0 * time + level + slope * (time - (QUARTERS - 1) / 2)
    spending = mean + rng.normal(0, CV * MEAN / np.sqrt(sizes))
    return ss.Panel(tuple(f"p{i:03}" for i in range(PRACTICES)), tuple(time), spending, sizes)


@pytest.mark.evidence
def test_intercept_and_slope_deviations_are_recovered(evidence_share):
    """Bias of the posterior mean, and coverage of 90% intervals, over simulated panels."""
    count = int(80 * evidence_share)
    rows = []
    for seed in range(count):
        panel = simulate(seed)
        design = ss.Design(treated=["p000"], baseline=range(QUARTERS - 1), performance=[QUARTERS - 1])
        cf = HierarchicalBenchmark(scale="identity", unit_effect="pooled").fit(panel, design, seed=seed)
        assert not cf.failures
        unit = float(np.abs(panel.spending[:, : QUARTERS - 1]).mean())
        groups = cf.inference
        draws = groups.posterior.nodes[groups.picked]
        for j, parameter in enumerate(groups.layout.model.parameters):
            if parameter.name in TRUTH:
                values, truth = parameter.natural(draws[:, j]) * unit, TRUTH[parameter.name]
                low, high = np.quantile(values, [0.05, 0.95])
                rows.append((parameter.name, values.mean() / truth - 1, low <= truth <= high, values.std() / truth))
        low, high = np.quantile(cf.benchmark, [0.05, 0.95])
        mean, spent = float(cf.benchmark.mean()), cf.spending.item()
        rows.append(("benchmark", mean / spent - 1, low <= spent <= high, float(cf.benchmark.std()) / mean))
    frame = pd.DataFrame(rows, columns=["quantity", "bias", "covered", "sd"])
    table = frame.groupby("quantity").agg(
        bias=("bias", "mean"),
        bias_error=("bias", lambda values: values.std() / np.sqrt(len(values))),
        covered=("covered", "mean"),
        posterior_sd=("sd", "mean"),
    )
    table["coverage_error"] = np.sqrt(0.9 * 0.1 / count)
    print(f"{count} panels of {PRACTICES} practices x {QUARTERS} quarters\n{table.round(4).to_string()}")
    assert (table["bias"].abs() < 0.02 + 4 * table["bias_error"]).all()
    assert ((table["covered"] - 0.9).abs() < 0.03 + 4 * table["coverage_error"]).all()
