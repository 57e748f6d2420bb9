"""Several years of one contract: pooling, losses carried over, and the stop clause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.contracts.settle import settle
from ssinfer.errors import SettlementError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.contracts.contract import Contract
    from ssinfer.contracts.settlement import Settlement


@dataclass(frozen=True, kw_only=True)
class YearsSettlement:
    """Settlements of several years, or blocks of pooled years, in order.

    Attributes
    ----------
    settlements : tuple of Settlement
        One per year (per block where the contract pools); years after a stop are not settled.
    carried_loss : float
        Losses still to be made good after the last one, in total money.
    stopped_after : int or None
        Number of years after which the stop clause ended the contract.
    """

    settlements: tuple[Settlement, ...]
    carried_loss: float
    stopped_after: int | None

    @property
    def lines(self) -> dict[str, float]:
        """Money received per party over all the years; the lines sum to zero to the cent."""
        parties = self.settlements[0].cents
        return {party: sum(int(one.cents[party]) for one in self.settlements) / 100.0 for party in parties}


def settle_years(
    contract: Contract,
    *,
    benchmark: Sequence[float],
    spending: Sequence[float],
    insured_years: Sequence[float],
    by_year: dict[str, Sequence[Any]] | None = None,
    **common: Any,
) -> YearsSettlement:
    r"""Settle successive years under one contract.

    Pooled years are settled as one on :math:`B = \sum n_t B_t / \sum n_t`, spending likewise. Where losses are
    carried over, a loss beyond the gate that nobody shared is taken from later savings before these are shared.

    Parameters
    ----------
    contract : Contract
    benchmark, spending, insured_years : sequence of float
        One number per year, in order.
    by_year : dict of str to sequence, optional
        Further arguments of `settle` that differ by year (`quality`, `revenue`, ...). Not with pooled years.
    **common
        Further arguments of `settle` that hold for every year.

    Returns
    -------
    YearsSettlement

    Raises
    ------
    SettlementError
        Sequences of different lengths, years that do not fill the contract's pooled blocks, and whatever `settle`
        refuses.

    Examples
    --------
    >>> from ssinfer.contracts.contract import Contract
    >>> contract = Contract(name="three years", rule_year=2024, years={"pool": 3})
    >>> years = settle_years(contract, benchmark=[100, 100, 100], spending=[98, 103, 96], insured_years=[10, 10, 10])
    >>> years.lines
    {'insurer': -15.0, 'providers': 15.0}
    """
    count = len(benchmark)
    given = {"benchmark": benchmark, "spending": spending, "insured_years": insured_years, **(by_year or {})}
    lengths = {name: len(values) for name, values in given.items()}
    if count == 0 or set(lengths.values()) != {count}:
        raise SettlementError(f"Every year needs every figure, got lengths {lengths}.")
    pool = contract.years.pool
    if count % pool:
        raise SettlementError(f"{contract.name} pools {pool} years, got {count}: give whole blocks of {pool}.")
    if pool > 1 and by_year:
        raise SettlementError(f"{contract.name} pools its years: give {', '.join(by_year)} once, for the whole block.")

    settlements: list[Settlement] = []
    carried, in_a_row, stopped = 0.0, 0, None
    for start in range(0, count, pool):
        years = np.asarray(insured_years[start : start + pool], dtype=float)
        own = {name: values[start] for name, values in (by_year or {}).items()}
        one = settle(
            contract,
            benchmark=_weighted(benchmark[start : start + pool], years),
            spending=_weighted(spending[start : start + pool], years),
            insured_years=float(years.sum()),
            carried_loss=carried,
            **{"assigned": float(years.mean()), **common, **own},
        )
        settlements.append(one)
        if contract.years.carry_over_losses:
            carried = _carry(one, carried)
        beyond = float(one.saving) < 0 and one.rate <= -float(one.loss_gate)
        in_a_row = in_a_row + 1 if beyond else 0
        if contract.years.stop_after and in_a_row >= contract.years.stop_after:
            stopped = start + pool
            break
    return YearsSettlement(settlements=tuple(settlements), carried_loss=carried, stopped_after=stopped)


def _weighted(values: Sequence[float], years: Any) -> float:
    return float(np.average(np.asarray(values, dtype=float), weights=years))


def _carry(one: Settlement, carried: float) -> float:
    """Return the losses still to be made good after a year."""
    deductible = one.contract.threshold.sharing == "excess"
    total = float(one.inputs.benchmark * one.inputs.insured_years)
    saving, gate, loss_gate = float(one.saving), float(one.gate), float(one.loss_gate)
    if saving < 0:
        beyond = saving / total <= -loss_gate
        unshared = (1.0 if float(one.loss_share) == 0 else 0.0) * beyond
        return carried + unshared * (-saving - (loss_gate * total if deductible else 0.0))
    if saving / total < gate:
        return carried
    available = saving - (gate * total if deductible else 0.0) - (float(one.less) - carried)
    return carried - min(carried, max(available, 0.0))
