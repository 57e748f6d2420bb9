"""Fits of placebos: by any provider's method, with a reason for each fit that is refused or fails."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import PluginError, SsinferError
from ssinfer.savings import refuse_rate
from ssinfer.typing import Floats


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
