"""The tasks of a backtest: lists them, and runs them in one or more processes."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import joblib

from ssinfer.backtesting.placebos import Placebos, placebo_units
from ssinfer.backtesting.task import Outcome, Task, run_task
from ssinfer.design import Design
from ssinfer.panel import Panel
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.windows import rolling_windows
from ssinfer.workers import parallel

#: Most placebos of a window that a task fits together, unless the method says how many.
UNITS_PER_TASK = 64


def list_tasks(
    panel: Panel,
    pairs: Sequence[tuple[tuple[str, Design], tuple[str, Any]]],
    placebos: Placebos,
    origins: Mapping[str, Sequence[Any]],
    keys: tuple[ThresholdKey, ...],
    seed: int,
    paths: bool = False,
) -> tuple[list[Task], dict[tuple[str, str], str]]:
    """Return the tasks of `pairs` ((name, Design), (name, method)), by design; and the role of each design and unit."""
    tasks = []
    roles: dict[tuple[str, str], str] = {}
    for (design_name, design), of_design in groupby(pairs, key=itemgetter(0)):
        methods = [method for _, method in of_design]
        units = placebo_units(panel, design, placebos)
        roles |= {(design_name, unit): "placebo" for unit in units}
        roles |= {(design_name, unit): "case" for unit in design.treated}
        contract_start = panel.columns(design.performance)[0]
        # from its start on, a contract may change the treated units, which are then no donors of placebos
        after_start = design.replace(under_contract=(*design.under_contract, *design.treated))
        for window in rolling_windows(panel, design, origins.get(design_name)):
            before_contract = panel.columns(window.performance)[-1] < contract_start
            everyone = [*units, *design.treated] if before_contract else units
            seen = design if before_contract else after_start
            for method_name, method in methods:
                size = _units_per_task(method)
                for start in range(0, len(everyone), size):
                    part = tuple(everyone[start : start + size])
                    tasks.append(Task(design_name, method_name, seen, method, window, part, keys, seed, paths))
    return tasks, roles


def run_tasks(
    tasks: Sequence[Task], data: Any, n_jobs: int, progress: Callable[[int, int], None] | None
) -> list[Outcome]:
    """Run the tasks in `n_jobs` processes and return their outcomes; `progress` gets (done, total), numbers of fits."""
    total = sum(len(task.units) for task in tasks)
    done = 0
    outcomes: dict[int, Outcome] = {}
    order = _order(tasks)
    pool = parallel(n_jobs if len(tasks) > 1 else 1, return_as="generator")
    results = pool(joblib.delayed(run_task)(tasks[number], data) for number in order)
    for number, outcome in zip(order, results, strict=True):
        outcomes[number] = outcome
        done += len(tasks[number].units)
        if progress is not None:
            progress(done, total)
    return [outcomes[number] for number in range(len(tasks))]


def _order(tasks: Sequence[Task]) -> list[int]:
    """Return the order of work: one task of each method first, which compiles its kernels, then large before small."""
    first = {task.method_name: number for number, task in reversed(list(enumerate(tasks)))}

    def order(number: int) -> tuple[bool, int, int]:
        task = tasks[number]
        return first[task.method_name] != number, -_units_per_task(task.method), number

    return sorted(range(len(tasks)), key=order)


def _units_per_task(method: Any) -> int:
    return int(getattr(method, "placebos_together", UNITS_PER_TASK))
