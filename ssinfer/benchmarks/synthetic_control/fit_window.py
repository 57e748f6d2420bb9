"""Arrays that the weighting methods share: the pool of units, the window of periods, and the fits over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats, Integers


@dataclass(frozen=True, eq=False)
class Window:
    """One treated unit's periods, and all units that take part, in the panel's order.

    Attributes
    ----------
    problem : the design laid over the panel
    rows : (N,) rows of the panel: the donors and this treated unit
    treated : place of the treated unit in `rows`
    Y : (T, N) standardised spending; zero where sealed or absent, cells that no fit reads
    noise : (T, N) variance of each mean, or None. Known where the panel knows it; otherwise mean^2 / insured-years,
        right up to the factor k^2, which is learned
    noise_is_known : whether `noise` is in squared currency rather than up to k^2
    pre, post : (T0,), (P,) columns of baseline and performance
    pooling : (P,) insured-years of the treated unit over performance, sum one
    """

    problem: Problem
    rows: NDArray[np.intp]
    treated: int
    Y: Floats
    noise: Floats | None
    noise_is_known: bool
    pre: NDArray[np.intp]
    post: NDArray[np.intp]
    pooling: Floats

    @classmethod
    def of(cls, problem: Problem, i: int) -> Window:
        """Return the window of the i-th treated unit of `problem`."""
        own = problem.treated[i]
        rows = np.sort(np.append(problem.donors, own))
        spending = problem.spending[rows].T
        pre, post = np.flatnonzero(problem.pre[i]), np.flatnonzero(problem.post[i])
        noise, known = None, problem.variance is not None
        if problem.variance is not None:
            noise = problem.variance[rows].T
        elif problem.insured_years is not None:
            noise = spending**2 / problem.sizes[rows].T
        place = int(np.searchsorted(rows, own))
        if noise is not None:
            noise = noise.copy()
            last = noise[pre, place]
            noise[post, place] = last[np.isfinite(last)].mean() if np.isfinite(last).any() else 0.0
            noise = np.ascontiguousarray(np.nan_to_num(noise))
        weights = problem.weights[i, np.searchsorted(problem.columns, post)]
        return cls(
            problem=problem,
            rows=rows,
            treated=place,
            Y=np.ascontiguousarray(np.nan_to_num(spending)),
            noise=noise,
            noise_is_known=known,
            pre=pre,
            post=post,
            pooling=weights / weights.sum(),
        )

    @property
    def name(self) -> str:
        """Label of the treated unit."""
        return str(self.problem.panel.units[self.rows[self.treated]])

    @property
    def others(self) -> Integers:
        """Places of the donors."""
        return np.delete(np.arange(self.rows.size), self.treated).astype(np.int64)

    def labels(self) -> list[str]:
        """Names of all units of the window, in order."""
        return self.problem.labels(self.rows)


@dataclass(frozen=True, eq=False)
class Fits:
    """M fits of units by weighted donors: the benchmark of fit m in period t is ``offset[m, t] + weights[m] @ Y[t]``.

    Attributes
    ----------
    weights : (M, N)
    offset : (M, T)
    gap, status, iterations : (M,) certificate of the solver
    notes : per fit, what else the method has to say (ridge strength, V)
    """

    weights: Floats
    offset: Floats
    gap: Floats
    status: Integers
    iterations: Integers
    notes: tuple[dict[str, float], ...] = ()

    def predict(self, Y: Floats) -> Floats:
        """Return benchmarks (M, T)."""
        return np.asarray(self.offset + self.weights @ Y.T)

    def take(self, places: Integers) -> Fits:
        """Return some of the fits."""
        notes = tuple(self.notes[m] for m in places) if self.notes else ()
        return Fits(
            self.weights[places], self.offset[places], self.gap[places], self.status[places],
            self.iterations[places], notes,
        )  # fmt: skip

    def put(self, places: Integers, others: Fits) -> Fits:
        """Return the fits with some replaced."""
        arrays = {}
        for name in ("weights", "offset", "gap", "status", "iterations"):
            values = getattr(self, name).copy()
            values[places] = getattr(others, name)
            arrays[name] = values
        notes = list(self.notes)
        if notes:
            for place, note in zip(places, others.notes, strict=True):
                notes[place] = note
        return Fits(**arrays, notes=tuple(notes))
