"""Expected time of a study's backtest: its fits are counted, and some of each method are timed on its own data."""

import warnings
from dataclasses import replace
from time import perf_counter

import numpy as np

from ssinfer.backtesting.task import run_task
from ssinfer.backtesting.task_list import list_tasks
from ssinfer.study.plan import Plan

TIMED = 8  # placebos that are fitted to time a method


def expected_time(plan: Plan) -> dict[str, tuple[int, float]]:
    """Return fits in the backtest, and seconds per fit on one core (NaN: no placebo is fitted), by method."""
    counted = dict.fromkeys(plan.methods, 0)
    seconds = dict.fromkeys(plan.methods, float("nan"))
    for fit, method in plan.pairs:
        pair = [((fit, plan.designs[fit]), (method, plan.methods[method]))]
        origins = {fit: list(plan.origins[fit])} if fit in plan.origins else {}
        tasks, _ = list_tasks(plan.data.panel_of(fit), pair, plan.placebos_of(fit), origins, (), plan.config.seed)
        counted[method] += sum(len(task.units) for task in tasks)
        if np.isfinite(seconds[method]) or not tasks:
            continue
        few = replace(tasks[-1], units=tasks[-1].units[:TIMED])
        with warnings.catch_warnings(action="ignore"):  # the study itself shows them
            for _ in range(2):  # the first compiles kernels
                start = perf_counter()
                run_task(few, plan.data_for(fit, method))
                seconds[method] = (perf_counter() - start) / len(few.units)
    return {method: (counted[method], seconds[method]) for method in plan.methods}
