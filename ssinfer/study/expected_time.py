"""Expected time of a study's backtest: its fits are counted, and each method is timed on its own data."""

import warnings
from dataclasses import replace
from time import perf_counter, process_time
from typing import Any

import numpy as np

from ssinfer.backtesting.task import Task, run_task
from ssinfer.backtesting.task_list import list_tasks
from ssinfer.guard.method import GuardedMethod
from ssinfer.study.plan import Plan

TIMED = 8  # times that one placebo is fitted to time a method
BUDGET = 3.0  # seconds of timing per method, after which its other fits are taken to cost as much as those before


def expected_time(plan: Plan) -> dict[str, tuple[int, float]]:
    """Return fits in the backtest, and seconds per fit on one core (NaN: no placebo is fitted), by method."""
    counted = dict.fromkeys(plan.methods, 0)
    timed: dict[str, list[float]] = {method: [] for method in plan.methods}
    spent = dict.fromkeys(plan.methods, 0.0)
    for fit, method in plan.pairs:
        pair = [((fit, plan.designs[fit]), (method, plan.methods[method]))]
        origins = {fit: list(plan.origins[fit])} if fit in plan.origins else {}
        tasks, _ = list_tasks(plan.data.panel_of(fit), pair, plan.placebos_of(fit), origins, (), plan.config.seed)
        counted[method] += sum(len(task.units) for task in tasks)
        if tasks and spent[method] < BUDGET:
            start = perf_counter()
            largest = max(tasks, key=lambda task: len(task.units))
            timed[method].append(seconds_per_fit(largest, plan.data_for(fit, method)))
            spent[method] += perf_counter() - start
    return {method: (counted[method], float(np.mean(each)) if each else np.nan) for method, each in timed.items()}


def seconds_per_fit(task: Task, data: Any) -> float:
    """Return seconds per placebo of a task: those of the work that its placebos share, and those of each placebo.

    One placebo fitted n times takes s + n p seconds; a task of n placebos in f folds takes f s + n p.
    """
    clock = perf_counter if isinstance(task.method, GuardedMethod) else process_time

    def seconds(times: int) -> float:
        start = clock()
        with warnings.catch_warnings(action="ignore"):  # the study itself shows them
            run_task(replace(task, units=task.units[:1] * times), data)
        return clock() - start

    seconds(1)  # compiles kernels
    one, several, n = seconds(1), seconds(TIMED), len(task.units)
    each = max(several - one, 0.0) / (TIMED - 1)
    return min(getattr(task.method, "placebo_folds", 1), n) * max(one - each, 0.0) / n + each
