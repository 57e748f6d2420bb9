"""Settles a contract on numbers, arrays or draws."""

from collections.abc import Mapping
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np

from ssinfer.arguments import checked
from ssinfer.contracts.arithmetic import payments, split_cents, to_cents
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.inputs import Inputs, check_total, floats, gather
from ssinfer.contracts.settlement import Settlement
from ssinfer.errors import SettlementError, refuse_unknown
from ssinfer.finding import Finding
from ssinfer.thresholds.schedule import MSSP_KNOTS
from ssinfer.typing import Floats


@checked(SettlementError)
def settle(
    contract: Contract,
    *,
    benchmark: Any,
    spending: Any,
    insured_years: Any,
    assigned: Any = None,
    threshold: Any = None,
    quality: Any = None,
    standard_met: Any = True,
    deductions: Mapping[str, Any] | None = None,
    direct_savings: Mapping[str, Any] | None = None,
    carried_loss: Any = 0.0,
    revenue: Any = None,
    low_revenue: Any = False,
    loss_relief: Any = 0.0,
    payment_reduction: Any = 0.0,
    true_saving: Any = None,
    draw_axis: int | None = None,
    currency: str | None = None,
) -> Settlement:
    r"""Settle a contract.

    With total benchmark B, total spending E, threshold T, sharing rate f (quality included), cap c, loss share l, loss
    cap c' and costs D, the payment is

    .. math:: P = \min\{f (B - E - D)^+, c B\} \; 1\{(B - E)/B \ge T\}

    If only savings above the threshold are shared, the first term is :math:`f (B - E - T B - D)^+`. Some contracts pay
    a lower share below the threshold. From the loss threshold on, :math:`P = -\min\{l (E - B), c' B\}`.

    Numbers give one settlement; arrays give one settlement per element. **Draws of a benchmark** give one settlement
    on their mean, because the measured rate is (Bbar - E) / Bbar. The draws are then the distribution of the true
    saving B - E.

    Parameters
    ----------
    contract : Contract
    benchmark, spending : money per insured-year
    insured_years : insured-years over which the amounts hold
    assigned : head count for schedules and minimum sizes; default: `insured_years`
    threshold : rate of an elected or computed threshold, a fraction, or a Threshold; NaN: by schedule
    quality : score on the contract's scale
    standard_met : whether the quality standard is met, if the contract does not derive this from the score
    deductions, direct_savings : mapping of names in the contract to total money, subtracted from or added to the gross
        savings; direct savings are price times volume and are not part of benchmark - spending
    carried_loss : losses of earlier years that are subtracted before savings are shared, total money
    revenue : revenue of the providers, total money; without it, a cap by revenue is not applied
    low_revenue : whether the lower rate below the threshold applies to this group (MSSP: low-revenue ACOs in an
        agreement period from 2024)
    loss_relief : relief on losses owed, for instance for disasters, total money
    payment_reduction : reduction of payments by law outside the contract, a fraction (Medicare's sequestration, 0.02)
    true_saving : true saving B(0) - E, money per insured-year, for over- and underpayment
    draw_axis : axis of `benchmark` that holds draws
    currency : currency of the amounts; another currency than the contract's is refused

    Raises
    ------
    SettlementError
        The benchmark is not positive, an amount is not finite, shapes differ, the quality is missing or on another
        scale, currencies differ, the size is below the contract's minimum, the threshold cannot be elected, or a
        deduction is unknown.

    Examples
    --------
    >>> from ssinfer.contracts.contract import Contract
    >>> half = Contract(name="half", rule_year=2024, sharing={"savings": 0.5})
    >>> settlement = settle(half, benchmark=100.0, spending=95.0, insured_years=20_000, true_saving=2.0)
    >>> settlement.lines
    {'insurer': -50000.0, 'providers': 50000.0}
    >>> settlement.expected_overpayment
    30000.0
    """
    arguments = dict(locals())
    ours = ("threshold", "deductions", "direct_savings")
    given = gather(**{name: value for name, value in arguments.items() if name not in ours})
    required, source = required_rate(contract, given.assigned, threshold)
    loss_rate = contract.threshold.loss_rate
    share, loss_share = _shares(contract, given)
    less = _named(contract, given, deductions, "deductions")
    direct = _named(contract, given, direct_savings, "direct_savings")

    terms = contract.sharing
    total, spent = given.benchmark * given.insured_years, given.spending * given.insured_years - direct
    if np.any(spent < 0):
        raise SettlementError(f"direct_savings exceed the spending of {float(np.max(spent + direct)):,.2f} in total.")
    eligible = given.low_revenue & (given.assigned >= terms.lower_rate_minimum)
    rules: dict[str, Any] = {
        "threshold": required,
        "loss_threshold": required if loss_rate is None else np.full_like(required, loss_rate),
        "loss_share": loss_share,
        "savings_cap": _cap(terms.savings_cap_benchmark, terms.savings_cap_revenue, total, given.revenue),
        "loss_cap": _cap(terms.losses_cap_benchmark, terms.losses_cap_revenue, total, given.revenue),
        "less": less + given.carried_loss,
    }
    payments_at: Any = partial(
        payments,
        spending=spent,
        savings_share=share,
        lower_share=np.where(eligible, terms.lower_rate, 0.0) * share,
        excess=contract.threshold.sharing == "excess",
        **rules,
    )
    raw, code = payments_at(total)
    paid = np.where(raw > 0, raw * (1.0 - given.payment_reduction), np.minimum(raw + given.loss_relief, 0.0))
    cents = to_cents(paid)
    parts = split_cents(cents, tuple(contract.parties.values()))
    passes = None
    if given.draws is not None:  # each draw in turn is the benchmark: is anything paid?
        passes = np.mean(payments_at(given.draws * given.insured_years)[0] > 0, axis=0)
    return Settlement(
        contract=contract,
        inputs=given,
        saving=total - spent,
        direct=direct,
        source=source,
        share=share,
        raw=raw,
        code=code,
        cents={contract.payer: -cents, **dict(zip(contract.parties, parts, strict=True))},
        passes=passes,
        **rules,
    )


