"""Trial: a method, data on which it is tried, and the first fits, shared by the conformance checks."""

from __future__ import annotations

import copy
import time
import tracemalloc
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.cohort.cohort import Cohort
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import DrawsError
from ssinfer.panel import Panel

if TYPE_CHECKING:
    from ssinfer.design import Design

SEED = 20261121


class NoFirstFitError(Exception):
    """The first fit failed, which `failure` of the trial explains: the other checks have nothing to look at."""


@dataclass(eq=False)
class Trial:
    """A method on trial.

    Attributes
    ----------
    method : the method
    data : Panel or Cohort, as the method needs
    design : Design with one treated unit
    """

    method: Any
    data: Any
    design: Design

    @property
    def name(self) -> str:
        """Name of the method's class."""
        return type(self.method).__name__

    def fit(self, data: Any = None, design: Design | None = None, seed: int = SEED) -> Counterfactual:
        """Fit a copy of the method on a copy of the data, so that a method that changes them spoils no other check."""
        method = copy.deepcopy(self.method)
        found: Counterfactual = method.fit(
            copy.deepcopy(self.data if data is None else data), self.design if design is None else design, seed=seed
        )
        return found

    @cached_property
    def attempt(self) -> tuple[Any, tuple[str, str] | None]:
        """The first fit's result, or the check that its failure breaks and the reason."""
        try:
            found: Any = self.fit()
        except DrawsError as error:
            return None, (error.promise, str(error))
        except ValueError as error:
            # the arrays of panels and cohorts are read-only: numpy's own words for writing into them
            if "read-only" in str(error):
                return None, ("mutation", f"writes into its input: {error}")
            return None, ("shapes", f"fit failed: {type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001  (a method under trial may fail in any way)
            return None, ("shapes", f"fit failed: {type(error).__name__}: {error}")
        if not isinstance(found, Counterfactual):
            return None, ("shapes", f"fit returned a {type(found).__name__}, not a Counterfactual")
        return found, None

    @property
    def failure(self) -> tuple[str, str] | None:
        """The check that the first fit's failure breaks, and the reason; None where it went through."""
        return self.attempt[1]

    @property
    def first(self) -> Counterfactual:
        """The first fit."""
        found, failure = self.attempt
        if failure is not None:
            raise NoFirstFitError(failure[1])
        assert isinstance(found, Counterfactual)  # noqa: S101  (no failure)
        return found

    @cached_property
    def repeats(self) -> float:
        """Largest difference between two fits with the same seed; where it is not zero, draws cannot be compared."""
        return same_draws(self.first, self.fit())

    @cached_property
    def resources(self) -> tuple[float, float]:
        """Seconds of a second fit, peak megabytes (Python allocations) of a third: tracing slows a fit."""
        start = time.perf_counter()
        self.fit()
        seconds = time.perf_counter() - start
        tracemalloc.start()
        self.fit()
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        return seconds, peak


def scaled(trial: Trial, factor: float) -> Any:
    """Return the trial's data in another currency unit; the design's standard is money too."""
    data = trial.data
    if isinstance(data, Panel):
        variance = data.sampling_variance
        money = {"expected", trial.design.standard}
        covariates = {name: values * (factor if name in money else 1.0) for name, values in data.covariates.items()}
        return replace(
            data,
            spending=data.spending * factor,
            sampling_variance=None if variance is None else variance * factor**2,
            covariates=covariates,
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
    """Return the largest difference between draws (benchmark, expected, confidence) over the mean benchmark.

    Infinity where shapes, missing cells, or the kinds of draws that exist differ.
    """
    scale = float(np.nanmean(np.abs(one.benchmark.values)))
    gap = 0.0
    for name in ("benchmark", "expected", "confidence"):
        first, second = getattr(one, name), getattr(other, name)
        if (first is None) != (second is None):
            return float("inf")
        if first is None:
            continue
        if first.shape != second.shape or not np.array_equal(np.isfinite(first.values), np.isfinite(second.values)):
            return float("inf")
        gap = max(gap, float(np.nanmax(np.abs(first.values - second.values))))
    return gap / scale


# Two sets of draws of the same law differ by Monte Carlo error only: means by about SD sqrt(2 / ESS), log SDs by
# sqrt(1 / ESS). An effective size of 200 is granted, and four standard errors. A point estimate has rounding only.
MEAN_TOLERANCE = 0.4
SD_TOLERANCE = 0.28
POINT_TOLERANCE = 1e-6


def law_differs(one: Counterfactual, other: Counterfactual, scale: float = 1.0) -> float:
    """Return how far two laws of the pooled benchmark differ, in units of what Monte Carlo error allows.

    `other` is divided by `scale` first. The larger of the difference of means in SDs and of log SDs, each over its
    tolerance; for a point estimate the relative difference over 1e-6.
    """
    first, second = one.pooled(), other.pooled() / scale
    spread = float(first.std())
    if len(first) < 2 or spread == 0:
        return float(abs(second.mean() / first.mean() - 1.0)) / POINT_TOLERANCE
    if second.std() == 0:
        return float("inf")
    mean = float(abs(second.mean() - first.mean())) / spread
    return max(mean / MEAN_TOLERANCE, float(abs(np.log(second.std() / spread))) / SD_TOLERANCE)
