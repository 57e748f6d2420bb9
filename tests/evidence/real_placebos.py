"""Real placebos of a panel method: accuracy, detection, and intervals at four levels with block-bootstrap errors.

Shared by the Dutch and the Dartmouth scripts and their tests. True saving of every placebo: zero.
"""

# ruff: noqa: T201
from __future__ import annotations

import time
from unittest.mock import patch

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.backtesting.kernels.block_bootstrap import mean_and_error
from ssinfer.backtesting.kernels.scoring import central_intervals, interval_score
from ssinfer.backtesting.operating_characteristics import threshold_table
from ssinfer.backtesting.scores import score_table, size_classes
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark

INJECTED = (0.0, 0.02, 0.03, 0.05)
LEVELS = (0.50, 0.80, 0.90, 0.95)
RECORDED: dict[tuple, dict] = {}
FIT_MANY = HierarchicalBenchmark.fit_many


class Recorded(HierarchicalBenchmark):
    """The benchmark as it is, whose intervals of the saving are written down as a backtest asks for its fits.

    `placebo_fits` puts its `fit_many` in the place of the benchmark's: a class of its own would be a guarded method.

    A backtest keeps width and interval score at 90% alone.
    """

    def fit_many(self, data, designs, seeds):
        """Fit, and record."""
        outcomes = FIT_MANY(self, data, designs, seeds)
        for design, cf in zip(designs, outcomes, strict=True):
            if isinstance(cf, Exception) or cf.failures:
                continue
            weights = cf.insured_years.values.ravel()
            spent = float((cf.spending.values.ravel() * weights).sum() / weights.sum())
            pooled = cf.pooled()
            rates = (pooled - spent) / pooled.mean()
            low, high = central_intervals(rates[None], LEVELS)
            row = {}
            for level, below, above in zip(LEVELS, low[:, 0], high[:, 0], strict=True):
                row[f"in_{level}"] = float(below <= 0.0 <= above)
                row[f"width_{level}"] = above - below
                row[f"score_{level}"] = float(interval_score(below, above, 0.0, level))
            RECORDED[design.treated[0], design.performance[-1]] = row
        return outcomes


def placebo_fits(panel, design_at, units, origins, *, block_of=None, **parameters):
    """Return the frame of placebo fits with their intervals; one design name for all windows.

    Parameters
    ----------
    design_at : function from the origin to the Design
    block_of : function from a unit to the block that it is drawn with; None: the blocks of the backtest (neighbours)
    parameters : of HierarchicalBenchmark
    """
    method = HierarchicalBenchmark(**{"n_draws": 2000, "unit_effect": "pooled", **parameters})
    RECORDED.clear()
    frames = []
    for origin in origins:
        with patch.object(HierarchicalBenchmark, "fit_many", Recorded.fit_many):
            result = ss.backtest(
                panel, design_at(origin), method, placebos=units, injected=INJECTED, n_jobs=1, origins=[origin]
            )
        frames.append(result.placebos.assign(design="one year ahead"))
    frame = pd.concat(frames, ignore_index=True)
    found = pd.DataFrame([{"unit": unit, "origin": origin, **row} for (unit, origin), row in RECORDED.items()])
    frame = frame.merge(found, on=["unit", "origin"], how="left", validate="one_to_one")
    if block_of is not None:
        frame["block"] = frame["unit"].map(block_of)
    return frame


def good_rows(frame):
    """Rows of placebos with a benchmark."""
    return frame[(frame["status"] == "ok") & (frame["role"] == "placebo")]


def interval_table(frame, edges):
    """Return coverage, width and interval score (all in percent) per level, pooled and by size class."""
    good = good_rows(frame)
    rows = []
    for name, inside in size_classes(good["assigned"].to_numpy(), edges).items():
        part = good[inside]
        blocks = np.unique(part["block"].to_numpy(), return_inverse=True)[1]
        for level in LEVELS:
            values = 100 * part[[f"{what}_{level}" for what in ("in", "width", "score")]].to_numpy(dtype=float)
            mean, error = mean_and_error(values, blocks, np.random.default_rng(1))
            names = ("coverage", "error", "width", "score", "score_error")
            figures = (mean[0], error[0], mean[1], mean[2], error[2])
            rows.append({"size": name, "n": len(part), "level": 100 * level, **dict(zip(names, figures, strict=True))})
    return pd.DataFrame(rows)


def print_report(name, frame, edges, cost):
    """Print accuracy, coverage, detection and cost."""
    pd.set_option("display.width", 250, "display.max_columns", 40, "display.max_rows", 200)
    good = good_rows(frame)
    rate = good["savings_rate"]
    print(f"{name}: {good['unit'].nunique()} units, {len(frame)} fits, CPU {cost:.0f} s")
    print(frame["status"].value_counts().to_string())
    print(
        f"SD {100 * rate.std():.3f}%, mean {100 * rate.mean():.3f}%, kurtosis {rate.kurt() + 3:.1f}, "
        f"mean predictive SD {100 * good['standard_error'].mean():.3f}%"
    )
    scores = score_table(frame, (), 1).iloc[0]
    print(f"errors: of the SD {100 * scores['sd_mcse']:.3f}%, of the mean {100 * scores['bias_mcse']:.3f}%")
    print((100 * good.groupby("origin")["savings_rate"].agg(["mean", "std"])).round(2).to_string())
    print(interval_table(frame, edges).round(2).to_string(index=False))
    table = threshold_table(frame, INJECTED, (0.95, 0.90), (), 0.5, 1)
    table = table[(table["kind"] == "placebo") | (table["prior"] == "flat")].set_index(["kind", "level", "side"])
    shown = ["threshold", "false_payment_rate", "detection_rate_2", "detection_rate_3", "detection_rate_5"]
    print((100 * table[[name + end for name in shown for end in ("", "_se")]]).round(2).T.to_string())


def timed(work):
    """Return the result and its processor seconds."""
    began = time.process_time()
    result = work()
    return result, time.process_time() - began
