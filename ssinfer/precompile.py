"""Compiles the kernels of every method once, on a small simulated cohort, so that the first study need not wait."""

import warnings
from collections.abc import Mapping
from time import perf_counter
from typing import Any, NamedTuple

import joblib

from ssinfer.backtesting.backtest import backtest
from ssinfer.benchmarks.base import BenchmarkMethod
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.kernels.compile import cache_folder
from ssinfer.plugins.discovery import providers
from ssinfer.simulation.cohort import simulate_cohort
from ssinfer.workers import parallel

N_UNITS, PERSONS_PER_UNIT = 24, 40  # placebo thresholds need 19 units outside a block
WINDOWS = ((8, 4), (3, 1))  # periods of baseline and performance: panels with few periods have kernels of their own
# Units in a backtest: all for the kernels of scores and thresholds, a few for those of fits that share work.
BACKTESTED = {"AdministrativeBenchmark": N_UNITS, "HierarchicalBenchmark": 5}
# Parameters with kernels of their own, beside each inference.
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SyntheticControl": [{"predictors": [("spending", [2000]), ("spending", [2001])], "inference": "none"}]
}


class Compiled(NamedTuple):
    """A method, the seconds that its fits took, and the reason for each inference option that failed."""

    method: str
    seconds: float
    failed: Mapping[str, str]


def precompile(n_jobs: int = 2) -> list[Compiled]:
    """Compile the kernels of every method with `n_jobs` processes. SsinferError: no folder for them is writable."""
    if cache_folder() is None:
        raise SsinferError(
            "Compiled kernels cannot be kept: neither the installed package nor NUMBA_CACHE_DIR is writable. Set "
            "NUMBA_CACHE_DIR to a folder that can be written to, now and for later runs."
        )
    families = parallel(n_jobs)(joblib.delayed(_compile)(family) for family in _families())
    return [compiled for family in families for compiled in family]


def _families() -> list[tuple[type[Any], ...]]:
    """Return the methods with kernels of their own by their class below BenchmarkMethod, the largest family first."""
    families: dict[type, list[type]] = {}
    for provider in providers():
        method = provider.method
        if provider.package == "ssinfer" and isinstance(method, type) and not getattr(method, "member_parameters", ()):
            ancestors = [ancestor for ancestor in method.__mro__ if issubclass(ancestor, BenchmarkMethod)]
            families.setdefault(ancestors[-2], []).append(method)
    return sorted((tuple(family) for family in families.values()), key=len, reverse=True)


def _compile(family: tuple[type[Any], ...]) -> list[Compiled]:
    """Fit every method of a family with every inference option."""
    examples = [_example(*window) for window in WINDOWS]
    compiled = []
    for method in family:
        options = [{"inference": name} for name in getattr(method, "inferences", ())] or [{}]
        start, failed = perf_counter(), {}
        for each in (*options, *OPTIONS.get(method.__name__, ())):
            fitted = method(**each)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    for cohort, design in examples:
                        data = cohort if method.needs == "cohort" else cohort.to_panel()
                        fitted.fit(data, design, seed=1)
                    if method.__name__ in BACKTESTED:  # on the last example, which has few periods
                        placebos = data.units[1 : BACKTESTED[method.__name__]]
                        backtest(data, design, fitted, placebos=placebos, n_jobs=1)
            except SsinferError as error:
                failed[each.get("inference", "")] = str(error)
        compiled.append(Compiled(method.__name__, perf_counter() - start, failed))
    return compiled


def _example(baseline: int, performance: int) -> tuple[Cohort, Design]:
    """Return simulated persons, and a design with the first unit treated."""
    periods = range(2000, 2000 + baseline + performance)
    cohort = simulate_cohort(N_UNITS, (PERSONS_PER_UNIT, PERSONS_PER_UNIT), periods, seed=1)
    return cohort, Design(["practice 01"], baseline=periods[:baseline], performance=periods[baseline:])
