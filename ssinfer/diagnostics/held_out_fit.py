"""Fit on held-out baseline periods: the error of the benchmark in periods that it has not seen."""

from typing import Any

import pandas as pd

from ssinfer.arguments import Number, Optional, checked
from ssinfer.check import Check
from ssinfer.design import Design
from ssinfer.diagnostics.fitting import Fitter, window_errors
from ssinfer.errors import SsinferError

NAME = "held-out fit"


@checked(held_out=Optional(Number(0, whole=True)), level=Number(0, 1, open=True))
def held_out_fit(
    method: Fitter, data: Any, design: Design, *, held_out: int | None = None, level: float = 0.95, seed: int = 0
) -> Check:
    r"""Forecast the treated units' last baseline periods from the earlier ones.

    The check passes if the pooled held-out spending lies inside the interval of ``diagnostics.fitting.window_errors``.
    The error in periods that chose the weights is small by construction and says nothing about noise. `figure` of the
    check is the pooled error, spending less benchmark, as a fraction of the benchmark.

    Parameters
    ----------
    method, data, design : benchmark method, Panel or Cohort, and Design
    held_out : number of baseline periods held out; by default as many as in performance, at most a third
    level : probability of the interval, a fraction
    seed : random seed of the fit

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(25, range(2005, 2018), start=2016, seed=2)
    >>> ss.diagnostics.held_out_fit(ss.SyntheticControl(), simulated.panel, simulated.design()).status
    'PASS'
    """
    baseline = [period for period in design.baseline if period not in design.masked]  # in the order of time
    count = held_out or max(1, min(len(set(design.performance) - set(design.masked)), len(baseline) // 3))
    if len(baseline) - count < 2:
        return Check.not_evaluated(
            NAME, f"{len(baseline)} baseline periods: after holding out {count} fewer than 2 remain to fit on"
        )
    earlier = design.replace(baseline=baseline[:-count], performance=baseline[-count:], starts=None)
    try:
        cf = method.fit(data, earlier, seed=seed)
        errors = -cf.savings().measured.mean("unit").values.ravel()
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    table = pd.DataFrame({"period": baseline[-count:], "error": errors})
    [window] = window_errors(method, data, [earlier], level=level, seed=seed)
    figure, half = -window.savings_rate, window.half_width
    message = (
        f"{100 * figure:+.2f}% in {baseline[-count]}-{baseline[-1]}, fitted on {baseline[0]}-{baseline[-count - 1]}"
    )
    if window.refused:
        return Check(NAME, "NOT EVALUATED", figure, f"{message}; there is no interval: {window.refused}", table)
    message += f"; {level:.0%} interval +/-{100 * half:.2f}%"
    return Check(NAME, "PASS" if window.inside else "FAIL", figure, message, table, half)
