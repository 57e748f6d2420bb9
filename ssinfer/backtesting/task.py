"""Task: fits one method to one design at one origin, for some placebo units, and returns plain rows."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.backtesting.frames import PLACEBO_PATHS
from ssinfer.backtesting.kernels.scoring import central_intervals, crps, interval_score, probability_integral_transform
from ssinfer.counterfactual import Counterfactual, path_frame
from ssinfer.design import Design
from ssinfer.errors import PluginError, SsinferError
from ssinfer.savings import refuse_rate
from ssinfer.streams import stream_of
from ssinfer.thresholds.kind import KINDS, PlaceboFit, ThresholdKey
from ssinfer.typing import Floats
from ssinfer.windows import ContractWindow
from ssinfer.workers import one_thread

COVERAGE_LEVELS = (0.5, 0.8, 0.9, 0.95)
#: Null errors of each fit that a result keeps, at most.
KEPT_DRAWS = 1000
NO_PATHS = PLACEBO_PATHS.empty()
LABELS = dict.fromkeys(("design", "method", "unit", "phase"), "category")  # of paths: a third of the memory
MEASURED = (
    "benchmark",
    "spending",
    "saving",
    "savings_rate",
    "standard_error",
    "pit",
    "width_90",
    "interval_score_90",
    "crps",
    *(f"covers_{100 * level:g}" for level in COVERAGE_LEVELS),
)


@dataclass(frozen=True, eq=False)
class Task:
    """Arguments of a worker; `keys` name the thresholds of each placebo's own fit; `paths`: whether to keep paths."""

    design_name: str
    method_name: str
    design: Design
    method: Any
    window: ContractWindow
    units: tuple[str, ...]
    keys: tuple[ThresholdKey, ...]
    seed: int
    paths: bool = False


@dataclass(frozen=True, eq=False)
class Fit:
    """The part of one fit that a backtest keeps."""

    status: str = "ok"  # or "refused" or "failed"
    reason: str = ""
    uncertainty: str = ""
    insured_years: float = float("nan")  # of the performance periods
    assigned: float = float("nan")  # persons
    spending: float = float("nan")  # pooled, per insured-year
    benchmark: Floats | None = None  # (S,) draws of the pooled benchmark
    sampling: Floats | None = None  # draws of its sampling distribution, if the method gives one

    @classmethod
    def of(cls, result: Counterfactual | Exception) -> "Fit":
        """Return the part that is kept of a fit's result: a counterfactual or an exception."""
        if isinstance(result, Exception):
            return cls._failed(result)
        try:
            result.require_spending()
            draws = result.pooled()
            refuse_rate(float(draws.mean()), "over all units and periods")
            benchmark = None if result.failures else draws
            given = result.values("confidence")
            known = not result.failures and (given is not None or result.uncertainty == "sampling")
            same = result.uncertainty == "sampling" and (given is None or given is result.values("benchmark"))
            sampling = (draws if same else result.pooled("confidence")) if known else None
        except SsinferError as error:
            return cls._failed(error)
        return cls(
            status="refused" if result.failures else "ok",
            reason="; ".join(result.failures),
            uncertainty=result.uncertainty,
            insured_years=float(result.values("insured_years").sum()),
            assigned=result.assigned,
            spending=result.pooled_spending,
            benchmark=benchmark,
            sampling=sampling,
        )

    @classmethod
    def _failed(cls, error: Exception) -> "Fit":
        status = "refused" if isinstance(error, SsinferError) and not isinstance(error, PluginError) else "failed"
        return cls(status=status, reason=f"{type(error).__name__}: {error}")


@dataclass(frozen=True, eq=False)
class Outcome:
    """Rows of a task: `columns` by name (R,), relative null errors of the benchmark (R, S; NaN: refused), paths."""

    columns: dict[str, Any]
    errors: NDArray[np.float32]
    paths: pd.DataFrame


@one_thread
def run_task(task: Task, data: Any) -> Outcome:
    """Fit the task's placebos and score them; a refusal or failure is a row with its reason."""
    start = perf_counter()
    results = _fit(task, data)
    n, seconds = len(results), (perf_counter() - start) / len(results)
    fits = [Fit.of(result) for result in results]
    columns: dict[str, Any] = {
        "design": [task.design_name] * n,
        "method": [task.method_name] * n,
        "unit": list(task.units),
        "origin": [task.window.origin] * n,
        "status": [fit.status for fit in fits],
        "reason": [fit.reason for fit in fits],
        "seconds": [seconds] * n,
        "uncertainty": [fit.uncertainty for fit in fits],
        **{name: np.array([getattr(fit, name) for fit in fits]) for name in ("insured_years", "assigned")},
        **{name: np.full(n, np.nan) for name in (*MEASURED, *(key.column for key in task.keys))},
    }
    columns["spending"][:] = [fit.spending for fit in fits]
    errors = np.full((n, KEPT_DRAWS), np.nan, dtype=np.float32)
    by_size: dict[int, list[int]] = {}  # rows of fits by their number of draws, which may be that of donors
    for row, fit in enumerate(fits):
        if fit.benchmark is not None:
            by_size.setdefault(len(fit.benchmark), []).append(row)
    for rows in by_size.values():
        scores, thinned = score_fits([fits[row] for row in rows], task.keys)
        errors[rows, : thinned.shape[1]] = thinned
        for name, values in scores.items():
            columns[name][rows] = values
    kept = zip(task.units, fits, results, strict=True)
    placebos = [(unit, cf) for unit, fit, cf in kept if fit.status == "ok" and unit not in task.design.treated]
    return Outcome(columns, errors, _paths(task, *zip(*placebos, strict=True)) if task.paths and placebos else NO_PATHS)


