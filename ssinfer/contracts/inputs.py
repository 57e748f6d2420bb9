"""Validates settlement inputs: shapes, signs, scales, currency and size."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssinfer.arguments import float_array
from ssinfer.contracts.contract import Contract
from ssinfer.errors import SettlementError
from ssinfer.typing import Booleans, Floats

#: Largest amounts. Above 0 and at most: money per insured-year, insured-years, persons. From 0 to: money in total.
MAX_RATE, MAX_COUNT, MAX_TOTAL = 1e7, 1e9, 1e15


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """Validated inputs, all of the settlement's shape; `score` is a fraction, and `draws` has the draws first."""

    benchmark: Floats
    spending: Floats
    insured_years: Floats
    assigned: Floats
    score: Floats
    standard_met: Booleans
    score_given: bool
    carried_loss: Floats
    revenue: Floats | None
    low_revenue: Booleans
    loss_relief: Floats
    payment_reduction: Floats
    true_saving: Floats | None
    draws: Floats | None


@np.errstate(over="ignore")  # products of numbers beyond the limits, which are refused
def gather(contract: Contract, *, benchmark: Any, draw_axis: int | None, currency: str | None, **others: Any) -> Inputs:
    """Return the validated inputs of a settlement under `contract`; `others` are the other arguments of `settle`."""
    if currency is not None and currency != contract.currency:
        raise SettlementError(
            f"Mixed currency: {contract.name} is in {contract.currency}, the amounts in {currency}. "
            f"Convert the amounts to {contract.currency} first."
        )
    draws = _draws(benchmark, draw_axis)
    measured = floats(benchmark, "benchmark") if draws is None else draws.mean(axis=0)
    given = {name: _values(value, name) for name, value in others.items()}
    arrays = {"benchmark": measured, **given}
    shapes = {name: array.shape for name, array in arrays.items() if array is not None and array.shape != ()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise SettlementError(f"Shapes differ: {listed}. Every input must be one number or have the same shape.")
    shape = next(iter(shapes.values()), ())
    values: dict[str, Any] = {n: None if v is None else np.broadcast_to(v, shape) for n, v in given.items()}
    amounts = np.broadcast_to(measured, shape)
    if values["assigned"] is None:
        values["assigned"] = values["insured_years"]
    paid, years = amounts if draws is None else draws, values["insured_years"]
    limits = {
        "insured_years": (years, MAX_COUNT, "Give the insured-years that carry the money."),
        "benchmark": (paid, MAX_RATE, "A savings rate needs a benchmark above 0 per insured-year."),
        "spending": (values["spending"], MAX_RATE, "Give the measured spending per insured-year."),
        "assigned": (values["assigned"], MAX_COUNT, "Give the head count of assigned persons."),
        "benchmark x insured_years": (paid * years, MAX_TOTAL, "Settle fewer at once."),
        "spending x insured_years": (values["spending"] * years, MAX_TOTAL, "Settle fewer at once."),
    }
    for name, (number, most, hint) in limits.items():
        if np.any(number <= 0):
            raise SettlementError(f"{name} must be above 0, got {float(np.min(number)):g}. {hint}")
        if np.any(number > most):
            raise SettlementError(f"{name} must be at most {most:g}, got {float(np.max(number)):g}. {hint}")
    if contract.size.below == "refuse" and np.any(values["assigned"] < contract.size.minimum):
        raise SettlementError(
            f"{contract.name} needs at least {contract.size.minimum:,} assigned persons, got "
            f"{float(np.min(values['assigned'])):,.0f}. Pool groups or years, or give `assigned`, the head count."
        )
    for name in ("carried_loss", "loss_relief", "revenue"):
        check_total(values[name], name)
    if values["true_saving"] is not None and np.any(np.abs(values["true_saving"]) > MAX_RATE):
        raise SettlementError(f"true_saving must be at most {MAX_RATE:g}, got {others['true_saving']!r}.")
    if np.any((values["payment_reduction"] < 0) | (values["payment_reduction"] > 1)):
        raise SettlementError(f"payment_reduction must be a fraction from 0 to 1, got {others['payment_reduction']!r}.")
    met, quality = values["standard_met"], values.pop("quality")
    score = _score(contract, quality, amounts, values["spending"], met)
    if contract.quality.standard is not None and score is not None:
        values["standard_met"] = met & (score * contract.quality.scale >= contract.quality.standard)
    return Inputs(
        **values,
        benchmark=amounts,
        score=np.ones(shape) if score is None else score,
        score_given=score is not None,
        draws=None if draws is None else np.broadcast_to(draws, (draws.shape[0], *shape)),
    )


def check_total(values: Floats | None, what: str) -> None:
    """Refuse money in total that is negative or beyond the limit."""
    wrong: Any = () if values is None else values[(values < 0) | (values > MAX_TOTAL)]
    if len(wrong):
        raise SettlementError(f"{what} must be an amount of 0 or more in total, up to {MAX_TOTAL:g}, got {wrong[0]:g}.")


def _draws(benchmark: Any, draw_axis: int | None) -> Floats | None:
    """Return draws as (draw, ...), or None if the benchmark has no draws."""
    names = getattr(benchmark, "dims", ())
    if draw_axis is None and "draw" not in names:
        return None
    values = floats(benchmark, "benchmark")
    if draw_axis is None:
        axes = [names.index(name) for name in ("chain", "draw") if name in names]
        first = np.moveaxis(values, axes, range(len(axes)))
        return first.reshape(-1, *first.shape[len(axes) :])
    if not -values.ndim <= draw_axis < values.ndim:
        raise SettlementError(f"draw_axis {draw_axis!r} is not an axis of a benchmark of shape {values.shape}.")
    return np.moveaxis(values, draw_axis, 0)


def _values(value: Any, name: str) -> npt.NDArray[Any] | None:
    """Return an argument as an array; None where it has no default."""
    if name in {"standard_met", "low_revenue"}:
        flags = np.asarray(value)
        if flags.dtype.kind != "b" and not (flags.dtype.kind in "iu" and np.all((flags == 0) | (flags == 1))):
            raise SettlementError(f"{name} must be True or False, or an array of them, got {value!r}.")
        return flags.astype(bool)
    if value is None and name in {"assigned", "quality", "revenue", "true_saving"}:
        return None
    return floats(value, name, missing=name == "revenue")


def floats(value: Any, name: str, *, missing: bool = False) -> Floats:
    """Return a number or an array of numbers as floats; `missing` allows NaN. Text and booleans are not numbers."""
    values = float_array(value, name, SettlementError, "iufO")
    if np.any(np.isinf(values)) or (not missing and np.any(np.isnan(values))):
        raise SettlementError(f"{name} must be finite, got {value!r}. Leave out values that are not known.")
    return values


def _score(
    contract: Contract, quality: Floats | None, benchmark: Floats, spending: Floats, met: Booleans
) -> Floats | None:
    """Return the score as a fraction (as given for a table of quality gates); None if it is not given or not used."""
    terms = contract.quality
    if terms.kind == "none":
        return None
    if quality is None:
        # the score is needed only if the contract scales a share by it and that share is paid or owed
        by_losses = contract.sharing.losses_complement and bool(np.any(spending > benchmark))
        by_savings = terms.kind != "standard" or (terms.alternative and not np.all(met))
        if by_savings or terms.standard is not None or by_losses:
            part = "losses" if by_losses and not by_savings else "savings"
            raise SettlementError(
                f"Missing quality: {contract.name} sets the share of {part} by a quality score "
                f"from 0 to {terms.scale:g}. Give `quality`."
            )
        return None
    top, low = float(np.max(quality, initial=0.0)), float(np.min(quality, initial=0.0))
    if low < 0 or top > terms.scale:
        per_cent = terms.scale == 1 and 1 < top <= 100
        hint = f" {top:g} looks like a score from 0 to 100: divide by 100." if per_cent else ""
        raise SettlementError(
            f"Quality on the wrong scale: {contract.name} scores from 0 to {terms.scale:g}, "
            f"got {low if low < 0 else top:g}.{hint}"
        )
    if terms.scale == 100 and 0 < top <= 1:
        raise SettlementError(
            f"Quality on the wrong scale: {contract.name} scores from 0 to 100, got {top:g}, "
            "which looks like a score from 0 to 1: multiply by 100."
        )
    return quality if terms.kind == "gate_table" else quality / terms.scale