def required_rate(contract: Contract, assigned: Floats, threshold: Any = None) -> tuple[Floats, Finding]:
    """Return the savings threshold per element of `assigned` (persons), and its source."""
    terms, shape = contract.threshold, assigned.shape
    chosen = None
    if threshold is not None:
        if terms.kind not in {"elected", "computed"}:
            raise SettlementError(
                f"{contract.name} has a {terms.kind} threshold, so the threshold {threshold!r} cannot be given. "
                "Only elected or computed ones are given at settlement; for another rule, write another contract."
            )
        rates = floats(getattr(threshold, "rate", threshold), "threshold", missing=True)
        if rates.shape not in {(), shape}:
            raise SettlementError(f"threshold has shape {rates.shape}, benchmark {shape}. Give one rate, or one each.")
        if np.any(rates < 0) or np.any(rates >= 1):
            raise SettlementError(f"threshold must be from 0 to below 1, got {threshold!r}. A 3.9% threshold is 0.039.")
        chosen = np.broadcast_to(rates, shape).astype(float)
    if terms.kind == "none":
        return np.zeros(shape), Finding("source.none", {})
    if terms.kind == "fixed":
        return np.full(shape, terms.rate), Finding("source.fixed", {})
    if terms.kind == "schedule":
        return _schedule(assigned), Finding("source.schedule", {"schedule": terms.schedule})
    if terms.kind == "computed":
        return _computed(contract, assigned, chosen)
    return _elected(contract, assigned, chosen)


def _computed(contract: Contract, assigned: Floats, chosen: Floats | None) -> tuple[Floats, Finding]:
    terms = contract.threshold
    if chosen is not None:
        if np.any(np.isnan(chosen)):
            raise SettlementError(f"threshold must be a number, got nan: {contract.name} has no schedule.")
        return chosen, Finding("source.given", {})
    if terms.level is None or terms.k is None:
        return np.zeros(assigned.shape), Finding("source.not_given", {})
    z = NormalDist().inv_cdf(terms.level)
    rate = z * np.sqrt(terms.k**2 / assigned + terms.shock**2)
    return rate, Finding("source.computed", {"level": 100 * terms.level, "k": terms.k, "shock": 100 * terms.shock})


