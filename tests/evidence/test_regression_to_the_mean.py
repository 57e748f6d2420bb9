"""Regression to the mean when matching on prior spending: the warning, and the bias of each adjustment.

`python tests/evidence/test_regression_to_the_mean.py 200` prints the table of docs/matched_benchmarks.md.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from simulated_selection import simulate_selection

from ssinfer.benchmarks.matched.method import PropensityMatching

ESTIMATES = {
    "did, prior spending left out": {},
    "did, matched on prior spending": {"prior_spending": True},
    "lagged, matched on prior spending": {"prior_spending": True, "adjustment": "lagged"},
}


def biases(replicates, n=12_000, seed=0):
    """Return the mean error of the benchmark as a fraction of the truth, its standard error, and the warning rate."""
    rows = []
    for selection in ("prior spending", "lasting level"):
        for number in range(replicates):
            simulated = simulate_selection(selection, n, seed=seed + number)
            for estimate, options in ESTIMATES.items():
                cf = PropensityMatching(n_draws=100, balance_limits=None, confidence=None, **options).fit(
                    simulated.cohort, simulated.design, seed=number
                )
                warned = (cf.diagnostics["check"] == "regression to the mean") & (cf.diagnostics["status"] == "WARN")
                rows.append((selection, estimate, cf.level / simulated.truth - 1, float(warned.any())))
    frame = pd.DataFrame(rows, columns=["treated by", "estimate", "bias", "warned"])
    groups = frame.groupby(["treated by", "estimate"], sort=False)
    table = groups.mean()
    table.insert(1, "se", groups["bias"].std() / np.sqrt(replicates))
    return table


@pytest.mark.evidence
def test_the_warning_is_given_and_each_adjustment_is_unbiased_if_its_assumption_holds(evidence_share):
    table = biases(max(12, int(100 * evidence_share)))
    print(table.round(4).to_string())  # noqa: T201
    did, matched, lagged = ESTIMATES
    for selection, unbiased, biased in (
        ("prior spending", [lagged], [did, matched]),
        ("lasting level", [did], [matched, lagged]),
    ):
        for name in unbiased:
            row = table.loc[(selection, name)]
            assert abs(row["bias"]) < 3 * row["se"]
        for name in biased:
            row = table.loc[(selection, name)]
            assert abs(row["bias"]) > 3 * row["se"]
    assert table["warned"].tolist() == [0.0, 1.0, 0.0] * 2


if __name__ == "__main__":
    print(biases(int(sys.argv[1])).round(4).to_string())  # noqa: T201
