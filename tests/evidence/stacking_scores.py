"""Stacked benchmark and its methods: CRPS and coverage of the pooled rate on simulated and on Dutch placebos.

    python stacking_scores.py simulated 120
    SSINFER_DATA_DIR=... python stacking_scores.py dutch 40

Every score is that of the rate (draws minus observed spending, over observed spending), so all methods predict the same
quantity. Simulated worlds: the hierarchical model, and one whose units follow their own straight lines, where a method
without trends is biased. Dutch: municipalities above 20,000 insured, performance years 2017 and 2019.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.stacking import StackedBenchmark

DRAWS = 1000
LEVELS = (0.80, 0.90, 0.95)
POOLED = {"nodes": 512, "volatility": False, "unit_effect": "pooled"}  # as docs/stacking.md was measured


def methods():
    """Three different methods with draws."""
    return {
        "hierarchical": HierarchicalBenchmark(n_draws=DRAWS, **POOLED),
        "equal baseline": ss.AdministrativeBenchmark(n_draws=DRAWS),
        "without trends": HierarchicalBenchmark(trend=False, n_draws=DRAWS, **POOLED),
    }


def stack():
    """The stack of the three."""
    return StackedBenchmark(list(methods().values()), windows=2, placebos=20)


def crps(draws, observed):
    """CRPS of an empirical distribution, from sorted draws."""
    ordered = np.sort(draws)
    count = len(ordered)
    pairs = 2 * ((2 * np.arange(1, count + 1) - count - 1) @ ordered) / (count * (count - 1))
    return float(np.abs(draws - observed).mean() - 0.5 * pairs)


def score(name, cf):
    """CRPS in percent of spending, and whether intervals cover."""
    spent = float((cf.spending * cf.insured_years).sum() / cf.insured_years.sum())
    draws = np.asarray(cf.pooled()) / spent
    row = {
        "method": name,
        "crps": 100 * crps(draws, 1.0),
        "error": 100 * (draws.mean() - 1.0),
        "refused": bool(cf.failures),
    }
    for level in LEVELS:
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        row[f"in_{level}"] = low <= 1.0 <= high
        row[f"width_{level}"] = 100 * (high - low)
    return row


def world(seed, trending):
    """A panel of 30 units x 8 years, all of 30,000 insured or near."""
    rng = np.random.default_rng([11, seed])
    units, periods = 30, 8
    sizes = np.exp(rng.uniform(np.log(15_000), np.log(60_000), units))
    level = rng.normal(0, 0.05, units)
    slope = rng.normal(0, 0.012, units) if trending else np.zeros(units)
    shock = rng.normal(0, 0.02, units)
    columns = []
    for t in range(periods):
        if t:
            shock = 0.6 * shock + 0.8 * rng.normal(0, 0.02, units)
        columns.append(np.exp(7.6 + 0.02 * t + level + slope * (t - 3.5) + shock + rng.normal(0, 2.5 / np.sqrt(sizes))))
    labels = tuple(f"u{i:02}" for i in range(units))
    return ss.Panel(labels, tuple(range(periods)), np.column_stack(columns), np.repeat(sizes[:, None], periods, axis=1))


def compare(panel, design, seed):
    """Rows of the methods and the stack on one design."""
    rows = [score(name, method.fit(panel, design, seed=seed)) for name, method in methods().items()]
    stacked = stack().fit(panel, design, seed=seed)
    row = score("stacked", stacked)
    weights = stacked.diagnostics["figure"].to_numpy()
    return [*rows, row | {f"weight {name}": w for name, w in zip(methods(), weights, strict=True)}]


def simulated(count):
    """Scores on simulated worlds. The treated unit of each has no saving."""
    rows = []
    for trending in (False, True):
        for seed in range(count // 2):
            design = ss.Design(["u00"], range(7), [7])
            name = {"world": "own lines" if trending else "own model", "case": seed}
            rows += [name | row for row in compare(world(seed, trending), design, seed)]
    return pd.DataFrame(rows)


def dutch(count, folder):
    """Scores on Dutch municipalities drawn at random, in two performance years."""
    panel = ss.datasets.load_vektis(range(2011, 2020), "core", folder=Path(folder) / "vektis")
    large = panel.insured_years.min(axis=1) >= 20_000
    units = [unit for unit, is_large in zip(panel.units, large, strict=True) if is_large and unit != "VLISSINGEN"]
    picked = np.random.default_rng(3).permutation(units)[: count // 2]
    rows = []
    for number, unit in enumerate(picked):
        for origin in (2017, 2019):
            others = [other for other in units if other != unit]
            design = ss.Design([unit], range(2011, origin), [origin], standard="expected", donors=others)
            rows += [{"world": "Dutch", "case": unit} | row for row in compare(panel, design, number)]
    return pd.DataFrame(rows)


def table(frame):
    """Mean scores, and differences of CRPS from the stack with Monte Carlo errors over cases."""
    out = []
    for name, part in frame.groupby("world"):
        cases = part["case"].nunique()
        wide = part.groupby(["case", "method"])["crps"].mean().unstack()  # noqa: PD010
        for method, rows in part.groupby("method", sort=False):
            difference = wide[method] - wide["stacked"]
            figures = {"n": len(rows), "crps": rows["crps"].mean(), "minus stacked": difference.mean()}
            figures["its error"] = difference.std() / np.sqrt(cases)
            for level in LEVELS:
                figures[f"in {level:.0%}"] = rows[f"in_{level}"].mean()
            figures["width 90%"] = rows["width_0.9"].mean()
            weight = part[f"weight {method}"].mean() if f"weight {method}" in part else np.nan
            out.append({"world": name, "method": method, **figures, "weight": weight})
    return pd.DataFrame(out)


if __name__ == "__main__":
    number = int(sys.argv[2])
    scores = simulated(number) if sys.argv[1] == "simulated" else dutch(number, os.environ["SSINFER_DATA_DIR"])
    sys.stdout.write(f"{table(scores).round(3).to_string(index=False)}\n")
