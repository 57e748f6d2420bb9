"""Choice of the prior of units' levels by the held-out slope of placebo errors on the lasting level.

Windows repeat the design inside its history: at most five blocks of as many periods as are measured, the latest ones,
each predicted from the periods before it, with the gap of the design. For unit i, e is the error of the saving that the
"pooled" model at its mode measures in the block, x the log of its mean spending in the periods before it, and z that in
all other periods of the history. x and z are relative to the other units. Over all windows,

    slope = Σ e z / Σ x z,      se² = n / (n - 1) Σ_i (Σ_w (e - slope x) z)² / (Σ x z)²

with all variables centred per window, and n units. The noise of x is in e too; z as an instrument leaves it out. No
period from the contract's start on, nor in the gap before it, is read, so all placebos of a window have one choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ssinfer.benchmarks.hierarchical.layout import MIN_BASELINE_PERIODS, lay_out
from ssinfer.benchmarks.hierarchical.model import MODE_BOUND
from ssinfer.benchmarks.hierarchical.neighbours import NeighbourChoice
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.check import Check, Status
from ssinfer.errors import SsinferError
from ssinfer.kernels.optimise import maximise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ssinfer.benchmarks.hierarchical.layout import Layout
    from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats, Positions

MOST_WINDOWS, MIN_WINDOWS = 5, 2
MAX_SLOPE = 0.067  # one point of the benchmark at a level 15% above the others
NORMAL_95 = 1.96


@dataclass(frozen=True)
class UnitEffectChoice:
    """The chosen prior, and the slope on which the choice rests."""

    effect: Literal["own", "pooled"]
    n_windows: int
    slope: float = float("nan")
    error: float = float("nan")

    @classmethod
    def of(cls, problem: Problem, method: HierarchicalBenchmark) -> UnitEffectChoice:
        """Return the choice for the window of a problem."""
        pooled = replace(method, unit_effect="pooled", history="baseline")
        parts = [part for window in _windows(problem, method) if (part := _window_levels(*window, pooled)) is not None]
        error, near, far = np.array(parts).swapaxes(0, 1) if parts else np.zeros((3, 1, 1))  # (windows, N)
        shared = float((near * far).sum())
        if len(parts) < MIN_WINDOWS or shared <= 0.0:  # with fewer windows, or units that do not differ lastingly
            return cls("own", len(parts))
        slope, n = float((error * far).sum()) / shared, error.shape[1]
        scores = ((error - slope * near) * far).sum(axis=0)
        se = float(np.sqrt((scores**2).sum() * n / (n - 1))) / shared
        return cls("pooled" if abs(slope) + NORMAL_95 * se <= MAX_SLOPE else "own", len(parts), slope, se)

    def checks(self) -> list[Check]:
        """Return the slope, its standard error, and the choice with the far end of the interval, as diagnostics."""
        status: Status = "PASS" if np.isfinite(self.slope) else "NOT EVALUATED"
        of = f"of the error with pooled levels on lasting levels, in {self.n_windows} windows before the start"
        rule = f"'pooled' needs a 95% interval of the slope within ±{MAX_SLOPE} in {MIN_WINDOWS} windows at least"
        return [
            Check("level_slope", status, self.slope, of),
            Check("level_slope_se", status, self.error, "standard error of the slope, by unit"),
            Check("unit_effect", status, abs(self.slope) + NORMAL_95 * self.error, f"{self.effect!r} is taken: {rule}"),
        ]


def _windows(problem: Problem, method: HierarchicalBenchmark) -> Iterator[tuple[Problem, Positions]]:
    """Yield the windows, the latest first: a problem, and the other columns of the history."""
    history, width = problem.history, len(problem.performance_columns)
    used = len(history) if method.history == "all" else len(problem.baseline)
    gap = problem.performance_columns[0] - problem.baseline[-1]
    # before the start the contract reaches nobody
    problem = replace(problem, donors=np.union1d(problem.donors, problem.near), near=problem.near[:0])
    for number in range(MOST_WINDOWS):
        block = history[max(len(history) - (number + 1) * width, 0) : len(history) - number * width]
        if len(block) < width:
            return
        earlier = history[history <= block[0] - gap]
        start = max(width, len(earlier) - used)
        if len(earlier) - start >= MIN_BASELINE_PERIODS:
            yield replace(problem, baseline=earlier[start:], performance_columns=block), earlier[:start]


def _window_levels(window: Problem, others: Positions, pooled: HierarchicalBenchmark) -> tuple[Floats, ...] | None:
    """Return error, level before the block and level in the other columns (N,), centred; None if the model fails."""
    try:
        layout = lay_out(window, pooled)
        before = np.tile(layout.baseline.astype(float), (len(layout.rows), 1))
        data = (layout.y * before, before)
        search = partial(layout.model.log_posterior_gradient, y=data[0], seen=before)
        mode = maximise(lambda x: layout.model.log_posterior(x, *data), np.zeros(layout.model.size), MODE_BOUND, search)
        rows = np.arange(len(layout.rows))
        means = predict_placebos(layout.model, mode[None], layout.y, layout.seen, rows, layout.ahead).mean[0]
    except (SsinferError, np.linalg.LinAlgError):
        return None
    expected, observed = layout.spending(means[:, len(layout.ahead) :]), layout.spending(layout.y[:, layout.ahead])
    size = window.sizes[np.ix_(layout.rows, window.performance_columns)]
    near, far = (window.spending[np.ix_(layout.rows, at)].mean(axis=1) for at in (window.baseline, others))
    if min(near.min(), far.min()) <= 0.0:
        return None
    error = 1.0 - (size * observed).sum(axis=1) / (size * expected).sum(axis=1)
    return tuple(values - values.mean() for values in (error, np.log(near), np.log(far)))


type Choices = dict[Any, UnitEffectChoice | NeighbourChoice]


def lay_out_chosen(problem: Problem, method: HierarchicalBenchmark, choices: Choices) -> Layout:
    """Return the layout of a problem; `choices` holds those of windows, which their placebos share."""
    units = np.sort(np.concatenate([problem.treated, problem.donors, problem.near]))
    window = (units, problem.history, problem.baseline, problem.performance_columns)
    key = (id(problem.panel), problem.design.standard, *(part.tobytes() for part in window))
    chosen: dict[str, Any] = {}
    if isinstance(method.spatial, str) and method.spatial == "auto":
        if ("neighbours", *key) not in choices:
            choices["neighbours", *key] = NeighbourChoice.of(problem, method, lay_out)
        chosen["neighbours"] = choices["neighbours", *key]
        method = replace(method, spatial=chosen["neighbours"].spatial)
    if method.unit_effect == "auto":
        if key not in choices:
            choices[key] = UnitEffectChoice.of(problem, method)
        chosen["choice"] = choices[key]
        method = replace(method, unit_effect=chosen["choice"].effect)
    return replace(lay_out(problem, method), **chosen)
