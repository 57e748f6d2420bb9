"""Leave one donor out: the largest change of the benchmark when a donor with weight is not available."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import Number, Optional, checked
from ssinfer.check import Check
from ssinfer.design import Design
from ssinfer.diagnostics.fitting import Fitter, pooled_draws
from ssinfer.errors import SsinferError

NAME = "leave one donor out"
MIN_WEIGHT = 1e-6


@checked(limit=Optional(Number(infinite=True)))
def leave_one_donor_out(
    method: Fitter, data: Any, design: Design, *, limit: float | None = None, seed: int = 0
) -> Check:
    """Refit without each donor that has weight, and return the largest change of the pooled benchmark.

    `figure` of the check is that change, a fraction of the benchmark. The table has one row per donor, with the reason
    if the fit without it is refused.

    Parameters
    ----------
    method, data, design : benchmark method with donor weights, Panel or Cohort, and Design
    limit : largest relative change that passes; by default half the width of the benchmark's 90% interval
    seed : random seed of the fits

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(25, range(2005, 2018), start=2016, seed=2)
    >>> ss.diagnostics.leave_one_donor_out(ss.SyntheticControl(), simulated.panel, simulated.design()).status
    'PASS'
    """
    try:
        cf = method.fit(data, design, seed=seed)
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    if cf.weights is None:
        return Check.not_evaluated(NAME, f"{cf.method} gives no donor weights")
    if limit is None:
        try:
            lower, upper = np.quantile(pooled_draws(cf), [0.05, 0.95]) / cf.level
        except SsinferError as error:
            return Check.not_evaluated(NAME, f"no limit was given and there is no interval to take one from: {error}")
        limit = float((upper - lower) / 2)
    donors = [str(unit) for unit in cf.weights.columns]
    largest = cf.weights.abs().max(axis=0)
    dropped = [donor for donor, weight in zip(donors, largest, strict=True) if weight > MIN_WEIGHT]
    designs = [design.replace(donors=[donor for donor in donors if donor != out]) for out in dropped]
    fits = method.fit_many(data, designs, [seed] * len(designs))
    changes = [(np.nan, str(fit)) if isinstance(fit, SsinferError) else (fit.level / cf.level - 1, "") for fit in fits]
    rows = [(out, float(largest[out]), *change) for out, change in zip(dropped, changes, strict=True)]
    table = pd.DataFrame(rows, columns=["donor", "weight", "change", "refused"])
    refused = int(table["change"].isna().sum())
    if refused == len(table):
        return Check(NAME, "NOT EVALUATED", float("nan"), f"every refit was refused: {table['refused'].iloc[0]}", table)
    worst = table.iloc[int(np.nanargmax(table["change"].abs().to_numpy()))]
    message = f"without {worst['donor']} the benchmark moves {100 * worst['change']:+.2f}% (limit {100 * limit:.2f}%)"
    message += f"; {refused} of {len(table)} refits refused" if refused else ""
    passed = abs(worst["change"]) <= limit and not refused
    return Check(NAME, "PASS" if passed else "FAIL", float(worst["change"]), message, table, limit)
