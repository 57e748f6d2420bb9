"""Speed of thresholds against the aims of issue 7. Run: python tests/speed/bench_thresholds.py.

Aims: all thresholds of 4,000 draws 0.1 s; the whole table of `dutch_municipalities` (4 methods x 8 kinds x 270
placebos x 4 origins, gates kept by the backtest) 30 s; power curves of 100,000 simulated contracts x 200 cells 10 s.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.operating_characteristics import threshold_table
from ssinfer.backtesting.task import Fit, score_fits
from ssinfer.backtesting.thresholds_of_placebos import cross_fitted_columns, keys_of_fits
from ssinfer.counterfactual import Counterfactual
from ssinfer.thresholds.compare import compare_thresholds
from ssinfer.thresholds.planning.power import power_table
from ssinfer.thresholds.planning.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS, UNITS, ORIGINS, DRAWS = 4, 270, 4, 4_000
AIMS = {
    "all thresholds, 4,000 draws": 0.1,
    "the same, heavy tails": 0.1,
    "whole table": 30.0,
    "power curves, 200 cells": 10.0,
}


def timed(call: Callable[[], Any], repeats: int = 3) -> tuple[float, float]:
    """Return the best of some runs, seconds by the clock and of the processor."""
    clock, processor = np.inf, np.inf
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        call()
        clock, processor = min(clock, time.perf_counter() - start), min(processor, time.process_time() - used)
    return clock, processor


def one_counterfactual(*, heavy: bool = False) -> Callable[[], Any]:
    """Return what derives every threshold of one posterior beside 270 placebos at 4 origins; errors normal, or t(4)."""
    rng = np.random.default_rng(1)
    noise = rng.standard_t(4, DRAWS) if heavy else rng.standard_normal(DRAWS)
    cf = Counterfactual.from_draws(
        2_000 * (1 + 0.02 * noise), "posterior", insured_years=20_000,
        confidence=2_000 * (1 + 0.018 * rng.standard_normal(DRAWS)),
    )  # fmt: skip
    rows = placebo_rows(rng)
    return lambda: compare_thresholds(cf, (0.95, 0.90), rows[rows["method"] == "m0"])


def placebo_rows(rng: np.random.Generator) -> pd.DataFrame:
    """Return placebo rows as a backtest makes them, without gates."""
    labels = list(product(range(METHODS), range(UNITS), range(2014, 2014 + ORIGINS)))
    method, unit, origin = (np.array(column) for column in zip(*labels, strict=True))
    size = np.exp(rng.uniform(np.log(5_000), np.log(200_000), UNITS))[unit]
    s = np.sqrt(3.0**2 / size + 0.01**2)
    rate = s * rng.standard_normal(len(s))
    return pd.DataFrame(
        {
            "design": "d", "method": [f"m{place}" for place in method], "unit": [f"u{place}" for place in unit],
            "origin": origin, "role": "placebo", "block": unit // 10, "status": "ok", "insured_years": size,
            "assigned": size, "benchmark": 2_000.0, "spending": 2_000.0 * (1 - rate), "savings_rate": rate,
            "standard_error": s,
        }
    )  # fmt: skip


def whole_table() -> Callable[[], Any]:
    """Return what makes thresholds.csv from draws: own gates, cross-fitted ones, and the table."""
    rng = np.random.default_rng(2)
    rows = placebo_rows(rng)
    keys = keys_of_fits((0.95, 0.9))
    names = [key.column for key in keys]

    def run() -> None:
        found = []
        for start in range(0, len(rows), 64):
            part = rows.iloc[start : start + 64]
            n = len(part)
            draws = 2_000 * (1 + part["standard_error"].to_numpy()[:, None] * rng.standard_normal((n, DRAWS)))
            fits = [
                Fit(uncertainty="posterior", spending=spent, benchmark=row, sampling=row)
                for spent, row in zip(part["spending"].to_numpy(dtype=float), draws, strict=True)
            ]
            numbers, _ = score_fits(fits, keys)
            found.append(pd.DataFrame({name: numbers[name] for name in names}, index=part.index))
        table = pd.concat([rows, pd.concat(found)], axis=1)
        table = pd.concat([table, cross_fitted_columns(table, (0.95, 0.9))], axis=1)
        threshold_table(table, (0.0, 0.02, 0.05), (0.95, 0.9), (20_000, 100_000), 0.5, 1)

    return run


def power_curves() -> Callable[[], Any]:
    """Return what simulates 100,000 contracts, year by year, in each of 8 sizes x 5 spans x 5 true savings and zero."""
    scenario = Scenario(insured=1, shock_sd=0.01)
    return lambda: power_table(scenario, savings=(0.01, 0.02, 0.03, 0.05, 0.10), simulated=100_000)


def main() -> int:
    """Print seconds beside the aims."""
    jobs = zip(
        AIMS.items(),
        (one_counterfactual, partial(one_counterfactual, heavy=True), whole_table, power_curves),
        strict=True,
    )
    print(f"{'job':<32}{'seconds':>10}{'processor':>11}{'aim':>8}{'ratio':>8}")
    for (name, aim), make in jobs:
        call = make()
        seconds, processor = timed(call, 1 if name == "whole table" else 3)
        print(f"{name:<32}{seconds:>10.3f}{processor:>11.3f}{aim:>8g}{seconds / aim:>8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
