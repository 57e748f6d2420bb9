"""Authority: NUTS (nutpie) on the same model with every effect written out in PyMC."""

# ruff: noqa: T201
from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.hierarchical import HierarchicalBenchmark

DESIGN = ss.Design(treated=["u000"], baseline=range(4), performance=(4, 5))
PANELS = [(1, 30, 0.02, (2_000, 60_000)), (2, 30, 0.02, (1_000, 5_000)), (3, 25, 0.04, (10_000, 60_000))]


def simulate(seed, units, shock, sizes, degrees=np.inf):
    """Panel of 6 periods; AR(1) shocks with innovations of a Student-t law of the given degrees of freedom."""
    rng = np.random.default_rng(seed)

    def innovation():
        z = rng.standard_normal(units)
        if np.isfinite(degrees):
            z = rng.standard_t(degrees, units) * np.sqrt((degrees - 2) / degrees)
        return shock * z

    n = np.exp(rng.uniform(*np.log(sizes), units))
    s = innovation()
    level = rng.normal(0, 0.05, units)
    rows = []
    for t in range(6):
        s = 0.7 * s + np.sqrt(1 - 0.49) * innovation()
        y = 7.6 + 0.03 * t + level + s + rng.normal(0, 2.5 / np.sqrt(n))
        rows += [(f"u{i:03}", t, np.exp(y[i]), n[i]) for i in range(units)]
    return ss.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"]))


def by_nuts(panel, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return HierarchicalBenchmark(chains=2, inference="nuts", **options).fit(panel, DESIGN, seed=1)


@pytest.mark.evidence
@pytest.mark.parametrize(("seed", "units", "shock", "sizes"), PANELS)
def test_posterior_quantiles_equal_those_of_nuts(seed, units, shock, sizes, evidence_share):
    if evidence_share < 1 and seed > 1:
        pytest.skip("SSINFER_EVIDENCE=reduced compares the first of three panels; set it to full for all")
    panel = simulate(seed, units, shock, sizes)
    draws = 4000 if evidence_share == 1 else 1500
    exact = HierarchicalBenchmark(draws=4000).fit(panel, DESIGN, seed=1)
    nuts = by_nuts(panel, draws=draws)
    assert not exact.failures
    spread = float(exact.pooled().std())
    effective = float(nuts.diagnostics.set_index("check").loc["effective_sample_size", "figure"])
    for probability, density in ((0.05, 0.1031), (0.5, 0.3989), (0.95, 0.1031)):
        # standard error of a quantile: sqrt(p (1 - p) / n) / density, of either; four of them
        one = np.sqrt(probability * (1 - probability)) / density * spread
        error = one * np.sqrt(1 / 16_000 + 1 / (2 * draws))
        difference = np.quantile(exact.pooled(), probability) - np.quantile(nuts.pooled(), probability)
        print(f"panel {seed}, {probability}: {difference / spread:+.3f} SD, Monte Carlo error {error / spread:.3f}")
        assert abs(difference) < 4 * error
    print(f"panel {seed}: smallest ESS of NUTS {effective:.0f}; failures {nuts.failures}")
    if nuts.failures:  # its draws may be looked at; an interval is refused, by the name of what failed
        with pytest.raises(ss.errors.ConvergenceError, match=nuts.failures[0].split()[0]):
            nuts.interval(0.9)
    # parameters, in their own Monte Carlo error
    import arviz as az

    tree, reference = exact.to_datatree(), nuts.to_datatree()
    ess = az.ess(reference)
    for name in ("level", "trend", "shock", "persistence", "noise"):
        mine, theirs = tree["posterior"][name], reference["posterior"][name]
        error = float(theirs.std()) * np.sqrt(1 / float(ess[name]) + 1 / 400)
        assert abs(float(mine.mean() - theirs.mean())) < 4 * error, name


@pytest.mark.evidence
def test_student_shocks_run_and_predict():
    """Shocks with 4 degrees of freedom: converges, or is refused by name; predicts what was left out."""
    panel = simulate(4, 20, 0.03, (10_000, 100_000), degrees=4)
    cf = by_nuts(panel, draws=1000, likelihood="student")
    print(cf.diagnostics.to_string(), cf.failures)
    assert cf.method == "HierarchicalBenchmark"
    normal = HierarchicalBenchmark(draws=500).fit(panel, DESIGN, seed=1)
    # same variance of the shocks, other tails: the middle of either is the same to a third of an SD
    assert abs(cf.level - normal.level) < 0.35 * float(normal.pooled().std())
    assert 0.6 < float(cf.pooled().std() / normal.pooled().std()) < 1.5
    assert abs(cf.savings().pooled().measured.item()) < 4 * float(cf.pooled().std())
    tree = cf.to_datatree()
    assert {"posterior", "prior", "log_likelihood", "sample_stats", "prior_predictive"} <= set(tree.children)
