"""Settles several years of one contract: pooling, losses carried over, and the stop clause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssinfer.arguments import checked
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.inputs import floats
from ssinfer.contracts.settle import settle
from ssinfer.contracts.settlement import Settlement
from ssinfer.errors import SettlementError


@dataclass(frozen=True, kw_only=True)
class YearsSettlement:
    """Settlements of several years, or blocks of pooled years, in order.

    Attributes
    ----------
    settlements : one per year or block; years after a stop are not settled
    carried_loss : losses still to be subtracted from later savings, in total money
    stopped_after : number of years after which the stop clause ended the contract, or None
    """

    settlements: tuple[Settlement, ...]
    carried_loss: float
    stopped_after: int | None

    @property
    def lines(self) -> dict[str, float]:
        """Money received per party over all years; the lines sum to zero to the cent."""
        years = [settlement.cents for settlement in self.settlements]
        return {party: sum(int(cents[party]) for cents in years) / 100.0 for party in years[0]}


@checked(SettlementError)
@np.errstate(over="ignore")  # of amounts beyond the limits, which `settle` refuses
def settle_years(
    contract: Contract,
    *,
    benchmark: Sequence[float],
    spending: Sequence[float],
    insured_years: Sequence[float],
    by_year: Mapping[str, Sequence[Any]] | None = None,
    **common: Any,
) -> YearsSettlement:
    r"""Settle successive years under one contract.

    Pooled years are settled as one on :math:`B = \sum n_t B_t / \sum n_t`, and spending likewise. If losses are carried
    over, a loss beyond the loss threshold that was not shared is subtracted from later savings before sharing.

    Parameters
    ----------
    contract : Contract
    benchmark, spending : money per insured-year, one number per year, in order
    insured_years : insured-years, one number per year
    by_year : further arguments of `settle` that differ by year (`quality`, `revenue`, ...); not with pooled years
    **common : further arguments of `settle` that are equal in every year

    Raises
    ------
    SettlementError
        Sequences differ in length, the years do not fill the contract's pooled blocks, or `settle` refuses.

    Examples
    --------
    >>> from ssinfer.contracts.contract import Contract
    >>> contract = Contract(name="three years", rule_year=2024, years={"pool": 3})
    >>> years = settle_years(contract, benchmark=[100, 100, 100], spending=[98, 103, 96], insured_years=[10, 10, 10])
    >>> years.lines
    {'insurer': -15.0, 'providers': 15.0}
    """
    by_year = {} if by_year is None else by_year
    if isinstance(benchmark, list | tuple) and not benchmark:
        raise SettlementError("Each argument needs one number per year, got none.")
    money = {"benchmark": benchmark, "spending": spending, "insured_years": insured_years}
    given: dict[str, Any] = {**{name: floats(values, name) for name, values in money.items()}, **by_year}
    for name, values in given.items():
        if not hasattr(values, "__len__") or isinstance(values, str | Mapping) or getattr(values, "ndim", 1) != 1:
            raise SettlementError(f"{name} must be a list with one number per year, got {values}.")
    if "carried_loss" in {*by_year, *common}:
        raise SettlementError("carried_loss is computed from the years before: leave it out.")
    lengths = {name: len(values) for name, values in given.items()}
    count = lengths["benchmark"]
    if set(lengths.values()) != {count}:
        raise SettlementError(f"Each argument needs one number per year, got lengths {lengths}.")
    pool = contract.years.pool
    if count % pool:
        raise SettlementError(f"{contract.name} pools {pool} years, got {count}: give whole blocks of {pool}.")
    if pool > 1 and by_year:
        raise SettlementError(f"{contract.name} pools its years: give {', '.join(by_year)} once, for the whole block.")

    settlements: list[Settlement] = []
    carried, in_a_row, stopped = 0.0, 0, None
    for start in range(0, count, pool):
        block = slice(start, start + pool)
        years = given["insured_years"][block]
        if not years.sum() > 0:
            raise SettlementError(f"insured_years must be above 0, got {years.sum():g}.")
        of_year = {name: values[start] for name, values in by_year.items()}
        settlement = settle(
            contract,
            benchmark=float(np.average(given["benchmark"][block], weights=years)),
            spending=float(np.average(given["spending"][block], weights=years)),
            insured_years=float(years.sum()),
            carried_loss=carried,
            **{"assigned": float(years.mean()), **common, **of_year},
        )
        if settlement.saving.ndim:
            raise SettlementError("settle_years settles one contract: give one number per year, not an array.")
        settlements.append(settlement)
        if contract.years.carry_over_losses:
            carried = _carry(settlement, carried)
        beyond = float(settlement.saving) < 0 and settlement.rate <= -float(settlement.loss_threshold)
        in_a_row = in_a_row + 1 if beyond else 0
        if contract.years.stop_after and in_a_row >= contract.years.stop_after:
            stopped = start + pool
            break
    return YearsSettlement(settlements=tuple(settlements), carried_loss=carried, stopped_after=stopped)


def _carry(settlement: Settlement, carried: float) -> float:
    """Return the losses still to be subtracted after a year."""
    deductible = settlement.contract.threshold.sharing == "excess"
    total = float(settlement.inputs.benchmark * settlement.inputs.insured_years)
    saving, required = float(settlement.saving), float(settlement.threshold)
    if saving < 0:
        loss_threshold = float(settlement.loss_threshold)
        if saving / total > -loss_threshold or float(settlement.loss_share) > 0:
            return carried
        return carried + (-saving - (loss_threshold * total if deductible else 0.0))
    if saving / total < required:
        return carried
    available = saving - (required * total if deductible else 0.0) - (float(settlement.less) - carried)
    return carried - min(carried, max(available, 0.0))
