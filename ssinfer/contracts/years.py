"""Settles several years of one contract: pooling, losses carried over, and the stop clause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssinfer.arguments import checked
from ssinfer.contracts.arithmetic import Outcome, split_cents, to_cents
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.inputs import floats
from ssinfer.contracts.settle import settle
from ssinfer.contracts.settlement import Settlement
from ssinfer.errors import SettlementError
from ssinfer.typing import Floats


@dataclass(frozen=True, kw_only=True)
class YearsSettlement:
    """Settlements of several years, or blocks of pooled years, in order.

    Attributes
    ----------
    settlements : one per year or block; years after a stop are not settled (of several groups: nothing is paid)
    carried_loss : losses still to be subtracted from later savings, in total money
    stopped_after : number of years after which the stop clause ended the contract, or None; of several groups an array,
        0 for none
    """

    settlements: tuple[Settlement, ...]
    carried_loss: Any
    stopped_after: Any

    @property
    def lines(self) -> dict[str, Any]:
        """Money received per party over all years; the lines sum to zero to the cent."""
        years = [settlement.cents for settlement in self.settlements]
        cents = {party: np.sum([of_year[party] for of_year in years], axis=0) for party in years[0]}
        return {
            party: (amount / 100.0).item() if amount.ndim == 0 else amount / 100.0 for party, amount in cents.items()
        }

    @property
    def payment(self) -> Any:
        """Money from the payer to the providers' side over all years; negative when the providers owe."""
        return 0.0 - self.lines[self.settlements[0].contract.payer]


