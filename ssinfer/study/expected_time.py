"""Expected time of a study's backtest: its fits are counted, and some of each method are timed on its own data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from ssinfer.backtesting.task import run_task
from ssinfer.backtesting.task_list import list_tasks
from ssinfer.errors import SsinferError

if TYPE_CHECKING:
    from ssinfer.study.plan import Plan

TIMED = 8  # placebos that are fitted to time a method


@dataclass(frozen=True)
class ExpectedTime:
    """Fits of a method in the backtest, and seconds per fit on one core; NaN if no fit succeeded."""

    method: str
    fits: int
    seconds_per_fit: float

    @property
    def seconds(self) -> float:
        """Expected seconds on one core."""
        return self.fits * self.seconds_per_fit


def expected_time(plan: Plan) -> tuple[ExpectedTime, ...]:
    """Return the expected time of each method; the first of two timed fits compiles its kernels."""
    counted: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for fit, method in plan.pairs:
        pair = [((fit, plan.designs[fit]), (method, plan.methods[method]))]
        panel = plan.data.panel_of(fit)
        origins = {fit: list(plan.origins[fit])} if fit in plan.origins else {}
        tasks, _ = list_tasks(panel, pair, plan.placebos_of(fit), origins, (), plan.config.seed)
        counted[method] = counted.get(method, 0) + sum(len(task.units) for task in tasks)
        if method not in seconds and tasks:
            few = replace(tasks[-1], units=tasks[-1].units[:TIMED])
            data = plan.data_for(fit, method)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    run_task(few, data)
                    start = perf_counter()
                    run_task(few, data)
                    seconds[method] = (perf_counter() - start) / len(few.units)
                except SsinferError:
                    continue
    return tuple(ExpectedTime(name, n, seconds.get(name, float("nan"))) for name, n in counted.items())
