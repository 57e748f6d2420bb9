"""The tasks of a backtest: lists them, and runs them in one or more processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib

from ssinfer.backtesting.placebos import placebo_units
from ssinfer.backtesting.task import Outcome, Task, run_task
from ssinfer.errors import DesignError, did_you_mean
from ssinfer.windows import rolling_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ssinfer.comparison import ComparisonRule
    from ssinfer.design import Design
    from ssinfer.panel import Panel
    from ssinfer.thresholds.kind import ThresholdKey

#: Most placebos of a window that a task fits together, unless the method says how many.
UNITS_PER_TASK = 64


@dataclass(frozen=True, eq=False)
class Backtested:
    """The combinations that a backtest fits.

    Attributes
    ----------
    designs : mapping of str to Design
    methods : mapping of str to method
    pairs : set of (design, method) or None
        Combinations wanted; None for all.
    origins : mapping of str to list of period labels
        First performance periods wanted, per design; a design that is absent has all that fit.
    """

    designs: Mapping[str, Design]
    methods: Mapping[str, Any]
    pairs: set[tuple[str, str]] | None
    origins: Mapping[str, list[Any]]

    def __post_init__(self) -> None:
        named = [("pairs names the", "design", design, self.designs) for design, _ in self.pairs or ()]
        named += [("pairs names the", "method", method, self.methods) for _, method in self.pairs or ()]
        named += [("origins names the", "design", design, self.designs) for design in self.origins]
        for where, what, name, known in named:
            if name not in known:
                raise DesignError(f"{where} {what} {name!r}. {did_you_mean(name, known)}")

    def methods_of(self, design: str) -> Iterator[tuple[str, Any]]:
        """Yield the methods that are combined with a design, by name."""
        for name, method in self.methods.items():
            if self.pairs is None or (design, name) in self.pairs:
                yield name, method


def list_tasks(
    panel: Panel,
    backtested: Backtested,
    placebos: Iterable[object] | ComparisonRule | None,
    keys: tuple[ThresholdKey, ...],
    seed: int,
) -> tuple[list[Task], dict[tuple[str, str], str]]:
    """Return the tasks, and the role of each unit by design and unit.

    From its start on, a contract may change the spending of the treated units. They are then no donors of placebos.

    Parameters
    ----------
    panel : Panel
    backtested : Backtested
    placebos : None, iterable of units, or ComparisonRule
    keys : tuple of ThresholdKey
        Thresholds that come from each placebo's own fit.
    seed : int
    """
    tasks = []
    roles: dict[tuple[str, str], str] = {}
    for design_name, design in backtested.designs.items():
        units = placebo_units(panel, design, placebos)
        roles |= {(design_name, unit): "placebo" for unit in units}
        roles |= {(design_name, unit): "case" for unit in design.treated}
        contract_start = panel.columns(design.performance)[0]
        after_start = design.replace(under_contract=(*design.under_contract, *design.treated))
        for window in rolling_windows(panel, design, backtested.origins.get(design_name)):
            before_contract = panel.columns(window.performance)[-1] < contract_start
            everyone = [*units, *design.treated] if before_contract else units
            for method_name, method in backtested.methods_of(design_name):
                size = _units_per_task(method)
                for start in range(0, len(everyone), size):
                    part = tuple(everyone[start : start + size])
                    seen = design if before_contract else after_start
                    tasks.append(Task(design_name, method_name, seen, method, window, part, keys, seed))
    return tasks, roles


def run_tasks(
    tasks: Sequence[Task], data: Any, n_jobs: int, progress: Callable[[int, int], None] | None
) -> list[Outcome]:
    """Run the tasks, and return their outcomes in the order of the tasks.

    Parameters
    ----------
    tasks : sequence of Task
    data : Panel or Cohort
    n_jobs : int
        Number of processes.
    progress : callable (done, total) or None
        Called after every task, with numbers of fits.
    """
    total = sum(len(task.units) for task in tasks)
    done = 0
    outcomes: dict[int, Outcome] = {}
    order = _order(tasks)
    parallel = joblib.Parallel(n_jobs=n_jobs if len(tasks) > 1 else 1, return_as="generator")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    results = parallel(joblib.delayed(run_task)(tasks[number], data) for number in order)
    for number, outcome in zip(order, results, strict=True):
        outcomes[number] = outcome
        done += len(tasks[number].units)
        if progress is not None:
            progress(done, total)
    return [outcomes[number] for number in range(len(tasks))]


def _order(tasks: Sequence[Task]) -> list[int]:
    """Return the order of work: one task of each method first, then large tasks before small ones.

    The first task of a method compiles its kernels for all processes. Long tasks at the end would leave processes idle.
    No result depends on the order.
    """
    first: dict[str, int] = {}
    for number, task in enumerate(tasks):
        first.setdefault(task.method_name, number)
    return sorted(
        range(len(tasks)),
        key=lambda number: (
            first[tasks[number].method_name] != number,
            -_units_per_task(tasks[number].method),
            number,
        ),
    )


def _units_per_task(method: Any) -> int:
    return int(getattr(method, "placebos_together", UNITS_PER_TASK))
