"""Coverage of PropensityMatching's intervals on simulated claims with a known benchmark, miss-sides apart.

The truth of each replicate is the treated practices' mean spending that would have been observed without the contract,
which the simulation knows. `python tests/evidence/test_matching_coverage.py 5000 150` prints the table of the docs.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import pandas as pd
import pytest

from ssinfer.benchmarks.propensity_matching import PropensityMatching
from ssinfer.datasets.simulated_matching import simulate_matching

VARIANTS = {
    "two-way cluster": {},
    "Abadie-Imbens": {"confidence": "abadie-imbens"},
    "bootstrap-t": {"confidence": "bootstrap-t"},
    "two-way cluster, truncated at .99": {"truncation": 0.99},
}
SAVING = 0.03


def replicate(n, seed):
    """Return a row per variant, kind and level: does the interval of the saving hold the true saving?"""
    simulated = simulate_matching(n, saving=SAVING, n_treated=5, n_practices=105, seed=seed)
    rows = []
    for name, options in VARIANTS.items():
        cf = PropensityMatching(draws=500, gates=None, **options).fit(simulated.cohort, simulated.design, seed=seed)
        weights = cf.insured_years.values / cf.insured_years.values.sum()
        if "truncation" in options:
            # Truncated spending without the contract is not spending with it over 1 - saving: simulate it again.
            without = simulate_matching(n, saving=0.0, n_treated=5, n_practices=105, seed=seed)
            method = PropensityMatching(draws=2, gates=None, **options)
            truth = float((method.fit(without.cohort, without.design, seed=0).spending.values * weights).sum())
        else:
            truth = float((simulated.without * weights).sum())
        spent = float((cf.spending.values * weights).sum())
        for kind in ("credible", "confidence"):
            for level in (0.95, 0.90):
                interval = cf.interval(level, kind=kind).iloc[-1]
                low, high, saved = interval["lower"] - spent, interval["upper"] - spent, truth - spent
                miss = (saved < low, saved > high)
                rows.append((name, kind, level, not any(miss), *miss, (high - low) / truth, cf.level / truth - 1))
    names = ["variant", "kind", "level", "covered", "saving_below", "saving_above", "width", "error"]
    return pd.DataFrame(rows, columns=names)


def coverage(n, replicates, seed=0):
    """Return coverage with its Monte Carlo standard error, the two miss-sides, mean width, bias and its error."""
    rows = pd.concat([replicate(n, 10_000 + seed + r) for r in range(replicates)])
    groups = rows.groupby(["variant", "kind", "level"])
    table = groups[["covered", "saving_below", "saving_above", "width", "error"]].mean()
    table.insert(1, "se", np.sqrt(table["covered"] * (1 - table["covered"]) / replicates))
    table["error_se"] = groups["error"].std() / np.sqrt(replicates)
    return table


# Replicates by number of insured; the reduced evidence of continuous integration takes two small settings.
FULL = [(1_000, 200), (5_000, 100), (20_000, 40)]
REDUCED = [(1_000, 30), (5_000, 8)]


@pytest.mark.evidence
@pytest.mark.parametrize(("n", "replicates"), FULL if os.environ.get("SSINFER_EVIDENCE") == "full" else REDUCED)
def test_intervals_cover_what_they_say_or_more(n, replicates):
    table = coverage(n, replicates)
    for (_, _, level), row in table.iterrows():
        # Four Monte Carlo errors of the nominal level, and two points for the skewness that stays at n = 1,000.
        assert row["covered"] >= level - 4 * np.sqrt(level * (1 - level) / replicates) - 0.02
    assert (table["error"].abs() <= 4 * table["error_se"] + 0.005).all()


if __name__ == "__main__":
    print(coverage(int(sys.argv[1]), int(sys.argv[2])).round(4).to_string())  # noqa: T201
