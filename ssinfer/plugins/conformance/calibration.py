"""Calibration: on simulated data without a saving, intervals include the truth at their nominal rate."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ssinfer.errors import SsinferError
from ssinfer.plugins.conformance.trial import SEED, Trial, Verdict

LEVELS = (0.8, 0.9)
ALLOWED_SHORTFALL = 0.05
FEWEST_REPLICATES = 10


def calibration(trial: Trial, simulate: Callable[[int], tuple[Any, Any]], replicates: int) -> Verdict:
    """Check that coverage of pooled intervals is below nominal by at most five points and two standard errors."""
    if trial.first.uncertainty == "none":
        return None, np.nan, "a point estimate has no interval"
    kind = "credible" if trial.first.uncertainty == "posterior" else "confidence"
    covered: list[list[bool]] = []
    refused = 0
    for replicate in range(replicates):
        data, design = simulate(SEED + replicate)
        try:
            cf = trial.fit(data, design, seed=SEED + replicate)
            cf.require_spending()
            draws = cf.pooled(kind)
        except SsinferError:
            refused += 1
            continue
        intervals = [np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) for level in LEVELS]
        covered.append([bool(low <= cf.pooled_spending <= high) for low, high in intervals])
    if len(covered) < FEWEST_REPLICATES:
        return None, len(covered), f"{refused} of {replicates} replicates were refused"
    coverage = np.mean(covered, axis=0)
    error = np.sqrt(np.maximum(coverage * (1 - coverage), 0.01) / len(covered))
    too_low = bool((np.array(LEVELS) - coverage > ALLOWED_SHORTFALL + 2 * error).any())
    rates = ", ".join(
        f"{100 * level:g}% covers {100 * rate:.0f} ± {100 * se:.0f}%"
        for level, rate, se in zip(LEVELS, coverage, error, strict=True)
    )
    return not too_low, float(coverage[-1]), f"{rates} (n = {len(covered)}, refused {refused})"
