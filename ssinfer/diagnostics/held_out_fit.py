"""Fit on held-out baseline periods: what the benchmark misses when it has not seen them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.check import Check
from ssinfer.diagnostics.fitting import Fitter, usable_baseline
from ssinfer.errors import SsinferError

if TYPE_CHECKING:
    from ssinfer.design import Design

NAME = "held-out fit"


def held_out_fit(
    method: Fitter, data: Any, design: Design, *, held_out: int | None = None, level: float = 0.95, seed: int = 0
) -> Check:
    r"""Forecast the last baseline periods from the earlier ones, for the treated units.

    Passes when the pooled held-out spending lies inside the method's own `level` interval. The fit to periods that
    chose the weights is optimised small and tells nothing about noise; this one does.

    Parameters
    ----------
    method : benchmark method
    data : Panel or Cohort
    design : Design
    held_out : int, optional
        Baseline periods held out; by default as many as there are performance periods, at most a third of the baseline.
    level : float
        Of the interval that must hold the spending.
    seed : int

    Returns
    -------
    Check
        `figure` is the pooled error, spending less benchmark, as a fraction of the benchmark.
    """
    baseline = usable_baseline(design)
    count = held_out or max(1, min(len(set(design.performance) - set(design.masked)), len(baseline) // 3))
    if len(baseline) - count < 2:
        return Check.not_evaluated(
            NAME, f"{len(baseline)} baseline periods: after holding out {count} fewer than 2 remain to fit on"
        )
    earlier = design.replace(baseline=baseline[:-count], performance=baseline[-count:], starts=None)
    try:
        cf = method.fit(data, earlier, seed=seed)
        saving = cf.savings().pooled()
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    miss = -saving.measured_rate.item()
    table = pd.DataFrame({"period": baseline[-count:], "error": (-cf.savings().measured.mean("unit")).values.ravel()})
    text = f"{100 * miss:+.2f}% in {baseline[-count]}-{baseline[-1]}, fitted on {baseline[0]}-{baseline[-count - 1]}"
    try:
        kind = "credible" if cf.uncertainty == "posterior" else "confidence"
        pooled = cf.pooled(kind)
    except SsinferError as reason:
        return Check(NAME, "NOT EVALUATED", miss, f"{text}; no interval to hold it against: {reason}", table)
    lower, upper = np.quantile(pooled, [(1 - level) / 2, (1 + level) / 2])
    inside = bool(lower <= saving.spending.item() <= upper)
    width = 100 * (upper - lower) / 2 / pooled.mean()
    verdict = f"{text}; {level:.0%} interval +/-{width:.2f}%"
    return Check(NAME, "PASS" if inside else "FAIL", miss, verdict, table)