def _elected(contract: Contract, assigned: Floats, chosen: Floats | None) -> tuple[Floats, Finding]:
    terms = contract.threshold
    source, by = "elected", {"schedule": terms.schedule, "below": terms.schedule_below}
    if chosen is None:
        by_schedule = terms.default == "schedule"
        chosen = np.full(assigned.shape, np.nan if by_schedule else terms.rate)
        source = "not_elected" if by_schedule else "default"
    elections = np.unique(chosen[~np.isnan(chosen)])
    refused = [float(rate) for rate in elections if not np.any(np.isclose(rate, terms.allowed, rtol=0, atol=1e-9))]
    if refused:
        allowed = ", ".join(f"{rate:g}" for rate in terms.allowed)
        raise SettlementError(
            f"{contract.name} cannot elect a threshold of {refused[0]:g}; allowed: {allowed}"
            + (", or nan for the schedule." if terms.schedule else ".")
        )
    if not terms.schedule:
        return chosen, Finding(f"source.{source}", by)
    small = assigned < terms.schedule_below
    if assigned.ndim == 0 and bool(small):
        source = "small"
    return np.where(np.isnan(chosen) | small, _schedule(assigned), chosen), Finding(f"source.{source}", by)


def _schedule(assigned: Floats) -> Floats:
    counts, rates = zip(*MSSP_KNOTS, strict=True)
    if np.any(assigned < 1):
        raise SettlementError("The schedule needs a head count of at least 1: give `assigned`.")
    return np.asarray(np.interp(assigned, counts, rates))


def _shares(contract: Contract, given: Inputs) -> tuple[Floats, Floats]:
    """Return the providers' share of savings and of losses, quality included."""
    terms, quality = contract.sharing, contract.quality
    shape = given.benchmark.shape
    if quality.kind == "gate_table":
        lows, savings, losses = (np.array(column) for column in zip(*quality.gates, strict=True))
        at = np.clip(np.searchsorted(lows, given.score, side="right") - 1, 0, None)
        return savings[at], losses[at]
    met = np.broadcast_to(given.standard_met, shape)
    if quality.kind == "none":
        factor = np.ones(shape)
    elif quality.kind == "scaled":
        factor = np.where(met, quality.fixed + (1.0 - quality.fixed) * given.score, 0.0)
    else:
        factor = np.where(met, 1.0, given.score if quality.alternative else 0.0)
    share = terms.savings * factor
    if terms.losses_complement:
        kept = 1.0 - terms.savings * np.where(met, given.score, 0.0)
        loss_share = np.clip(kept, terms.losses_minimum, terms.losses_maximum)
    else:
        loss_share = np.full(shape, terms.losses or 0.0)
    return share, np.broadcast_to(loss_share, shape)


def _cap(by_benchmark: float | None, by_revenue: float | None, total: Floats, revenue: Floats | None) -> Floats:
    cap = np.full(total.shape, np.inf) if by_benchmark is None else by_benchmark * total
    if by_revenue is not None and revenue is not None:
        cap = np.fmin(cap, by_revenue * revenue)  # without a revenue the cap by benchmark applies
    return cap


def _named(contract: Contract, given: Inputs, amounts: Mapping[str, Any] | None, kind: str) -> Floats:
    """Return the total of amounts given by name; names that the contract does not have are refused."""
    allowed: tuple[str, ...] = getattr(contract.net, kind)
    total = np.zeros(given.benchmark.shape)
    refuse_unknown(amounts or (), allowed, f"{contract.name} has no {kind} named", SettlementError)
    for name, amount in (amounts or {}).items():
        values = floats(amount, f"{kind} {name!r}")
        if values.shape not in {(), total.shape}:
            raise SettlementError(f"{kind} {name!r} has shape {values.shape}, the benchmark {total.shape}.")
        check_total(values, f"{kind} {name!r}")
        total = total + values
    return total
