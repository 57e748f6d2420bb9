"""Leave one donor out: how far the benchmark moves when a donor that carries weight is not available."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.check import Check
from ssinfer.errors import SsinferError

if TYPE_CHECKING:
    from ssinfer.design import Design
    from ssinfer.diagnostics.fitting import Fitter

NAME = "leave one donor out"


def leave_one_donor_out(
    method: Fitter, data: Any, design: Design, *, limit: float | None = None, seed: int = 0
) -> Check:
    """Refit without each donor that has weight, and take the largest change of the pooled benchmark.

    Parameters
    ----------
    method : benchmark method
        Whose counterfactual has weights.
    data : Panel or Cohort
    design : Design
    limit : float, optional
        Largest relative change that passes. None: half the width of the method's 90% interval of the pooled benchmark,
        so that no single donor outweighs the uncertainty that is reported.
    seed : int

    Returns
    -------
    Check
        `figure` is the largest change as a fraction of the benchmark; the table has a row per donor dropped,
        refused fits with their reason.
    """
    try:
        cf = method.fit(data, design, seed=seed)
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    if cf.weights is None:
        return Check.not_evaluated(NAME, f"{cf.method} gives no donor weights")
    if limit is None:
        try:
            draws = cf.pooled("credible" if cf.uncertainty == "posterior" else "confidence")
        except SsinferError as error:
            return Check.not_evaluated(NAME, f"no limit was given and there is no interval to take one from: {error}")
        lower, upper = np.quantile(draws, [0.05, 0.95])
        limit = float((upper - lower) / 2 / cf.level)
    everyone = [str(unit) for unit in cf.weights.columns]
    carrying = [str(unit) for unit in cf.weights.columns[(cf.weights.abs() > 1e-6).any(axis=0)]]
    designs = [design.replace(donors=[unit for unit in everyone if unit != dropped]) for dropped in carrying]
    fits = method.fit_many(data, designs, [seed] * len(designs))
    rows = []
    for dropped, fit in zip(carrying, fits, strict=True):
        weight = float(cf.weights[dropped].abs().max())
        if isinstance(fit, SsinferError):
            rows.append((dropped, weight, np.nan, str(fit)))
        else:
            rows.append((dropped, weight, fit.level / cf.level - 1, ""))
    table = pd.DataFrame(rows, columns=["donor", "weight", "change", "refused"])
    if table["change"].isna().all():
        return Check(NAME, "NOT EVALUATED", float("nan"), f"every refit was refused: {table['refused'].iloc[0]}", table)
    worst = table.iloc[int(np.nanargmax(table["change"].abs().to_numpy()))]
    failed = int(table["change"].isna().sum())
    text = f"without {worst['donor']} the benchmark moves {100 * worst['change']:+.2f}% (limit {100 * limit:.2f}%)"
    text += f"; {failed} of {len(table)} refits refused" if failed else ""
    passed = abs(worst["change"]) <= limit and not failed
    return Check(NAME, "PASS" if passed else "FAIL", float(worst["change"]), text, table)