def _paths(task: Task, units: Sequence[str], fits: Sequence[Counterfactual]) -> pd.DataFrame:
    """Return the paths of the placebos of a task, with numbers of 32 bits."""
    path = np.concatenate([cf.path() for cf in fits], axis=1, dtype=np.float32)
    labels = {"design": task.design_name, "method": task.method_name, "origin": task.window.origin}
    return PLACEBO_PATHS.conform(path_frame(units, fits[0], path).assign(**labels))


def _fit(task: Task, data: Any) -> list[Any]:
    """Return a counterfactual or an exception per unit; a unit that is its own only donor has no design."""
    results: list[Any] = []
    for unit in task.units:
        try:
            results.append(task.window.place(task.design, unit))
        except SsinferError as error:
            results.append(error)
    placed = [number for number, design in enumerate(results) if not isinstance(design, SsinferError)]
    labels = (task.design_name, task.method_name, task.window.origin)
    seeds = [stream_of(task.seed, *labels, task.units[number]) for number in placed]
    fitted = fit_each(task.method, data, [results[number] for number in placed], seeds)
    for number, result in zip(placed, fitted, strict=True):
        results[number] = result
    return results


def fit_each(method: Any, data: Any, designs: Sequence[Design], seeds: Sequence[Any]) -> list[Any]:
    """Return a Counterfactual or an exception per design; fitted alone if `fit_many` fails altogether."""
    with suppress(Exception):  # each is fitted alone below, and its reason is kept there
        return list(method.fit_many(data, designs, seeds))
    results = []
    for design, seed in zip(designs, seeds, strict=True):
        try:
            results.append(method.fit(data, design, seed=seed))
        except Exception as error:  # noqa: BLE001  (a fit may fail in any way; the row keeps the reason)
            results.append(error)
    return results


def score_fits(fits: Sequence[Fit], keys: Sequence[ThresholdKey]) -> tuple[dict[str, Floats], Floats]:
    """Return scores and thresholds by name (R,) of fits with equally many draws, and thinned relative null errors."""
    draws = np.stack([fit.benchmark for fit in fits if fit.benchmark is not None])  # (R, S)
    mean = draws.mean(axis=1)
    errors = 1.0 - draws / mean[:, None]  # E0 / Bbar
    spending = np.array([fit.spending for fit in fits])
    rate = 1.0 - spending / mean
    scores = {"benchmark": mean, "saving": mean - spending, "savings_rate": rate}
    ordered = np.sort(errors, axis=1)  # once, for all quantiles
    if errors.shape[1] > 1:
        scores |= _distribution_scores(ordered, rate)
    placebo_fits = [
        PlaceboFit(
            posterior=error if fit.uncertainty == "posterior" else None,
            sampling=sorted_error if fit.sampling is fit.benchmark else _null_error(fit.sampling, benchmark),
        )
        for fit, error, sorted_error, benchmark in zip(fits, errors, ordered, mean, strict=True)
    ]
    for name, of_kind in groupby(keys, key=attrgetter("kind")):
        wanted = tuple(of_kind)
        thresholds = KINDS.find(name).for_fits(placebo_fits, wanted)
        scores |= {key.column: values for key, values in zip(wanted, thresholds.T, strict=True)}
    step = max(1, errors.shape[1] // KEPT_DRAWS)
    return scores, errors[:, ::step][:, :KEPT_DRAWS]


def _null_error(draws: Floats | None, benchmark: float) -> Floats | None:
    return None if draws is None else np.asarray((draws.mean() - draws) / benchmark)


def _distribution_scores(errors: Floats, rate: Floats) -> dict[str, Floats]:
    """Return scores of distributions (R, S) against measured rates (R,)."""
    lower, upper = central_intervals(errors, COVERAGE_LEVELS)
    ninety = COVERAGE_LEVELS.index(0.9)
    covers = {
        f"covers_{100 * level:g}": ((low <= rate) & (rate <= high)).astype(float)
        for level, low, high in zip(COVERAGE_LEVELS, lower, upper, strict=True)
    }
    return {
        "standard_error": errors.std(axis=1, ddof=1),
        "pit": probability_integral_transform(errors, rate),
        **covers,
        "width_90": upper[ninety] - lower[ninety],
        "interval_score_90": interval_score(lower[ninety], upper[ninety], rate, 0.9),
        "crps": crps(errors, rate),
    }
