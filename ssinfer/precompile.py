"""Compile every method's kernels once, after an installation, in place of the first study that needs them.

numba compiles a kernel when it is first called with arrays of a kind, and keeps the machine code on disk. Here each
method of the package fits a few made-up units by each of its kinds of inference, which calls what a study will call.
Predictors, covariates and other options that are off by default compile when they are first used.
"""

from __future__ import annotations

import warnings
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np

from ssinfer.backtesting.backtest import backtest
from ssinfer.benchmarks.base import BenchmarkMethod
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.kernels.compile import cache_folder
from ssinfer.plugins.discovery import providers

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS, PERSONS = 24, 40  # enough for placebo gates, which want 19 units outside a block
WINDOWS = ((8, 4), (3, 1))  # periods of baseline and performance: a panel of few periods has kernels of its own
BACKTESTED = ("AdministrativeBenchmark", "HierarchicalBenchmark")  # for the kernels of scores and of all kinds of gates


class Compiled(NamedTuple):
    """What became of a method: seconds that its fits took, and the kinds of inference that failed, with the reason."""

    method: str
    seconds: float
    failed: Mapping[str, str]


def precompile(n_jobs: int = 2) -> list[Compiled]:
    """Compile the kernels of every method of this package, and keep them on disk.

    Parameters
    ----------
    n_jobs : int
        Processes. Methods that share kernels are compiled by one.

    Returns
    -------
    list of Compiled

    Raises
    ------
    SsinferError
        No folder is writable in which numba could keep what it compiles.
    """
    if cache_folder() is None:
        raise SsinferError(
            "Compiled kernels can be kept nowhere: the installed package, or NUMBA_CACHE_DIR, cannot be written to. "
            "Set NUMBA_CACHE_DIR to a folder that can, now and for later runs."
        )
    found = joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(_compile)(family) for family in _families())
    return [one for family in found for one in family]


def _families() -> list[tuple[type[Any], ...]]:
    """Return the package's methods by the class that they share below BenchmarkMethod, the largest family first."""
    found: dict[type, list[type]] = {}
    for provider in providers():
        method = provider.method
        if provider.package == "ssinfer" and isinstance(method, type):
            shared = [one for one in method.__mro__ if issubclass(one, BenchmarkMethod)]
            found.setdefault(shared[-2], []).append(method)
    return sorted((tuple(family) for family in found.values()), key=len, reverse=True)


def _compile(family: tuple[type[Any], ...]) -> list[Compiled]:
    examples = [_few(*window) for window in WINDOWS]
    out = []
    for method in family:
        kinds = method.inferences() if hasattr(method, "inferences") else ("",)
        start, failed = perf_counter(), {}
        for kind in kinds:
            wanted = method(inference=kind) if kind else method()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    for cohort, design in examples:
                        data = cohort if method.needs == "cohort" else cohort.to_panel()
                        wanted.fit(data, design, seed=1)
                    if method.__name__ in BACKTESTED:
                        backtest(data, design, wanted, n_jobs=1)  # of the last, which has few periods
            except SsinferError as error:
                failed[kind] = str(error)
        out.append(Compiled(method.__name__, perf_counter() - start, failed))
    return out


def _few(baseline: int, performance: int) -> tuple[Cohort, Design]:
    """Return made-up persons whose spending rises with age, and a design with the first unit treated."""
    rng = np.random.default_rng(1)
    count, periods = UNITS * PERSONS, baseline + performance
    age = rng.uniform(20.0, 80.0, count)
    money = rng.gamma(1.0, 20.0 * age[:, None], (count, periods))
    unit = np.repeat([f"unit {number:02d}" for number in range(UNITS)], PERSONS)
    years = np.ones((count, periods))
    cohort = Cohort(np.arange(count), unit, tuple(range(periods)), money, years, covariates={"age": age})
    return cohort, Design(["unit 00"], baseline=range(baseline), performance=range(baseline, periods))
