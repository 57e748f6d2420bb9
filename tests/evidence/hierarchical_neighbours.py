"""Shocks of neighbours on the Dutch placebos, with parameters at the mode of their posterior.

`SSINFER_DATA_DIR=... python tests/evidence/hierarchical_neighbours.py [rank] [origins]`. The exact posterior averages
over thousands of nodes, and a node takes a hundred times as long with neighbours by distance. Here there is one node
per window. It is fitted to all cells of the window, of which a placebo's sealed cell is one in more than a thousand.
Each placebo is predicted without its sealed cell. Intervals are normal and ignore that the parameters are estimated.
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import sys
import time

import hierarchical_dutch as dutch
import numpy as np
import pandas as pd
from real_placebos import LEVELS, interval_table
from scipy.stats import norm

from ssinfer.backtesting.kernels.scoring import interval_score
from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.model import MODE_BOUND
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.benchmarks.problem import Problem
from ssinfer.kernels.optimise import maximise


def placebos_at_the_mode(panel, origin, **options):
    """Return a frame of placebos of one window, and the parameters by name."""
    design = dutch.design_at(origin)
    problem = Problem.of(panel, design)
    layout = lay_out(problem, HierarchicalBenchmark(**options))
    box = np.ix_(layout.rows, layout.columns)
    y = np.log(panel.spending[box] / problem.factor[box]) - layout.centre
    seen = np.ones(y.shape)
    model = layout.model
    mode = maximise(lambda x: model.log_posterior(x, y, seen), np.zeros(model.size), MODE_BOUND)
    units = np.array(panel.units)[layout.rows]
    rows = np.flatnonzero(np.isin(units, dutch.placebo_units(panel)))
    predictions = predict_placebos(model, mode[None], y, seen, rows, layout.ahead)
    error, spread = predictions.mean[0, :, 1] - y[rows, layout.ahead[0]], np.sqrt(predictions.covariance[0, :, 1, 1])
    # the mean benchmark is the mean of a lognormal
    bias = spread**2 / 2
    frame = pd.DataFrame({"unit": units[rows], "origin": origin, "role": "placebo", "status": "ok"})
    frame["assigned"] = panel.insured_years[layout.rows[rows], layout.columns[layout.ahead[0]]]
    frame["block"] = neighbour_blocks(panel)[layout.rows[rows]]
    frame["savings_rate"] = 1 - np.exp(-error - bias)
    frame["log_score"] = norm.logpdf(error, 0.0, spread)
    for level in LEVELS:
        half = norm.ppf(0.5 + level / 2) * spread
        low, high = np.exp(-half - bias) - np.exp(-error - bias), np.exp(half - bias) - np.exp(-error - bias)
        frame[f"in_{level}"] = ((low <= 0) & (high >= 0)).astype(float)
        frame[f"width_{level}"] = high - low
        frame[f"score_{level}"] = interval_score(low, high, np.zeros(len(rows)), level)
    return frame, model.values(mode)


def main(rank, origins):
    """Print accuracy and coverage without and with neighbours, with and without volatility."""
    pd.set_option("display.width", 250, "display.max_columns", 40)
    panel = dutch.panel_of(os.environ["SSINFER_DATA_DIR"])
    variants = {
        "one volatility": {"volatility": False},
        "default": {},
        "neighbours": {"spatial": "distance", "rank": rank, "trend": False},
    }
    for name, options in variants.items():
        start, frames = time.process_time(), []
        for origin in origins:
            frame, values = placebos_at_the_mode(panel, origin, **options)
            shown = {parameter: round(value, 4) for parameter, value in values.items()}
            print(name, origin, f"SD {100 * frame['savings_rate'].std():.2f}%", shown, flush=True)
            frames.append(frame)
        frame = pd.concat(frames, ignore_index=True)
        rate = frame["savings_rate"]
        print(
            f"{name}: {len(frame)} placebos, SD {100 * rate.std():.3f}%, mean {100 * rate.mean():.3f}%, kurtosis "
            f"{rate.kurt() + 3:.1f}, log score {frame['log_score'].mean():.4f}, CPU {time.process_time() - start:.0f} s"
        )
        print(interval_table(frame, dutch.EDGES).round(2).to_string(index=False), flush=True)


if __name__ == "__main__":
    chosen = [int(year) for year in sys.argv[2].split(",")] if len(sys.argv) > 2 else dutch.ORIGINS
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, chosen)
