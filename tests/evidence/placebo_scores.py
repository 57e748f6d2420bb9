"""Scores of placebo fits: coverage, width, interval score, by kind of inference, with block-bootstrap standard errors.

Shared by evidence scripts. The true saving is zero; one row per placebo unit, window and kind of inference.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.inference.conformal import conformal_p_value

LEVELS = (0.5, 0.8, 0.9, 0.95)


def interval_row(draws, spent):
    """Return the savings rate, and coverage of zero, width and interval score of each central interval."""
    mean = draws.mean()
    spending_ratio = spent / mean
    row = {"rate": 1 - spending_ratio, "sd": draws.std() / mean}
    for level in LEVELS:
        lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) / mean
        row[f"in_{level}"] = float(lower <= spending_ratio <= upper)
        row[f"width_{level}"] = upper - lower
        miss = max(lower - spending_ratio, 0) + max(spending_ratio - upper, 0)
        row[f"score_{level}"] = upper - lower + 2 / (1 - level) * miss
    return row


def placebo_frame(method, panel, windows, units, *, seed=1, conformal=None, **design):
    """Return one row per placebo unit, window and kind of inference; a refused fit is one row with its reason.

    `windows` are pairs (baseline, performance); `conformal` is the method whose moving-block test is added (coverage
    alone: whether zero is rejected), where the window has periods enough.
    """
    rows = []
    for number, (baseline, performance) in enumerate(windows):
        designs = [ss.Design(treated=[u], baseline=baseline, performance=performance, **design) for u in units]
        seeds = [[seed, number, unit_number] for unit_number in range(len(units))]
        results = method.fit_many(panel, designs, [np.random.SeedSequence(entropy) for entropy in seeds])
        for unit, unit_design, cf in zip(units, designs, results, strict=True):
            labels = {"unit": unit, "window": number, "reason": ""}
            if isinstance(cf, Exception) or cf.failures:
                rows.append(
                    {**labels, "inference": "refused", "reason": str(cf if isinstance(cf, Exception) else cf.failures)}
                )
                continue
            labels["size"] = cf.assigned
            spent = cf.pooled_spending
            distributions = {"credible": "benchmark"} | (
                {"confidence": "confidence"} if cf.confidence is not None else {}
            )
            rows += [
                {**labels, "inference": inference, **interval_row(cf.pooled(name), spent)}
                for inference, name in distributions.items()
            ]
            if conformal is not None:
                p = conformal_p_value(conformal, panel, unit_design)
                periods = len(baseline) + len(performance)
                exists = {level: 1 / periods <= 1 - level + 1e-12 for level in LEVELS}
                covers = {f"in_{level}": float(p > 1 - level + 1e-12) for level in LEVELS if exists[level]}
                rows.append({**labels, "inference": "moving blocks", **covers})
    return pd.DataFrame(rows)


def block_replicates(values, blocks, replicates=1000, seed=1):
    """Means with blocks of units, each with all its windows, drawn together."""
    rng = np.random.default_rng(seed)
    sums = pd.DataFrame({"value": values, "block": blocks}).groupby("block")["value"].agg(["sum", "count"]).to_numpy()
    drawn = sums[rng.integers(0, len(sums), (replicates, len(sums)))].sum(axis=1)
    return drawn[:, 0] / drawn[:, 1]


def coverage_table(frame, classes):
    """Return coverage (%) with block-bootstrap error, 95% interval, width and score, per kind of inference and class.

    Width and score are in % of spending.

    `frame` holds a column "block"; `classes` maps a name to a function of the frame that says which rows belong.
    """
    rows = []
    for name, inside in classes.items():
        part = frame[(frame["inference"] != "refused").to_numpy() & np.asarray(inside(frame))]
        for inference, inference_rows in part.groupby("inference", sort=False):
            for level in LEVELS:
                column = f"in_{level}"
                if column not in inference_rows:
                    continue
                known = inference_rows.dropna(subset=[column])
                if not len(known):
                    continue
                means = 100 * block_replicates(known[f"in_{level}"].to_numpy(), known["block"].to_numpy())
                low, high = np.quantile(means, [0.025, 0.975])
                rows.append(
                    {
                        "class": name, "inference": inference, "level": 100 * level, "n": len(known),
                        "coverage": 100 * known[f"in_{level}"].mean(), "error": means.std(), "low": low, "high": high,
                        "width": 100 * known[f"width_{level}"].mean(),
                        "interval_score": 100 * known[f"score_{level}"].mean(),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)