@checked(SettlementError)
@np.errstate(over="ignore")  # of amounts beyond the limits, which `settle` refuses
def settle_years(
    contract: Contract,
    *,
    benchmark: Sequence[float],
    spending: Sequence[float],
    insured_years: Sequence[float],
    by_year: Mapping[str, Sequence[Any]] | None = None,
    calendar: Sequence[int] | None = None,
    **common: Any,
) -> YearsSettlement:
    r"""Settle successive years under one contract.

    Pooled years are settled as one on :math:`B = \sum n_t B_t / \sum n_t`, and spending likewise. If losses are carried
    over, a loss beyond the loss threshold that was not shared is subtracted from later savings before sharing. Caps
    over the years limit all that was paid, or owed, so far. A benchmark that follows the group's own spending comes
    from `rebased_benchmarks`.

    Parameters
    ----------
    contract : Contract
    benchmark, spending : money per insured-year, one number per year, in order
    insured_years : insured-years, one number per year
    by_year : further arguments of `settle` that differ by year (`quality`, `revenue`, ...); not with pooled years
    calendar : the calendar years, which must follow each other
    **common : further arguments of `settle` that are equal in every year

    Raises
    ------
    SettlementError
        Sequences differ in length, the years are not in order or do not fill the contract's pooled blocks, or `settle`
        refuses.

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
    if calendar is not None and [year - number for number, year in enumerate(calendar)] != [*calendar][:1] * count:
        raise SettlementError(f"calendar must name {count} years that follow each other, got {[*calendar]}. Sort them.")
    pool = contract.years.pool
    if count % pool:
        raise SettlementError(f"{contract.name} pools {pool} years, got {count}: give whole blocks of {pool}.")
    if pool > 1 and by_year:
        raise SettlementError(f"{contract.name} pools its years: give {', '.join(by_year)} once, for the whole block.")

    return settle_groups(contract, **{name: given[name] for name in money}, by_year=by_year, **common)


def settle_groups(
    contract: Contract,
    *,
    benchmark: Floats,
    spending: Floats,
    insured_years: Floats,
    by_year: Mapping[str, Sequence[Any]] | None = None,
    **common: Any,
) -> YearsSettlement:
    """Settle successive years (years,) of one group, or (years, groups) of several; see `settle_years`."""
    terms, groups, pool, by_year = contract.years, benchmark.shape[1:], contract.years.pool, by_year or {}
    settlements: list[Settlement] = []
    carried, due, earned, owed = (np.zeros(groups) for _ in range(4))
    in_a_row, stopped = np.zeros(groups, dtype=int), np.zeros(groups, dtype=int)
    for start in range(0, len(benchmark), pool):
        block = slice(start, start + pool)
        years = insured_years[block].sum(axis=0)
        if not np.all(years > 0):
            raise SettlementError(f"insured_years must be above 0, got {np.min(years):g}.")
        total = [(money * insured_years)[block].sum(axis=0) for money in (benchmark, spending)]
        settlement = settle(
            contract,
            benchmark=total[0] / years,
            spending=total[1] / years,
            insured_years=years,
            carried_loss=carried,
            **{"assigned": years / pool, **common, **{name: values[start] for name, values in by_year.items()}},
        )
        if settlement.saving.shape != groups:
            raise SettlementError("settle_years settles one contract: give one number per year, not an array.")
        due = due + total[0]
        most = np.inf if terms.savings_cap_benchmark is None else terms.savings_cap_benchmark * due - earned
        least = np.inf if terms.losses_cap_benchmark is None else terms.losses_cap_benchmark * due - owed
        settlement = _within(settlement, np.where(stopped > 0, 0.0, most), np.where(stopped > 0, 0.0, least))
        earned, owed = (
            part + np.maximum(sign * np.asarray(settlement.payment), 0.0) for part, sign in ((earned, 1), (owed, -1))
        )
        settlements.append(settlement)
        if terms.carry_over_losses:
            carried = np.where(stopped > 0, carried, _carry(settlement, carried))
        beyond = (settlement.saving < 0) & (settlement.rate <= -settlement.loss_threshold)
        in_a_row = np.where(beyond, in_a_row + 1, 0)
        if terms.stop_after:
            stopped = np.where((stopped == 0) & (in_a_row >= terms.stop_after), start + pool, stopped)
        if np.all(stopped > 0):
            break
    alone = not groups
    return YearsSettlement(
        settlements=tuple(settlements),
        carried_loss=float(carried) if alone else carried,
        stopped_after=(int(stopped) or None) if alone else stopped,
    )


def _within(settlement: Settlement, most: Floats, least: Floats) -> Settlement:
    """Return a settlement whose payment is at most what the caps over the years leave to pay, and to owe."""
    payment, contract = np.asarray(settlement.payment), settlement.contract
    limited = np.clip(payment, -np.maximum(least, 0.0), np.maximum(most, 0.0))
    cut = to_cents(limited) != to_cents(payment)
    if not np.any(cut):
        return settlement
    cents = to_cents(limited)
    parts = split_cents(cents, tuple(contract.parties.values()))
    return replace(
        settlement,
        cents={contract.payer: -cents, **dict(zip(contract.parties, parts, strict=True))},
        code=np.where(cut, np.where(payment > 0, Outcome.PAID_AT_CAP, Outcome.OWED_AT_CAP), settlement.code),
        raw=np.where(cut, limited, settlement.raw),
        savings_cap=np.minimum(settlement.savings_cap, most),
        loss_cap=np.minimum(settlement.loss_cap, least),
    )


def _carry(settlement: Settlement, carried: Floats) -> Floats:
    """Return the losses still to be subtracted after a year."""
    excess = settlement.contract.threshold.sharing == "excess"
    saving, total = settlement.saving, settlement.inputs.benchmark * settlement.inputs.insured_years
    beyond = (saving <= -settlement.loss_threshold * total) & (settlement.loss_share <= 0)
    lost = -saving - (settlement.loss_threshold * total if excess else 0.0)
    available = saving - (settlement.threshold * total if excess else 0.0) - (settlement.less - carried)
    kept = carried - np.minimum(carried, np.maximum(available, 0.0))
    reached = saving >= settlement.threshold * total
    return np.where(saving < 0, np.where(beyond, carried + lost, carried), np.where(reached, kept, carried))
