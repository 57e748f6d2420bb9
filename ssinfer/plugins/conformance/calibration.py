"""Calibration: on simulated panels without a saving, intervals cover as often as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.check import Check
from ssinfer.errors import SsinferError
from ssinfer.plugins.conformance.trial import SEED, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = (0.8, 0.9)
ALLOWED_SHORTFALL = 0.05


def calibration(trial: Trial, simulate: Callable[[int], tuple[Any, Any]], replicates: int) -> Check:
    """Coverage of the pooled 80% and 90% intervals over simulated null data; each replicate has one treated unit.

    Fails where coverage falls short of nominal by more than five points and two standard errors. Coverage above
    nominal is honest, and is reported.
    """
    name = "calibration"
    if trial.first.uncertainty == "none":
        return Check(name, "NOT EVALUATED", message="a point estimate has no interval")
    kind = "credible" if trial.first.uncertainty == "posterior" else "confidence"
    inside: list[list[bool]] = []
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
        y = cf.pooled_spending
        ends = [np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) for level in LEVELS]
        inside.append([bool(low <= y <= high) for low, high in ends])
    if len(inside) < 10:
        return Check(name, "NOT EVALUATED", len(inside), f"{refused} of {replicates} replicates were refused")
    coverage = np.mean(inside, axis=0)
    error = np.sqrt(np.maximum(coverage * (1 - coverage), 0.01) / len(inside))
    short = [
        level - found > ALLOWED_SHORTFALL + 2 * se for level, found, se in zip(LEVELS, coverage, error, strict=True)
    ]
    words = ", ".join(
        f"{100 * level:g}% covers {100 * found:.0f} ± {100 * se:.0f}%"
        for level, found, se in zip(LEVELS, coverage, error, strict=True)
    )
    return Check(
        name, "FAIL" if any(short) else "PASS", float(coverage[-1]), f"{words} (n = {len(inside)}, refused {refused})"
    )
