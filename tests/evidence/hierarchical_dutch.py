"""Placebos of Dutch municipalities under the hierarchical benchmark: accuracy, coverage, detection.

`SSINFER_DATA_DIR=... python tests/evidence/hierarchical_dutch.py [name of a variant]` prints the tables of
docs/hierarchical.md. Folds: municipalities above 20,000 insured, core basket over expected spending for age and sex,
next year from all years since 2011; performance years 2016 to 2019 and 2022. True saving: zero.
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.backtesting.operating_characteristics import threshold_table
from ssinfer.backtesting.scores import score_table
from ssinfer.benchmarks.hierarchical import HierarchicalBenchmark
from ssinfer.comparison import SimilarSize

ORIGINS = (2016, 2017, 2018, 2019, 2022)
INJECTED = (0.0, 0.02, 0.03, 0.05)
LEVELS = (50, 80, 90, 95)
VARIANTS = {
    "default": ({}, None),
    "above 10,000 insured": ({}, SimilarSize(at_least=10_000)),
    "no unit trends": ({"trend": False}, None),
}


def panel_of(folder):
    """Return the panel, with spending over expected spending for age and sex."""
    return ss.datasets.load_vektis(range(2011, 2023), "core", folder=Path(folder) / "vektis")


def placebo_fits(panel, variant="default", origins=ORIGINS, units=None, **more):
    """Return the frame of placebo fits, one design name for all windows."""
    parameters, donors = VARIANTS[variant]
    method = HierarchicalBenchmark(draws=500, **{**parameters, **more})
    if units is None:
        large = panel.insured_years.min(axis=1) >= 20_000
        units = [unit for unit, is_large in zip(panel.units, large, strict=True) if is_large and unit != "VLISSINGEN"]
    frames = []
    for origin in origins:
        choice = {} if donors is None else {"donors": donors}
        design = ss.Design(
            treated=["VLISSINGEN"], baseline=range(2011, origin), performance=[origin], standard="expected", **choice
        )
        result = ss.backtest(panel, design, method, placebos=units, injected=INJECTED, n_jobs=1, origins=[origin])
        frames.append(result.placebos.assign(design="one year ahead"))
    return pd.concat(frames, ignore_index=True)


def block_error(values, blocks, replicates=1000, seed=1):
    """Standard error of a mean, blocks of neighbouring municipalities with all their years drawn together."""
    rng = np.random.default_rng(seed)
    sums = pd.DataFrame({"value": values, "block": blocks}).groupby("block")["value"].agg(["sum", "count"]).to_numpy()
    drawn = sums[rng.integers(0, len(sums), (replicates, len(sums)))].sum(axis=1)
    return float((drawn[:, 0] / drawn[:, 1]).std())


def coverage_table(frame):
    """Return coverage in percent with block-bootstrap errors, pooled and by size class."""
    good = frame[(frame["status"] == "ok") & (frame["role"] == "placebo")]
    classes = {
        "all": slice(None),
        "20,000 to 50,000": good["assigned"] < 50_000,
        "50,000 to 100,000": (good["assigned"] >= 50_000) & (good["assigned"] < 100_000),
        "above 100,000": good["assigned"] >= 100_000,
    }
    rows = []
    for name, inside in classes.items():
        part = good.loc[inside]
        for level in LEVELS:
            hits = part[f"covers_{level}"].to_numpy(dtype=float)
            error = block_error(hits, part["block"].to_numpy())
            rows.append((name, len(part), level, 100 * hits.mean(), 100 * error))
    return pd.DataFrame(rows, columns=["size", "n", "level", "coverage", "error"])


def main(variant, keep=None):
    """Print accuracy, coverage, detection and cost."""
    panel = panel_of(os.environ["SSINFER_DATA_DIR"])
    began = time.process_time()
    frame = placebo_fits(panel, variant)
    cost = time.process_time() - began
    if keep:
        frame.to_pickle(keep)
    good = frame[(frame["status"] == "ok") & (frame["role"] == "placebo")]
    pd.set_option("display.width", 250, "display.max_columns", 40, "display.max_rows", 200)
    print(f"{variant}: {frame['unit'].nunique()} municipalities, {len(frame)} fits, CPU {cost:.0f} s")
    print(frame["status"].value_counts().to_string())
    rate = good["savings_rate"]
    print(f"SD {100 * rate.std():.3f}%, mean {100 * rate.mean():.3f}%, kurtosis {rate.kurt() + 3:.1f}, "
          f"mean predictive SD {100 * (good['standard_error'] / 1).mean():.3f}%")  # fmt: skip
    squares = (rate**2).to_numpy()
    error = block_error(squares, good["block"].to_numpy()) / (2 * np.sqrt(squares.mean()))
    print(f"block-bootstrap error of the SD {100 * error:.3f}%")
    print((100 * good.groupby("origin")["savings_rate"].agg(["mean", "std"])).round(2).to_string())
    print(coverage_table(frame).round(1).to_string(index=False))
    print(score_table(frame, INJECTED, (), 1).T.to_string())
    print(threshold_table(frame, INJECTED, (0.95, 0.90), (), 0.5, 1).to_string())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "default", sys.argv[2] if len(sys.argv) > 2 else None)
