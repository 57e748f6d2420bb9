"""Authority: statsmodels' MixedLM, where the models coincide: no shock, equal known sizes, period effects fixed."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.reml import bootstrap_errors, flatten, restricted_maximum
from ssinfer.benchmarks.problem import Problem

UNITS, PERIODS, SIZE = 30, 6, 10_000.0


def layout_of(seed=1, **options):
    rng = np.random.default_rng(seed)
    time = np.arange(PERIODS) - (PERIODS - 1) / 2
    y = 7.6 + 0.03 * time + rng.normal(0, 0.05, (UNITS, 1)) + rng.normal(0, 0.01, (UNITS, 1)) * time
    y = y + rng.normal(0, 2.5 / np.sqrt(SIZE), (UNITS, PERIODS))
    labels = tuple(f"u{i:02}" for i in range(UNITS))
    panel = ss.Panel(labels, tuple(range(PERIODS)), np.exp(y), np.full(y.shape, SIZE))
    design = ss.Design(["u00"], range(PERIODS - 1), [PERIODS - 1])
    return lay_out(Problem.of(panel, design), HierarchicalBenchmark(**options))


@pytest.mark.filterwarnings("ignore:The MLE may be on the boundary")
@pytest.mark.parametrize("trend", [False, True])
def test_the_restricted_maximum_equals_that_of_mixedlm(trend):
    layout = layout_of(shock=None, trend=trend)
    flat = flatten(layout.model)
    value = flat.values(restricted_maximum(flat, layout.y, layout.seen))
    unit, period = np.nonzero(layout.seen)
    time = layout.model.time - layout.model.time.mean()
    frame = pd.DataFrame({"y": layout.y[unit, period], "unit": unit, "period": period, "time": time[period]})
    parts = {"level": "1", **({"trend": "0 + time"} if trend else {})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.formula.api import mixedlm

        fit = mixedlm("y ~ C(period)", frame, groups="unit", vc_formula=parts, re_formula="0").fit(reml=True)
    expected = dict(zip(fit.model.exog_vc.names, np.sqrt(fit.vcomp), strict=True))
    for name in parts:
        assert value[name] == pytest.approx(expected[name], rel=2e-3)
    assert value["noise"] / np.sqrt(SIZE) == pytest.approx(np.sqrt(fit.scale), rel=2e-3)


def test_volatilities_keep_their_distribution_and_stay_bounded():
    """Otherwise the SD of the shock and the volatilities would share one scale."""
    layout = layout_of()
    flat = flatten(layout.model)
    starts = [np.zeros(flat.size), np.where([p.kind == "factor" for p in flat.parameters], 1.5, -0.5)]
    maxima = [restricted_maximum(flat, layout.y, layout.seen, start) for start in starts]
    values = [flat.log_posteriors(x[None], layout.y, layout.seen)[0] + 0.5 * (x[:5] ** 2).sum() for x in maxima]
    assert values[0] == pytest.approx(values[1], abs=1e-3)
    factors = maxima[0][[p.kind == "factor" for p in flat.parameters]]
    assert np.abs(factors).max() < 4


def test_refits_do_not_start_at_the_bounds(monkeypatch):
    """At a standard deviation of zero the likelihood is flat, and a refit that starts there stays there."""
    layout = layout_of(shock=None)
    flat = flatten(layout.model)
    estimate = np.where([p.name == "trend" for p in flat.parameters], -5.0, 0.0)

    def gained(start):
        x = restricted_maximum(flat, layout.y, layout.seen, start)
        return flat.log_posterior(x, layout.y, layout.seen) - float(flat.log_prior(x))

    assert gained(np.clip(estimate, -1.5, 1.5)) > gained(estimate) + 1.0
    starts = []

    def record(model, y, seen, start, tolerance):
        starts.append(start)
        return restricted_maximum(model, y, seen, start, tolerance)

    monkeypatch.setattr("ssinfer.benchmarks.hierarchical.reml.restricted_maximum", record)
    bootstrap_errors(flat, estimate, layout.seen, layout.seen, np.array([0]), layout.ahead, 2)
    assert np.abs(starts).max() <= 1.5
