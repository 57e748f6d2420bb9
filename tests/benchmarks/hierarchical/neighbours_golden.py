"""Golden numbers of panels with neighbours, from the route through R² pairs of loadings that the first version used.

`python tests/benchmarks/hierarchical/neighbours_golden.py FILE` writes them. `neighbours_golden.json` was written so at
commit 4280d98, the last one with that route. Windows with a name "dutch" need SSINFER_DATA_DIR.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.benchmarks.problem import Problem

GOLDEN = Path(__file__).with_suffix(".json")
UNITS, PERIODS = 21, 6


def made_panel():
    """Return a panel from closed formulas, without a random generator, on a map of 5 x 5 places in three regions."""
    i, t = np.meshgrid(np.arange(UNITS), np.arange(PERIODS), indexing="ij")
    log_spending = 7.6 + 0.03 * t + 0.06 * np.sin(1.7 * i) + 0.02 * np.sin(3.1 * i + 2.3 * t) + 0.01 * np.cos(i * t)
    covariates = {
        "latitude": 52 + (i % 5) / 7,
        "longitude": 5 + (i // 5) / 5,
        "region": i % 3,
        "share": np.sin(2.0 * i),
    }
    return ss.Panel(
        [f"u{number:02}" for number in range(UNITS)],
        range(PERIODS),
        np.exp(log_spending),
        2_000.0 * 1.2 ** (i * 7 % UNITS),
        covariates={name: values.astype(float) for name, values in covariates.items()},
    )


def windows(wanted="dutch"):
    """Return (panel, design, options) by name; None in place of a panel that is not wanted or not there."""
    made = made_panel()
    neighbours = {"spatial": "distance", "trend": False}
    first, last = (
        ss.Design(treated=["u04"], baseline=range(4), performance=[4], masked=[2]),
        ss.Design(treated=["u04", "u05"], baseline=range(4), performance=[4, 5], starts={"u05": 5}),
    )
    out = {
        "distance": (made, first, {**neighbours, "rank": 8}),
        "regions": (made, last, {"spatial": "region", "covariates": ("share",), "season": 2}),
    }
    folder = os.environ.get("SSINFER_DATA_DIR")
    dutch = (
        folder
        and wanted.startswith("dutch")
        and ss.datasets.load_vektis(range(2011, 2023), "core", folder=Path(folder) / "vektis")
    )
    for year in (2016, 2022):
        design = ss.Design(["VLISSINGEN"], range(2011, year), [year], standard="expected")
        out[f"dutch {year}"] = (dutch or None, design, neighbours)
    return out


def numbers(panel, design, options, x):
    """Return the log posterior at x (M, d), and predictions of six units, as lists."""
    problem = Problem.of(panel, design)
    layout = lay_out(problem, HierarchicalBenchmark(**options))
    box = np.ix_(layout.rows, layout.columns)
    y = np.log(panel.spending[box] / problem.factor[box]) - layout.centre  # with the sealed cells of the treated units
    rows, seen = np.linspace(0, len(y) - 1, 6).astype(int), np.ones(y.shape)
    seen[[3, 7, 7], [1, 0, 1]] = 0.0  # missing
    values = predict_placebos(layout.model, x, y * seen, seen, rows, layout.ahead)
    return {
        "x": x.tolist(),
        "log_posterior": [layout.model.log_posterior(node, layout.y, layout.seen) for node in x],
        "log_target": values.log_target.tolist(),
        "mean": values.mean.tolist(),
        "covariance": values.covariance.tolist(),
    }


def parameters(panel, design, options):
    """Return three parameter vectors (3, d)."""
    size = lay_out(Problem.of(panel, design), HierarchicalBenchmark(**options)).model.size
    return np.round(np.random.default_rng(26).normal(0, 0.7, (3, size)), 3)


if __name__ == "__main__":
    found = {name: numbers(*window, parameters(*window)) for name, window in windows().items() if window[0] is not None}
    Path(sys.argv[1]).write_text(json.dumps(found))
