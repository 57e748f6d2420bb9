"""The numbers that figures draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class PlaceboRow:
    """Placebo savings rates of one design (and method); `lines` are the case's thresholds, the honest one first.

    `judged`: which placebos have an honest threshold of their own; `paid`: which reach it.
    """

    label: str
    rates: Floats
    judged: NDArray[np.bool_]
    paid: NDArray[np.bool_]
    lines: tuple[tuple[str, float], ...]
    case: float


@dataclass(frozen=True)
class PaymentDot:
    """Actual share of null contracts paid under one threshold and design; `main` is the design that is recommended."""

    threshold: str
    nominal: float
    label: str
    actual: float
    error: float
    main: bool = False


@dataclass(frozen=True, eq=False)
class EarningCurve:
    """Under one threshold: share of placebo contracts paid, and mean bonus per insured-year, by true saving."""

    threshold: str
    paid: Floats
    bonus: Floats
    recommended: bool = False


@dataclass(frozen=True, eq=False)
class Earnings:
    """What a true saving earns, under one design; `due` is the bonus without error, per insured-year."""

    label: str
    currency: str
    savings: Floats
    due: Floats
    curves: tuple[EarningCurve, ...]


@dataclass(frozen=True)
class SizeCurve:
    """Threshold by insured-years under one design: z sqrt(k^2/n + shock^2)."""

    label: str
    k: float
    shock: float
    smallest: float
    largest: float


@dataclass(frozen=True)
class SizeMarker:
    """The case's own placebo threshold, at its number of insured-years."""

    label: str
    insured_years: float
    threshold: float


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A benchmark by performance period; `lower` and `upper` are NaN for point estimates."""

    label: str
    positions: NDArray[np.intp]
    mean: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, eq=False)
class CasePanel:
    """The case's observed spending by period, and the benchmarks beside it; positions count periods."""

    case: str
    periods: tuple[str, ...]
    spending: Floats
    baseline: tuple[int, ...]
    masked: tuple[int, ...]
    performance: tuple[int, ...]
    benchmarks: tuple[Benchmark, ...]
    currency: str
    interval: str


@dataclass(frozen=True, eq=False)
class LovePlot:
    """Absolute standardised mean differences of covariates, before and after; `limit` is the gate, NaN without one."""

    label: str
    covariates: tuple[str, ...]
    before: Floats
    after: Floats
    limit: float
    header: str
