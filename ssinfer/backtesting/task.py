"""Task: one method on one design at one origin, for some placebo units; plain rows come back, not containers."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.backtesting.kernels.scoring import central_intervals, crps, interval_score, probability_integral_transform
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import SsinferError
from ssinfer.thresholds.kind import KINDS, PlaceboFit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ssinfer.design import Design
    from ssinfer.thresholds.kind import ThresholdKey
    from ssinfer.typing import Floats
    from ssinfer.windows import ContractWindow


COVERAGE_LEVELS = (0.5, 0.8, 0.9, 0.95)
KEPT_DRAWS = 1000
MEASURED = (
    "insured_years",
    "assigned",
    "benchmark",
    "spending",
    "saving",
    "savings_rate",
    "standard_error",
    "pit",
    "width_90",
    "interval_score_90",
    "crps",
)


@dataclass(frozen=True, eq=False)
class Task:
    """What a worker needs; `keys` name the thresholds that come from each placebo's own fit."""

    design_name: str
    method_name: str
    design: Design
    method: Any
    window: ContractWindow
    units: tuple[str, ...]
    keys: tuple[ThresholdKey, ...]
    seed: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """Rows of a task: `columns` by name (R,), and relative null errors of the benchmark (R, S), NaN where refused."""

    columns: dict[str, Any]
    errors: NDArray[np.float32]


def seed_of(seed: int, *labels: object) -> np.random.SeedSequence:
    """Return a stream that depends on the labels only, so that results do not depend on the order of tasks."""
    text = "|".join(str(label) for label in labels)
    return np.random.SeedSequence([seed, zlib.crc32(text.encode())])


def run_task(task: Task, data: Any) -> Outcome:
    """Fit the task's placebos and score them; what is refused or fails is a row with its reason."""
    designs = [_placed(task, unit) for unit in task.units]
    seeds = [seed_of(task.seed, task.design_name, task.method_name, task.window.origin, unit) for unit in task.units]
    start = perf_counter()
    sound = [place for place, design in enumerate(designs) if not isinstance(design, SsinferError)]
    fitted = fit_each(task.method, data, [designs[place] for place in sound], [seeds[place] for place in sound])
    results: list[Any] = list(designs)
    for place, result in zip(sound, fitted, strict=True):
        results[place] = result
    seconds = (perf_counter() - start) / len(designs)
    columns: dict[str, Any] = {
        "design": [task.design_name] * len(designs),
        "method": [task.method_name] * len(designs),
        "unit": list(task.units),
        "origin": [task.window.origin] * len(designs),
        "status": ["ok"] * len(designs),
        "reason": [""] * len(designs),
        "seconds": [seconds] * len(designs),
        "uncertainty": [""] * len(designs),
    }
    numbers = {name: np.full(len(designs), np.nan) for name in MEASURED}
    for level in COVERAGE_LEVELS:
        numbers[f"covers_{100 * level:g}"] = np.full(len(designs), np.nan)
    for key in task.keys:
        numbers[key.column] = np.full(len(designs), np.nan)
    kept = np.full((len(designs), KEPT_DRAWS), np.nan, dtype=np.float32)
    good: list[int] = []
    benchmark_draws: list[Floats] = []
    sampling_draws: list[Floats | None] = []
    for row, result in enumerate(results):
        if isinstance(result, Counterfactual):
            try:
                result.require_spending()
                sampling = _sampling(result)
            except SsinferError as error:
                _refuse(columns, row, error)
                continue
            numbers["insured_years"][row] = float(result.insured_years.values.sum())
            numbers["assigned"][row] = result.assigned
            numbers["spending"][row] = result.pooled_spending
            columns["uncertainty"][row] = result.uncertainty
            if result.failures:
                columns["status"][row] = "refused"
                columns["reason"][row] = "; ".join(result.failures)
                continue
            good.append(row)
            benchmark_draws.append(result.pooled())
            sampling_draws.append(sampling)
        elif isinstance(result, Exception):
            _refuse(columns, row, result)
        else:
            _refuse(columns, row, TypeError(f"fit returned a {type(result).__name__}, not a Counterfactual"))
    for size in {len(draws) for draws in benchmark_draws}:  # one size, unless a method draws as many as it has donors
        same = [place for place, draws in enumerate(benchmark_draws) if len(draws) == size]
        chosen = [benchmark_draws[place] for place in same], [sampling_draws[place] for place in same]
        _score(np.array(good)[same], *chosen, columns, numbers, task.keys, kept)
    return Outcome({**columns, **numbers}, kept)


