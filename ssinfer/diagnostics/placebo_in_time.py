"""Placebo in time: the saving that the method finds before there was a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.check import Check
from ssinfer.errors import SsinferError

if TYPE_CHECKING:
    from ssinfer.design import Design
    from ssinfer.diagnostics.fitting import Fitter
    from ssinfer.panel import Panel

NAME = "placebo in time"


def placebo_in_time(
    method: Fitter, panel: Panel, design: Design, *, origins: int = 3, level: float = 0.95, seed: int = 0
) -> Check:
    """Move the whole design back in time, so that its performance ends before the contract starts.

    Every window has the design's own baseline length, gap and number of performance periods; where the panel does not
    reach back far enough the baseline is shortened to what there is, and the table says so. Passes when the pooled
    spending lies inside the method's `level` interval in every window (Bonferroni over windows).

    Parameters
    ----------
    method : benchmark method
    panel : Panel
    design : Design
    origins : int
        Number of windows tried, each one performance length earlier than the one after it.
    level : float
        Joint level over the windows.
    seed : int

    Returns
    -------
    Check
        `figure` is the mean saving rate over the windows (the case's own bias).
    """
    columns = {period: place for place, period in enumerate(panel.periods)}
    try:
        before, after = np.sort(panel.columns(design.baseline)), np.sort(panel.columns(design.performance))
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    masked = [columns[period] for period in design.masked if period in columns]
    span = int(after[-1] - after[0] + 1)
    windows = []
    for step in range(1, origins + 1):
        early, late = before - step * span, after - step * span
        early = np.setdiff1d(early[early >= 0], masked)
        if early.size >= 3 and late[0] > early[-1]:
            windows.append((early, late))
    if not windows:
        return Check.not_evaluated(
            NAME, f"the panel starts in {panel.periods[0]!r}: no window of {span} performance periods with 3 baseline "
            "periods lies before the contract"
        )  # fmt: skip
    designs = [
        design.replace(
            baseline=[panel.periods[c] for c in early], performance=[panel.periods[c] for c in late], starts=None
        )
        for early, late in windows
    ]
    each = 1 - (1 - level) / len(designs)
    rows = []
    for (early, late), fit in zip(windows, method.fit_many(panel, designs, [seed] * len(designs)), strict=True):
        label = (panel.periods[late[0]], panel.periods[late[-1]], early.size)
        try:
            if isinstance(fit, SsinferError):
                raise fit
            saving = fit.savings().pooled()
            draws = fit.pooled("credible" if fit.uncertainty == "posterior" else "confidence")
            lower, upper = np.quantile(draws, [(1 - each) / 2, (1 + each) / 2])
            inside = bool(lower <= saving.spending.item() <= upper)
            rows.append((*label, saving.measured_rate.item(), (upper - lower) / 2 / draws.mean(), inside, ""))
        except SsinferError as error:
            rows.append((*label, np.nan, np.nan, False, str(error)))
    names = ["first", "last", "n_baseline", "savings_rate", "half_width", "inside", "refused"]
    table = pd.DataFrame(rows, columns=names)
    valid = table[table["refused"] == ""]
    if valid.empty:
        return Check(
            NAME, "NOT EVALUATED", float("nan"), f"every window was refused: {table['refused'].iloc[0]}", table
        )
    figure = float(valid["savings_rate"].mean())
    text = f"mean saving {100 * figure:+.2f}% over {len(valid)} windows before the contract, "
    text += f"{int((~valid['inside']).sum())} outside the {each:.1%} interval"
    if len(valid) < len(table):
        text += f"; {len(table) - len(valid)} windows refused"
    return Check(NAME, "PASS" if valid["inside"].all() else "FAIL", figure, text, table)
