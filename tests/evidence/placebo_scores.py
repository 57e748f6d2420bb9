"""Scores of placebo fits: coverage, width, interval score, by law, with block-bootstrap standard errors.

Shared by evidence scripts. The true saving is zero; a row per placebo unit, window and law.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.inference.conformal import conformal_p_value

LEVELS = (0.5, 0.8, 0.9, 0.95)


def law_row(draws, spent):
    """Rate of the measured saving, and whether and how widely each central interval holds a saving of zero."""
    mean = draws.mean()
    own = spent / mean
    row = {"rate": 1 - own, "sd": draws.std() / mean}
    for level in LEVELS:
        lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) / mean
        row[f"in_{level}"] = float(lower <= own <= upper)
        row[f"width_{level}"] = upper - lower
        row[f"score_{level}"] = upper - lower + 2 / (1 - level) * (max(lower - own, 0) + max(own - upper, 0))
    return row


def placebo_frame(method, panel, windows, units, *, seed=1, conformal=None, **design):
    """A row per placebo unit, window and law; a refused fit is one row with its reason.

    `windows` are pairs (baseline, performance); `conformal` is the method whose moving-block test is added (coverage
    alone: whether zero is rejected), where the window has periods enough.
    """
    rows = []
    for number, (baseline, performance) in enumerate(windows):
        designs = [ss.Design(treated=[u], baseline=baseline, performance=performance, **design) for u in units]
        seeds = [[seed, number, place] for place in range(len(units))]
        results = method.fit_many(panel, designs, [np.random.SeedSequence(one) for one in seeds])
        for unit, one, cf in zip(units, designs, results, strict=True):
            labels = {"unit": unit, "window": number, "reason": ""}
            if isinstance(cf, Exception) or cf.failures:
                rows.append(
                    {**labels, "law": "refused", "reason": str(cf if isinstance(cf, Exception) else cf.failures)}
                )
                continue
            labels["size"] = cf.assigned
            spent = cf.pooled_spending
            laws = {"credible": "benchmark"} | ({"confidence": "confidence"} if cf.confidence is not None else {})
            rows += [{**labels, "law": law, **law_row(cf.pooled(name), spent)} for law, name in laws.items()]
            if conformal is not None:
                p = conformal_p_value(conformal, panel, one)
                periods = len(baseline) + len(performance)
                exists = {level: 1 / periods <= 1 - level + 1e-12 for level in LEVELS}
                covers = {f"in_{level}": float(p > 1 - level + 1e-12) for level in LEVELS if exists[level]}
                rows.append({**labels, "law": "moving blocks", **covers})
    return pd.DataFrame(rows)


def block_replicates(values, blocks, replicates=1000, seed=1):
    """Means with blocks of units, each with all its windows, drawn together."""
    rng = np.random.default_rng(seed)
    sums = pd.DataFrame({"value": values, "block": blocks}).groupby("block")["value"].agg(["sum", "count"]).to_numpy()
    drawn = sums[rng.integers(0, len(sums), (replicates, len(sums)))].sum(axis=1)
    return drawn[:, 0] / drawn[:, 1]


def coverage_table(frame, classes):
    """Coverage (%) with block-bootstrap error and 95% interval, width and score (% of spending), per law and class.

    `frame` holds a column "block"; `classes` maps a name to a function of the frame that says which rows belong.
    """
    rows = []
    for name, inside in classes.items():
        part = frame[(frame["law"] != "refused").to_numpy() & np.asarray(inside(frame))]
        for law, own in part.groupby("law", sort=False):
            for level in LEVELS:
                known = own.dropna(subset=[f"in_{level}"]) if f"in_{level}" in own else own[:0]
                if not len(known):
                    continue
                means = 100 * block_replicates(known[f"in_{level}"].to_numpy(), known["block"].to_numpy())
                low, high = np.quantile(means, [0.025, 0.975])
                rows.append(
                    {
                        "class": name, "law": law, "level": 100 * level, "n": len(known),
                        "coverage": 100 * known[f"in_{level}"].mean(), "error": means.std(), "low": low, "high": high,
                        "width": 100 * known[f"width_{level}"].mean(),
                        "interval_score": 100 * known[f"score_{level}"].mean(),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)