def _placed(task: Task, unit: str) -> Any:
    """Return the design with the unit in the treated unit's place, or why there is none (its only donor is itself)."""
    try:
        return task.window.place(task.design, unit)
    except SsinferError as error:
        return error


def fit_each(method: Any, data: Any, designs: Sequence[Design], seeds: Sequence[Any]) -> list[Any]:
    """Return a Counterfactual or the exception per design; a provider need not offer `fit_many`.

    Where one design makes `fit_many` fail altogether, each is fitted alone, so that the others keep their results.
    """
    if hasattr(method, "fit_many"):
        try:
            together = list(method.fit_many(data, designs, seeds))
        except Exception:  # noqa: BLE001, S110  (each is fitted alone below, where the reason is kept)
            pass
        else:
            if len(together) == len(designs):
                return together
    results: list[Any] = []
    for design, seed in zip(designs, seeds, strict=True):
        try:
            results.append(method.fit(data, design, seed=seed))
        except Exception as error:  # noqa: BLE001  (a stranger's method may fail in any way; the row keeps the reason)
            results.append(error)
    return results


def _sampling(cf: Counterfactual) -> Floats | None:
    if cf.confidence is None and cf.uncertainty != "sampling":
        return None
    return None if cf.failures else cf.pooled("confidence")


def _refuse(columns: dict[str, Any], row: int, error: Exception) -> None:
    columns["status"][row] = "refused" if isinstance(error, SsinferError) else "failed"
    columns["reason"][row] = f"{type(error).__name__}: {error}"


def _score(
    good: NDArray[np.intp],
    benchmark: list[Floats],
    sampling: list[Floats | None],
    columns: dict[str, Any],
    numbers: dict[str, Floats],
    keys: Sequence[ThresholdKey],
    kept: NDArray[np.float32],
) -> None:
    """Fill scores and thresholds of the rows that were estimated; errors and rates are relative to Bbar."""
    draws = np.stack(benchmark)  # (R, S)
    mean = draws.mean(axis=1)
    errors = 1.0 - draws / mean[:, None]  # E0 / Bbar
    spending = numbers["spending"][good]
    rate = 1.0 - spending / mean
    numbers["benchmark"][good] = mean
    numbers["saving"][good] = mean - spending
    numbers["savings_rate"][good] = rate
    point = errors.shape[1] == 1
    step = max(1, errors.shape[1] // KEPT_DRAWS)
    thinned = errors[:, ::step][:, :KEPT_DRAWS]
    kept[good, : thinned.shape[1]] = thinned
    if not point:
        numbers["standard_error"][good] = errors.std(axis=1, ddof=1)
        numbers["pit"][good] = probability_integral_transform(errors, rate)
        lower, upper = central_intervals(errors, COVERAGE_LEVELS)
        for place, level in enumerate(COVERAGE_LEVELS):
            inside = (lower[place] <= rate) & (rate <= upper[place])
            numbers[f"covers_{100 * level:g}"][good] = inside
        ninety = COVERAGE_LEVELS.index(0.9)
        numbers["width_90"][good] = upper[ninety] - lower[ninety]
        numbers["interval_score_90"][good] = interval_score(lower[ninety], upper[ninety], rate, 0.9)
        numbers["crps"][good] = crps(errors, rate)
    fits = [
        PlaceboFit(
            posterior=errors[place] if columns["uncertainty"][row] == "posterior" else None,
            sampling=None if own is None else (own.mean() - own) / mean[place],
        )
        for place, (row, own) in enumerate(zip(good, sampling, strict=True))
    ]
    for name, of_kind in groupby(keys, key=attrgetter("kind")):
        wanted = tuple(of_kind)
        for key, values in zip(wanted, KINDS.find(name).for_fits(fits, wanted).T, strict=True):
            numbers[key.column][good] = values
