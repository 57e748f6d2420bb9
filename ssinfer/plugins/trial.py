"""Trial: a method, data on which it is tried, and the first fits, shared by the conformance checks."""

from __future__ import annotations

import copy
import time
import tracemalloc
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ssinfer.cohort import Cohort
from ssinfer.panel import Panel

if TYPE_CHECKING:
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design

Status = Literal["PASS", "FAIL", "NOT EVALUATED"]
SEED = 20261121


@dataclass(frozen=True)
class Check:
    """One finding: `figure` is the number on which the status rests, NaN where there is none."""

    check: str
    status: Status
    figure: float = float("nan")
    message: str = ""


@dataclass(eq=False)
class Trial:
    """A method on trial.

    Attributes
    ----------
    method : the method
    data : Panel or Cohort, as the method needs
    design : Design with one treated unit
    simulated : bool, whether the data were simulated here
    """

    method: Any
    data: Any
    design: Design
    simulated: bool = True
    before: str = field(init=False)

    def __post_init__(self) -> None:
        self.before = self.data.fingerprint()

    @property
    def name(self) -> str:
        """Name of the method's class."""
        return type(self.method).__name__

    def fit(self, data: Any = None, design: Design | None = None, seed: int = SEED) -> Counterfactual:
        """Fit a copy of the method."""
        method = copy.deepcopy(self.method)
        found: Counterfactual = method.fit(
            self.data if data is None else data, self.design if design is None else design, seed=seed
        )
        return found

    @cached_property
    def first(self) -> Counterfactual:
        """The first fit; raises what the method raises."""
        return self.fit()

    @cached_property
    def resources(self) -> tuple[float, float]:
        """Seconds and peak megabytes (Python allocations) of a second fit."""
        tracemalloc.start()
        start = time.perf_counter()
        self.fit()
        seconds = time.perf_counter() - start
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        return seconds, peak


def scaled(data: Any, factor: float) -> Any:
    """Return the data in another currency unit."""
    if isinstance(data, Panel):
        variance = data.sampling_variance
        money = {name: values * factor for name, values in data.covariates.items() if name == "expected"}
        return replace(
            data,
            spending=data.spending * factor,
            sampling_variance=None if variance is None else variance * factor**2,
            covariates={**data.covariates, **money},
        )
    return replace(data, spending=data.spending * factor)


def reordered(data: Any, names: dict[str, str], rng: np.random.Generator) -> Any:
    """Return the data with units (or persons) in another order and under other names."""
    if isinstance(data, Panel):
        order = rng.permutation(len(data.units))
        shuffled = data.select(units=[data.units[row] for row in order])
        return replace(shuffled, units=tuple(names[unit] for unit in shuffled.units))
    order = rng.permutation(len(data.person))
    units = np.array([names[str(unit)] for unit in data.unit[order]], dtype=object)
    return replace(
        data,
        person=data.person[order],
        unit=units,
        spending=data.spending[order],
        insured_years=data.insured_years[order],
        region=None if data.region is None else data.region[order],
        covariates={name: values[order] for name, values in data.covariates.items()},
    )


def tampered(data: Any, units: tuple[str, ...], periods: tuple[Any, ...], factor: float) -> Any:
    """Return the data with the spending of `units` in `periods` multiplied by `factor` (NaN: taken out)."""
    places = [place for place, label in enumerate(data.periods) if label in set(periods)]
    spending = data.spending.copy()
    if isinstance(data, Panel):
        rows = [place for place, unit in enumerate(data.units) if unit in set(units)]
        variance = None if data.sampling_variance is None else data.sampling_variance.copy()
        spending[np.ix_(rows, places)] *= factor
        if variance is not None:
            variance[np.ix_(rows, places)] *= factor**2
        return replace(data, spending=spending, sampling_variance=variance)
    assert isinstance(data, Cohort)  # noqa: S101  (the only other kind of data)
    persons = np.flatnonzero(np.isin(data.unit.astype(str), list(units)))
    cells = np.ix_(persons, places)
    insured = data.insured_years[cells] > 0
    spending[cells] = np.where(insured, spending[cells] * factor, spending[cells])
    return replace(data, spending=spending)


def units_of(data: Any) -> list[str]:
    """Return the names of the units."""
    return list(data.units) if isinstance(data, Panel) else [str(unit) for unit in np.unique(data.unit.astype(str))]


def same_draws(one: Counterfactual, other: Counterfactual) -> float:
    """Return the largest absolute difference of benchmark draws over their mean; infinity where shapes differ."""
    first, second = one.benchmark.values, other.benchmark.values
    if first.shape != second.shape:
        return float("inf")
    gap = np.nanmax(np.abs(first - second)) if np.isfinite(first).any() else float("inf")
    return float(gap / np.nanmean(np.abs(first)))


def moments_differ(one: Counterfactual, other: Counterfactual, scale: float = 1.0) -> tuple[float, float]:
    """Return the difference of pooled means in SDs, and the log ratio of SDs, after dividing `other` by `scale`.

    With a point estimate the first is the relative difference, the second zero.
    """
    first, second = one.pooled(), other.pooled() / scale
    spread = float(first.std())
    if len(first) < 2 or spread == 0:
        return float((second.mean() - first.mean()) / abs(first.mean())), 0.0
    return float((second.mean() - first.mean()) / spread), float(np.log(second.std() / spread))
