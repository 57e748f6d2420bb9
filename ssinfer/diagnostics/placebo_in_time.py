"""Placebo in time: the saving that the method finds in periods before the contract."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import Number, checked
from ssinfer.check import Check
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.diagnostics.fitting import Fitter, pooled_draws
from ssinfer.errors import SsinferError
from ssinfer.panel import Panel

NAME = "placebo in time"
MIN_BASELINE = 3


@checked(origins=Number(1, 1000, whole=True), level=Number(0, 1, open=True))
def placebo_in_time(
    method: Fitter, panel: Panel | Cohort, design: Design, *, origins: int = 3, level: float = 0.95, seed: int = 0
) -> Check:
    """Move the design back in time, so that its performance period ends before the contract starts.

    Every window has the design's own baseline length, gap and number of performance periods. If the panel starts too
    late, the baseline is shortened to the periods there are, and the table gives their number. The check passes if the
    pooled spending lies inside the method's interval in every window. `figure` of the check is the mean savings rate
    over the windows.

    Parameters
    ----------
    method, panel, design : benchmark method, Panel and Design
    origins : number of windows, each one performance length earlier than the next
    level : joint probability of the intervals, a fraction (Bonferroni over windows)
    seed : random seed of the fits

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(25, range(2005, 2018), start=2016, seed=2)
    >>> ss.diagnostics.placebo_in_time(ss.SyntheticControl(), simulated.panel, simulated.design()).status
    'PASS'
    """
    try:
        windows = _earlier_windows(panel, design, origins)
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    if not windows:
        lacks = f"no window with {MIN_BASELINE} baseline periods lies before the contract"
        return Check.not_evaluated(NAME, f"the panel starts in {panel.periods[0]!r}: {lacks}")
    designs = [design.replace(baseline=early, performance=late, starts=None) for early, late in windows]
    each = 1 - (1 - level) / len(designs)
    rows = []
    for (early, late), fit in zip(windows, method.fit_many(panel, designs, [seed] * len(designs)), strict=True):
        label = (late[0], late[-1], len(early))
        try:
            if isinstance(fit, SsinferError):
                raise fit
            saving, draws = fit.savings().pooled(), pooled_draws(fit)
            lower, upper = np.quantile(draws, [(1 - each) / 2, (1 + each) / 2])
            inside = bool(lower <= saving.spending.item() <= upper)
            rows.append((*label, saving.measured_rate.item(), (upper - lower) / 2 / draws.mean(), inside, ""))
        except SsinferError as error:
            rows.append((*label, np.nan, np.nan, False, str(error)))
    names = ["first", "last", "n_baseline", "savings_rate", "half_width", "inside", "refused"]
    table = pd.DataFrame(rows, columns=names)
    fitted = table[table["refused"] == ""]
    if fitted.empty:
        reason = f"every window was refused: {table['refused'].iloc[0]}"
        return Check(NAME, "NOT EVALUATED", message=reason, table=table)
    figure = float(fitted["savings_rate"].mean())
    message = (
        f"mean saving {100 * figure:+.2f}% over {len(fitted)} windows before the contract, "
        f"{int((~fitted['inside']).sum())} outside the {each:.1%} interval"
    )
    message += f"; {len(table) - len(fitted)} windows refused" if len(fitted) < len(table) else ""
    return Check(NAME, "PASS" if fitted["inside"].all() else "FAIL", figure, message, table)


def _earlier_windows(panel: Panel | Cohort, design: Design, origins: int) -> list[tuple[list[Any], list[Any]]]:
    """Return the baseline and performance periods of each earlier window that has enough baseline periods."""
    before, after = np.sort(panel.columns(design.baseline)), np.sort(panel.columns(design.performance))
    masked = [column for column, period in enumerate(panel.periods) if period in design.masked]
    length = int(after[-1] - after[0] + 1)
    windows = []
    for step in range(1, origins + 1):
        early, late = before - step * length, after - step * length
        early = np.setdiff1d(early[early >= 0], masked)
        if early.size >= MIN_BASELINE and late[0] > early[-1]:
            windows.append(([panel.periods[column] for column in early], [panel.periods[column] for column in late]))
    return windows
