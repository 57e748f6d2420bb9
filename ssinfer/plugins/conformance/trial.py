"""Trial: a method, its test data and its first fits, which the conformance checks share."""

import copy
import time
import tracemalloc
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import DrawsError
from ssinfer.panel import Panel

SEED = 20261121

type Verdict = tuple[bool | None, float, str]  # whether a check passed (None: not evaluated), its figure, its message


@dataclass(eq=False)
class Trial:
    """A method under test."""

    method: Any
    data: Any  # the Panel or Cohort that the method needs
    design: Design  # with one treated unit

    @property
    def name(self) -> str:
        """Name of the method's class."""
        return type(self.method).__name__

    def fit(self, data: Any = None, design: Design | None = None, seed: int = SEED) -> Counterfactual:
        """Fit a copy of the method on a copy of the data: changes that a method makes cannot affect other checks."""
        method = copy.deepcopy(self.method)
        cf: Counterfactual = method.fit(
            copy.deepcopy(self.data if data is None else data), self.design if design is None else design, seed=seed
        )
        return cf

    @cached_property
    def attempt(self) -> tuple[Counterfactual | None, tuple[str, str] | None]:
        """The first fit's result, or the check that its failure concerns and the reason."""
        try:
            result: Any = self.fit()
        except DrawsError as error:
            return None, (error.promise, str(error))
        except Exception as error:  # noqa: BLE001  (a method under test may fail in any way)
            # arrays of panels and cohorts are read-only; numpy says so when a method writes into them
            if isinstance(error, ValueError) and ("read-only" in str(error) or "WRITEABLE" in str(error)):
                return None, ("mutation", f"writes into its input: {error}")
            return None, ("shapes", f"fit failed: {type(error).__name__}: {error}")
        if not isinstance(result, Counterfactual):
            return None, ("shapes", f"fit returned a {type(result).__name__}, not a Counterfactual")
        return result, None

    @property
    def failure(self) -> tuple[str, str] | None:
        """The check that the first fit's failure concerns, and the reason; None if the fit succeeded."""
        return self.attempt[1]

    @property
    def first(self) -> Counterfactual:
        """The counterfactual of the first fit, if `failure` is None."""
        assert self.attempt[0] is not None  # noqa: S101  (the suite reads `failure` first)
        return self.attempt[0]

    @cached_property
    def repeats(self) -> float:
        """Largest difference between two fits with the same seed; if it is not zero, draws cannot be compared."""
        return draws_differ(self.first, self.fit())

    @cached_property
    def resources(self) -> tuple[float, float]:
        """Seconds of one fit, and peak megabytes (Python allocations) of another, because tracing slows a fit."""
        start = time.perf_counter()
        self.fit()
        seconds = time.perf_counter() - start
        tracemalloc.start()
        self.fit()
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        return seconds, peak


def tampered(data: Any, units: tuple[str, ...], periods: tuple[Any, ...], factor: float) -> Any:
    """Return the data with the spending of `units` in `periods` multiplied by `factor` (NaN removes it)."""
    is_panel = isinstance(data, Panel)
    labels = np.array(data.units if is_panel else data.unit.astype(str))
    cells = np.isin(labels, list(units))[:, None] & np.array([label in set(periods) for label in data.periods])
    if not is_panel:
        cells &= data.insured_years > 0
    changed = {"spending": np.where(cells, data.spending * factor, data.spending)}
    if is_panel and data.sampling_variance is not None:
        changed["sampling_variance"] = np.where(cells, data.sampling_variance * factor**2, data.sampling_variance)
    return replace(data, **changed)


def units_of(data: Any) -> list[str]:
    """Return the names of the units."""
    return list(data.units) if isinstance(data, Panel) else [str(unit) for unit in np.unique(data.unit.astype(str))]


def draws_differ(first: Counterfactual, second: Counterfactual) -> float:
    """Return the largest difference of draws or fitted values over the mean benchmark; infinity if shapes differ."""
    scale = float(np.nanmean(np.abs(first.benchmark.values)))
    gap = 0.0
    for name in ("benchmark", "expected", "confidence", "fitted"):
        a, b = getattr(first, name), getattr(second, name)
        if (a is None) != (b is None):
            return float("inf")
        if a is None:
            continue
        if a.shape != b.shape or not np.array_equal(np.isfinite(a.values), np.isfinite(b.values)):
            return float("inf")
        gap = max(gap, float(np.nan_to_num(np.abs(a.values - b.values)).max()))
    return gap / scale


# Two sets of draws of one distribution differ by Monte Carlo error only: means by about SD sqrt(2 / ESS), log SDs by
# sqrt(1 / ESS). The tolerances are four standard errors at an effective size of 200; point estimates have rounding.
MEAN_TOLERANCE = 0.4
SD_TOLERANCE = 0.28
POINT_TOLERANCE = 1e-6


def distribution_differs(first: Counterfactual, second: Counterfactual, scale: float = 1.0) -> float:
    """Return the larger difference of means (SDs) or log SDs of `second` / `scale`, over its tolerance."""
    a, b = first.pooled(), second.pooled() / scale
    spread = float(a.std())
    if np.ptp(a) == 0:  # equal draws; the SD of equal numbers may be rounding
        return float(abs(b.mean() / a.mean() - 1.0)) / POINT_TOLERANCE
    if np.ptp(b) == 0:
        return float("inf")
    mean = float(abs(b.mean() - a.mean())) / spread
    return max(mean / MEAN_TOLERANCE, float(abs(np.log(b.std() / spread))) / SD_TOLERANCE)
