"""Convex hull: whether the donors can reproduce the treated unit's baseline without extrapolation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.synthetic_control.kernels.gram import differenced_gram, factor
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_weights
from ssinfer.check import Check
from ssinfer.diagnostics.fitting import require_one_treated, usable_baseline
from ssinfer.errors import SsinferError

if TYPE_CHECKING:
    from ssinfer.design import Design
    from ssinfer.panel import Panel

NAME = "convex hull"
WITHOUT_INTERCEPT = False


def convex_hull(panel: Panel, design: Design, *, tolerance: float = 0.01) -> Check:
    """Measure the distance of the treated unit's baseline from the hull of its donors.

    Parameters
    ----------
    panel : Panel
    design : Design
        With one treated unit.
    tolerance : float
        Largest root mean squared distance, as a fraction of baseline spending, that passes.

    Returns
    -------
    Check
        `figure` is the distance from the hull as a fraction of mean baseline spending; the table has, per baseline
        period, the donors' range and whether the unit lies in it. Inside the range in each period is
        necessary, not sufficient, for being in the hull.
    """
    try:
        name = require_one_treated(design)
        own, donors = design.treated_rows(panel)[0], design.donor_rows(panel)
        baseline = usable_baseline(design)
        columns = panel.columns(baseline)
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    Y = panel.spending[:, columns].T
    donors = donors[np.isfinite(Y[:, donors]).all(axis=0)]
    if donors.size < 2 or not np.isfinite(Y[:, own]).all():
        return Check.not_evaluated(NAME, f"{donors.size} donors with complete baseline spending; at least 2 are needed")
    Y = np.ascontiguousarray(Y[:, np.append(own, donors)])
    F = factor(Y, np.ones(len(baseline)), WITHOUT_INTERCEPT)
    J = donors.size
    w, *_ = simplex_weights(differenced_gram(F.T @ F, 0, np.arange(1, J + 1)), np.zeros(J), np.zeros(J))
    miss = Y[:, 0] - Y[:, 1:] @ w
    distance = float(np.sqrt((miss**2).mean()) / abs(Y[:, 0].mean()))
    low, high = Y[:, 1:].min(axis=1), Y[:, 1:].max(axis=1)
    inside = (low <= Y[:, 0]) & (Y[:, 0] <= high)
    table = pd.DataFrame(
        {"period": baseline, "spending": Y[:, 0], "lowest_donor": low, "highest_donor": high, "in_range": inside}
    )
    text = f"{name} is {100 * distance:.2f}% from the hull of {J} donors (limit {100 * tolerance:g}%); "
    text += f"outside their range in {int((~inside).sum())} of {len(baseline)} baseline periods"
    return Check(NAME, "PASS" if distance <= tolerance else "FAIL", distance, text, table)
