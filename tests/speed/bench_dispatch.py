"""Overhead per backtest task (dispatch and store), and a stranger's method through its entry point against ours.

The method does next to nothing, so that what is measured is the way around it: placing the design, calling fit,
scoring one placebo and storing its row. Aim: 5 ms a task; a stranger's costs no more than a built-in one.
"""

from __future__ import annotations

import statistics
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.backtesting.task import Task, run_task
from ssinfer.benchmarks.base import BenchmarkMethod, Estimate
from ssinfer.plugins import discovery
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.windows import rolling_windows

DRAWS = 1000
REPEATS = 7
AIM = 5.0  # ms

sys.path.insert(0, str(Path(__file__).parents[1] / "plugin"))


class BuiltIn(BenchmarkMethod):
    """The stranger's arithmetic on our base class, fitted one by one."""

    def __init__(self, draws: int = DRAWS) -> None:
        self.draws = draws

    def estimate(self, problem, rng):
        level = problem.spending[:, problem.baseline].mean(axis=1, keepdims=True)
        growth = problem.spending[:, problem.performance_columns] / level
        mean = growth[problem.donors].mean(axis=0)
        error = growth[problem.donors] - mean
        picked = rng.integers(len(problem.donors), size=(1, self.draws))
        draws = level[problem.treated][None, None] * (mean + error[picked])[:, :, None]
        return Estimate(benchmark=draws, uncertainty="sampling")


def registered(name: str) -> type:
    """Return the plug-in's class as discovery finds it, from an entry point as an installation writes it."""
    point = EntryPoint(name, f"growth_benchmark:{name}", discovery.GROUP)
    found = point._for(SimpleNamespace(name="growth-benchmark", version="0.3.1"))  # type: ignore[attr-defined]
    discovery.entry_points = lambda group: [found] if group == discovery.GROUP else []  # type: ignore[assignment,attr-defined]
    discovery.providers.cache_clear()
    return discovery.find_method(name)


def panel(n_units: int = 300, n_periods: int = 12) -> ss.Panel:
    """Return a panel of the size of the Dutch municipalities."""
    rng = np.random.default_rng(1)
    grid = [(f"u{i:03d}", t) for i in range(n_units) for t in range(2011, 2011 + n_periods)]
    frame = pd.DataFrame(grid, columns=["unit", "period"]).assign(insured_years=30_000.0)
    frame["spending"] = 2000 * 1.02 ** (frame["period"] - 2011) * (1 + 0.02 * rng.standard_normal(len(frame)))
    return ss.Panel.from_frame(frame)


def main() -> None:
    """Print the table."""
    data = panel()
    design = ss.Design(treated=["u000"], baseline=range(2018, 2021), performance=[2021])
    window = rolling_windows(data, design, [2021])[0]
    units = data.units[1:65]
    sides = ("one-sided", "two-sided")
    keys = tuple(ThresholdKey("confidence", level, side) for level in (0.95, 0.90) for side in sides)
    methods = {
        "built-in, one by one": BuiltIn(),
        "stranger, by entry point": registered("GrowthBenchmark")(n_draws=DRAWS),
    }
    rows = {name: ([], []) for name in methods}
    for _ in range(REPEATS):  # in turn, so that a busy machine hits both alike
        for name, method in methods.items():
            placed = [window.place(design, unit) for unit in units]
            start = time.perf_counter()
            for seed, one in enumerate(placed):
                method.fit(data, one, seed=seed)
            alone = time.perf_counter() - start
            task = Task("design", name, design, method, window, units, keys, seed=1)
            start = time.perf_counter()
            run_task(task, data)
            whole = time.perf_counter() - start
            rows[name][0].append(1e3 * alone / len(units))
            rows[name][1].append(1e3 * whole / len(units))
    print(f"{len(data.units)} units, {len(units)} placebos, {DRAWS} draws, medians of {REPEATS}; ms per placebo")
    print(f"{'':<26}{'fit alone':>11}{'in a task':>11}{'overhead':>11}{'of the aim of 5':>18}")
    whole = {}
    for name, (alone, task) in rows.items():
        over = statistics.median(b - a for a, b in zip(alone, task, strict=True))
        whole[name] = statistics.median(task)
        print(f"{name:<26}{statistics.median(alone):>11.2f}{whole[name]:>11.2f}{over:>11.2f}{over / AIM:>17.0%}")
    built_in, stranger = whole.values()
    print(f"stranger / built-in: {stranger / built_in:.2f}")
    start = time.perf_counter()
    result = ss.backtest(data, design, {"stranger": methods["stranger, by entry point"]}, origins=[2021], n_jobs=1)
    seconds = time.perf_counter() - start
    print(f"whole backtest, scores and thresholds in it: {1e3 * seconds / len(result.placebos):.2f} ms per placebo")


if __name__ == "__main__":
    main()
