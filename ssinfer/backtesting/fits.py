"""Fits of placebos: by any provider's method, with a reason for each fit that is refused or fails."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import SsinferError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.design import Design
    from ssinfer.typing import Floats


def seed_of(seed: int, *labels: object) -> np.random.SeedSequence:
    """Return a random stream that depends on the seed and labels only, and not on the order of tasks."""
    text = "|".join(str(label) for label in labels)
    return np.random.SeedSequence([seed, zlib.crc32(text.encode())])


def fit_each(method: Any, data: Any, designs: Sequence[Design], seeds: Sequence[Any]) -> list[Any]:
    """Return a Counterfactual or an exception per design.

    A provider need not offer `fit_many`. If one design makes `fit_many` fail altogether, each design is fitted alone,
    so that the others keep their results.
    """
    if hasattr(method, "fit_many"):
        try:
            results = list(method.fit_many(data, designs, seeds))
        except Exception:  # noqa: BLE001, S110  (each is fitted alone below, and its reason is kept there)
            pass
        else:
            if len(results) == len(designs):
                return results
    results = []
    for design, seed in zip(designs, seeds, strict=True):
        try:
            results.append(method.fit(data, design, seed=seed))
        except Exception as error:  # noqa: BLE001  (a provider's method may fail in any way; the row keeps the reason)
            results.append(error)
    return results


@dataclass(frozen=True, eq=False)
class Fit:
    """The part of one fit that a backtest keeps.

    Attributes
    ----------
    status : "ok", "refused" or "failed"
    reason : str
        Reason of a refusal or failure.
    uncertainty : str
        As of the counterfactual.
    insured_years, assigned, spending : float
        Insured-years of the performance periods, persons, and pooled spending per insured-year.
    benchmark : array (S,) or None
        Draws of the pooled benchmark.
    sampling : array or None
        Draws of its sampling distribution, where the method gives one.
    """

    status: str = "ok"
    reason: str = ""
    uncertainty: str = ""
    insured_years: float = float("nan")
    assigned: float = float("nan")
    spending: float = float("nan")
    benchmark: Floats | None = None
    sampling: Floats | None = None

    @classmethod
    def of(cls, result: object) -> Fit:
        """Return the part that is kept of a fit's result: a counterfactual, an exception or anything else."""
        if not isinstance(result, Counterfactual):
            unknown = TypeError(f"fit returned a {type(result).__name__}, not a Counterfactual")
            return cls._failed(result if isinstance(result, Exception) else unknown)
        try:
            result.require_spending()
            benchmark, sampling = None if result.failures else result.pooled(), _sampling(result)
        except SsinferError as error:
            return cls._failed(error)
        return cls(
            status="refused" if result.failures else "ok",
            reason="; ".join(result.failures),
            uncertainty=result.uncertainty,
            insured_years=float(result.insured_years.values.sum()),
            assigned=result.assigned,
            spending=result.pooled_spending,
            benchmark=benchmark,
            sampling=sampling,
        )

    @classmethod
    def _failed(cls, error: Exception) -> Fit:
        status = "refused" if isinstance(error, SsinferError) else "failed"
        return cls(status=status, reason=f"{type(error).__name__}: {error}")


def _sampling(cf: Counterfactual) -> Floats | None:
    if cf.failures or (cf.confidence is None and cf.uncertainty != "sampling"):
        return None
    return cf.pooled("confidence")
