"""Coverage of credible, confidence and plug-in intervals of one model: `hierarchical_twin.py 500 [shape]`.

Panels are drawn at fixed parameters, so coverage is frequentist: over panels, shocks and noise, with volatilities from
their distribution. Plug-in intervals are Gaussian at the REML estimate, as if the parameters were known.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy.stats import norm

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.benchmarks.hierarchical.reml import flatten, restricted_maximum
from ssinfer.benchmarks.problem import Problem

LEVELS = (0.50, 0.80, 0.90, 0.95)
# units, baseline periods: a small panel, where the estimation of parameters matters, and a medium one
SHAPES = {"12 x 4": (12, 3), "40 x 6": (40, 5)}
LEVEL, TREND, SHOCK, PERSISTENCE, KAPPA, VOLATILITY = 0.05, 0.003, 0.02, 0.6, 2.5, 0.3


def simulate(rng, units, periods, volatility):
    """A panel of the model. The treated unit has the middle size."""
    sizes = np.exp(np.linspace(np.log(2_000), np.log(100_000), units))
    volatilities = np.exp(VOLATILITY * rng.standard_normal(periods)) if volatility else np.ones(periods)
    u = rng.normal(0, SHOCK, units)
    level, trend = rng.normal(0, LEVEL, units), rng.normal(0, TREND, units)
    columns = []
    for t in range(periods):
        u = PERSISTENCE * u + np.sqrt(1 - PERSISTENCE**2) * rng.normal(0, SHOCK, units) if t else u
        mean = 7.6 + 0.03 * t + level + trend * (t - (periods - 1) / 2) + volatilities[t] * u
        columns.append(np.exp(mean + rng.normal(0, KAPPA / np.sqrt(sizes))))
    labels = tuple(f"u{i:03}" for i in range(units))
    return ss.Panel(labels, tuple(range(periods)), np.column_stack(columns), np.repeat(sizes[:, None], periods, axis=1))


def intervals_of_panel(seed, shape, bootstrap, volatility):
    """Rows (shape, kind, level, covered, width) of one panel; a single row for a refused fit."""
    units, baseline = SHAPES[shape]
    panel = simulate(np.random.default_rng([7, seed]), units, baseline + 1, volatility)
    treated = panel.units[units // 2]
    design = ss.Design([treated], range(baseline), [baseline])
    method = HierarchicalBenchmark(unit_effect="pooled", n_draws=4000, bootstrap=bootstrap, volatility=volatility)
    cf = method.fit(panel, design, seed=seed)
    if cf.failures:
        return [(shape, "refused", np.nan, np.nan, np.nan)]
    observed = np.log(panel.spending[units // 2, baseline])
    layout = lay_out(Problem.of(panel, design), method)
    flat = flatten(layout.model)
    estimate = restricted_maximum(flat, layout.y, layout.seen)
    predictions = predict_placebos(flat, estimate[None], layout.y, layout.seen, layout.treated, layout.ahead)
    centre, spread = predictions.mean[0, 0, 1] + layout.centre, np.sqrt(predictions.covariance[0, 0, 1, 1])
    rows = []
    for level in LEVELS:
        tails = [(1 - level) / 2, (1 + level) / 2]
        ends = {
            "credible": np.quantile(np.log(cf.benchmark.values), tails),
            "confidence": np.quantile(np.log(cf.confidence.values), tails),
            "plug-in": centre + spread * norm.ppf(tails),
        }
        for kind, (low, high) in ends.items():
            rows.append((shape, kind, level, low <= observed <= high, high - low))
    return rows


def coverage(count, bootstrap=60, *, volatility=True, shapes=tuple(SHAPES)):
    """Coverage and mean width by panel shape, kind and level, with Monte Carlo errors."""
    rows = [
        row
        for shape in shapes
        for seed in range(count)
        for row in intervals_of_panel(seed, shape, bootstrap, volatility)
    ]
    frame = pd.DataFrame(rows, columns=["panel", "kind", "level", "covered", "width"])
    refused = frame[frame["kind"] == "refused"].groupby("panel").size()
    frame = frame[frame["kind"] != "refused"]
    out = frame.groupby(["panel", "kind", "level"]).agg(
        n=("covered", "size"), covered=("covered", "mean"), width=("width", "mean")
    )
    out["error"] = np.sqrt(out["covered"] * (1 - out["covered"]) / out["n"])
    return out.reset_index(), refused


if __name__ == "__main__":
    table, refused = coverage(int(sys.argv[1]), shapes=sys.argv[2:] or tuple(SHAPES))
    sys.stdout.write(f"{table.round(4).to_string(index=False)}\nrefused: {refused.to_dict()}\n")
