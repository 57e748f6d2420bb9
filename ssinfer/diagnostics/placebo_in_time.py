"""Placebo in time: the saving that the method finds in periods before the contract."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import Number, checked
from ssinfer.check import Check
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.diagnostics.fitting import Fitter, WindowError, window_errors
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
    pooled spending lies inside a joint interval in every window: see ``diagnostics.fitting.window_errors``. `figure` of
    the check is the mean savings rate over the windows.

    Parameters
    ----------
    method, panel, design : benchmark method, Panel and Design
    origins : number of windows, each one performance length earlier than the next
    level : joint probability of the intervals, a fraction
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
    errors = window_errors(method, panel, designs, level=level, seed=seed)
    rows = [(late[0], late[-1], len(early), *error) for (early, late), error in zip(windows, errors, strict=True)]
    table = pd.DataFrame(rows, columns=["first", "last", "n_baseline", *WindowError._fields])
    fitted = table[table["refused"] == ""]
    if fitted.empty:
        reason = f"every window was refused: {table['refused'].iloc[0]}"
        return Check(NAME, "NOT EVALUATED", message=reason, table=table)
    figure = float(fitted["savings_rate"].mean())
    message = (
        f"mean saving {100 * figure:+.2f}% over {len(fitted)} windows before the contract, "
        f"{int((~fitted['inside']).sum())} outside the {level:.0%} interval"
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
