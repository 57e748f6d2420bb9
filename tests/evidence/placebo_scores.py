"""Scores of placebo fits: coverage, width, interval score, with block-bootstrap standard errors.

Shared by evidence tests.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import ssinfer as ss

LEVELS = (0.5, 0.8, 0.9, 0.95)


def placebo_frame(method, panel, windows, units, seed=1, **design):
    """A row per placebo unit and window: rate of the measured saving, intervals of it, size."""
    rows = []
    for number, (baseline, performance) in enumerate(windows):
        designs = [ss.Design(treated=[u], baseline=baseline, performance=performance, **design) for u in units]
        for unit, cf in zip(units, method.fit_many(panel, designs, list(range(seed, seed + len(units)))), strict=True):
            if isinstance(cf, Exception):
                raise cf
            if cf.failures:
                rows.append({"unit": unit, "window": number, "refused": True})
                continue
            pooled = cf.pooled()
            weights = cf.insured_years.values.ravel()
            spent = float((cf.spending.values.ravel() * weights).sum() / weights.sum())
            row = {"unit": unit, "window": number, "refused": False, "size": weights.mean()}
            row["rate"] = (pooled.mean() - spent) / pooled.mean()
            for level in LEVELS:
                lower, upper = np.quantile(pooled, [(1 - level) / 2, (1 + level) / 2]) / pooled.mean()
                own = spent / pooled.mean()
                row[f"in_{level}"] = lower <= own <= upper
                row[f"width_{level}"] = upper - lower
                miss = max(lower - own, 0) + max(own - upper, 0)
                row[f"score_{level}"] = upper - lower + 2 / (1 - level) * miss
            rows.append(row)
    return pd.DataFrame(rows)


def block_error(frame, column, blocks=200, seed=1):
    """Standard error of a mean by resampling units with all their windows."""
    rng = np.random.default_rng(seed)
    sums = frame.groupby("unit")[column].agg(["sum", "count"]).to_numpy(dtype=float)
    picks = rng.integers(0, len(sums), (blocks, len(sums)))
    totals = sums[picks].sum(axis=1)
    return float((totals[:, 0] / totals[:, 1]).std())


def table(frame, label):
    """Mean coverage, width and interval score per level, with standard errors, as one frame."""
    good = frame[~frame["refused"]]
    rows = [
        {
            "which": label, "level": level, "n": len(good), "units": good["unit"].nunique(),
            "coverage": good[f"in_{level}"].mean(), "coverage_se": block_error(good, f"in_{level}"),
            "width": good[f"width_{level}"].mean(), "interval_score": good[f"score_{level}"].mean(),
        }
        for level in LEVELS
    ]  # fmt: skip
    return pd.DataFrame(rows)
