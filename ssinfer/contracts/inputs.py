"""Validates settlement inputs: shapes, signs, scales, currency and size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ssinfer.errors import SettlementError

if TYPE_CHECKING:
    from ssinfer.contracts.contract import Contract
    from ssinfer.typing import Booleans, Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """Validated inputs, all of the settlement's shape.

    `score` is the quality as a fraction. `draws` has the draws first: (draw, ...).
    """

    benchmark: Floats
    spending: Floats
    insured_years: Floats
    assigned: Floats
    score: Floats
    standard_met: Booleans
    standard_told: bool
    carried_loss: Floats
    revenue: Floats | None
    low_revenue: Booleans
    loss_relief: Floats
    payment_reduction: Floats
    true_saving: Floats | None
    draws: Floats | None


def gather(contract: Contract, *, benchmark: Any, draw_axis: int | None, currency: str | None, **others: Any) -> Inputs:
    """Return the validated inputs of a settlement under `contract`.

    Parameters
    ----------
    contract : Contract
    benchmark : number, array or draws
        Money per insured-year.
    draw_axis : int or None
        Axis of `benchmark` that holds draws.
    currency : str or None
        Currency of the amounts.
    **others
        The other arguments of `settle`, by name.
    """
    if currency is not None and currency != contract.currency:
        raise SettlementError(
            f"Mixed currency: {contract.name} is in {contract.currency}, the amounts in {currency}. "
            f"Convert the amounts to {contract.currency} first.",
        )
    draws = _draws(benchmark, draw_axis)
    measured = _floats(benchmark, "benchmark") if draws is None else draws.mean(axis=0)
    given = {name: None if value is None else _values(value, name) for name, value in others.items()}
    shape = _common_shape({"benchmark": measured, **given})

    def full(name: str) -> Floats:
        return np.broadcast_to(np.asarray(given[name], dtype=np.float64), shape)

    def optional(name: str) -> Floats | None:
        return None if given[name] is None else full(name)

    people = full("insured_years")
    _positive(people, "insured_years", "Give the insured-years that carry the money.")
    amounts = np.broadcast_to(measured, shape)
    _positive(
        amounts if draws is None else draws, "benchmark", "A savings rate needs a benchmark above 0 per insured-year."
    )
    assigned = people if given["assigned"] is None else full("assigned")
    _positive(assigned, "assigned", "Give the head count of assigned persons.")
    _check_size(contract, assigned)
    for name in ("carried_loss", "loss_relief"):
        if np.any(full(name) < 0):
            raise SettlementError(f"{name} must be an amount of 0 or more in total, got {others[name]!r}.")
    if np.any((full("payment_reduction") < 0) | (full("payment_reduction") > 1)):
        raise SettlementError(f"payment_reduction must be a fraction from 0 to 1, got {others['payment_reduction']!r}.")
    met = np.broadcast_to(np.asarray(given["standard_met"], dtype=bool), shape)
    low = np.broadcast_to(np.asarray(given["low_revenue"], dtype=bool), shape)
    score, told = _score(contract, optional("quality"), amounts, full("spending"), met, shape)
    if contract.quality.standard is not None and told:
        met = met & (score * contract.quality.scale >= contract.quality.standard)
    return Inputs(
        benchmark=amounts,
        spending=full("spending"),
        insured_years=people,
        assigned=assigned,
        score=score,
        standard_met=met,
        standard_told=told,
        carried_loss=full("carried_loss"),
        revenue=_revenue(given["revenue"], shape),
        low_revenue=low,
        loss_relief=full("loss_relief"),
        payment_reduction=full("payment_reduction"),
        true_saving=None if given["true_saving"] is None else full("true_saving"),
        draws=None if draws is None else np.broadcast_to(draws, (draws.shape[0], *shape)),
    )


def _draws(benchmark: Any, draw_axis: int | None) -> Floats | None:
    """Return draws as (draw, ...), or None if the benchmark has no draws."""
    names = getattr(benchmark, "dims", ())
    if draw_axis is None and "draw" in names:
        values = np.asarray(benchmark, dtype=np.float64)
        axes = [names.index(name) for name in ("chain", "draw") if name in names]
        first = np.moveaxis(values, axes, range(len(axes)))
        return first.reshape(-1, *first.shape[len(axes) :])
    if draw_axis is None:
        return None
    values = _floats(benchmark, "benchmark")
    if not -values.ndim <= draw_axis < values.ndim:
        raise SettlementError(f"draw_axis {draw_axis} is not an axis of a benchmark of shape {values.shape}.")
    return np.moveaxis(values, draw_axis, 0)


def _values(value: Any, name: str) -> npt.NDArray[Any]:
    return (
        np.asarray(value, dtype=bool)
        if name in {"standard_met", "low_revenue"}
        else _floats(value, name, missing=name == "revenue")
    )


def _floats(value: Any, name: str, *, missing: bool = False) -> Floats:
    try:
        values = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SettlementError(f"{name} must be a number or an array of numbers, got {value!r}.") from error
    if np.any(np.isinf(values)) or (not missing and np.any(np.isnan(values))):
        raise SettlementError(f"{name} must be finite, got {value!r}. Leave out values that are not known.")
    return values


def _common_shape(given: dict[str, Any]) -> tuple[int, ...]:
    """Return the common shape of all inputs that are arrays."""
    shapes = {name: values.shape for name, values in given.items() if values is not None and values.shape != ()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise SettlementError(f"Shapes differ: {listed}. Every input must be one number or have the same shape.")
    return next(iter(shapes.values()), ())


def _positive(values: Floats, name: str, hint: str) -> None:
    if np.any(values <= 0):
        worst = float(np.min(values))
        raise SettlementError(f"{name} must be above 0, got {worst:g}. {hint}")


def _check_size(contract: Contract, assigned: Floats) -> None:
    minimum = contract.size.minimum
    if contract.size.below == "refuse" and np.any(assigned < minimum):
        raise SettlementError(
            f"{contract.name} needs at least {minimum:,} assigned persons, got {float(np.min(assigned)):,.0f}. "
            "Pool groups or years, or give `assigned` when the head count exceeds the insured-years.",
        )


def _revenue(given: Floats | None, shape: tuple[int, ...]) -> Floats | None:
    if given is None:
        return None
    if np.any(given < 0):
        raise SettlementError(f"revenue must be an amount of 0 or more in total, got {float(np.nanmin(given)):g}.")
    return np.broadcast_to(given, shape)


def _score(
    contract: Contract,
    quality: Floats | None,
    benchmark: Floats,
    spending: Floats,
    met: Booleans,
    shape: tuple[int, ...],
) -> tuple[Floats, bool]:
    """Return the score as a fraction (as given for a table of quality gates), and whether a score was given."""
    terms = contract.quality
    if terms.kind == "none":
        return np.ones(shape), False
    if quality is None:
        # the score is needed only if the contract scales a share by it and that share is paid or owed
        by_losses = contract.sharing.losses_complement and bool(np.any(spending > benchmark))
        by_savings = terms.kind != "standard" or (terms.alternative and not np.all(met))
        if by_savings or terms.standard is not None or by_losses:
            part = "losses" if by_losses and not by_savings else "savings"
            raise SettlementError(
                f"Missing quality: {contract.name} sets the share of {part} by a quality score "
                f"from 0 to {terms.scale:g}. Give `quality`.",
            )
        return np.ones(shape), False
    top, low = float(np.max(quality, initial=0.0)), float(np.min(quality, initial=0.0))
    if low < 0 or top > terms.scale:
        hint = (
            f" {top:g} looks like a score from 0 to 100: divide by 100." if terms.scale == 1 and 1 < top <= 100 else ""
        )
        raise SettlementError(
            f"Quality on the wrong scale: {contract.name} scores from 0 to {terms.scale:g}, "
            f"got {low if low < 0 else top:g}.{hint}",
        )
    if terms.scale == 100 and 0 < top <= 1:
        raise SettlementError(
            f"Quality on the wrong scale: {contract.name} scores from 0 to 100, got {top:g}, "
            "which looks like a score from 0 to 1: multiply by 100.",
        )
    return (quality if terms.kind == "gate_table" else quality / terms.scale), True
