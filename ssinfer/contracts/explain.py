"""The reason of each step of a settlement, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.contracts.arithmetic import Outcome

if TYPE_CHECKING:
    from ssinfer.contracts.settlement import Settlement


def percent(rate: float) -> str:
    """Return a rate in per cent, at most two decimals.

    >>> percent(0.031), percent(0.05)
    ('3.1%', '5%')
    """
    return f"{points(rate)}%"


def points(rate: float) -> str:
    """Return a difference of rates in percentage points, at most two decimals, more when it would read 0."""
    for digits in (2, 4, 6):
        text = f"{100 * rate:.{digits}f}".rstrip("0").rstrip(".")
        if text not in {"0", "-0"} or rate == 0:
            return text
    return f"{100 * rate:.1e}"


def amount(value: float, currency: str) -> str:
    """Return money with its currency.

    >>> amount(50_000, "EUR")
    'EUR 50,000.00'
    """
    return f"{currency} {value:,.2f}"


def steps_of(result: Settlement, at: tuple[int, ...]) -> tuple[str, ...]:
    """Return the steps of one settlement: measured, gate, from gross to net, quality, outcome, adjustments, lines."""
    contract, given = result.contract, result.inputs
    money = contract.currency
    benchmark, spending, years = (float(x[at]) for x in (given.benchmark, given.spending, given.insured_years))
    saving, rate = float(result.saving[at]), float(result.saving[at]) / (benchmark * years)
    sign = "saving" if saving >= 0 else "loss"
    steps = [
        (
            f"Measured: benchmark {amount(benchmark, money)} less spending {amount(spending, money)} per insured-year "
            f"over {years:,.10g} insured-years is a {sign} of {amount(abs(saving), money)}, "
            f"a savings rate of {percent(rate)}."
        ),
    ]
    if result.direct[at]:
        steps.append(f"Direct savings: {amount(float(result.direct[at]), money)} of it is price times volume.")
    steps.append(f"Gate: minimum savings rate {percent(float(result.gate[at]))} ({result.gate_words}).")
    if result.less[at]:
        steps.append(
            f"Net: {amount(float(result.less[at]), money)} of costs and carried losses come off before sharing."
        )
    steps.extend(_quality(result, at))
    steps.append("Outcome: " + _outcome(result, at, rate))
    raw, paid = float(result.raw[at]), -float(result.cents[contract.payer][at]) / 100.0
    if raw > 0 and given.payment_reduction[at]:
        steps.append(f"Reduction by law: {percent(float(given.payment_reduction[at]))} of the payment is withheld.")
    if raw < 0 and given.loss_relief[at]:
        steps.append(f"Relief: {amount(float(given.loss_relief[at]), money)} of the losses owed is waived.")
    if paid:
        verb = "pays" if paid > 0 else "receives"
        parts = ", ".join(
            f"{party} {amount(float(cents[at]) / 100.0, money)}"
            for party, cents in result.cents.items()
            if party != contract.payer
        )
        steps.append(f"Lines: {contract.payer} {verb} {amount(abs(paid), money)}; {parts}.")
    else:
        steps.append("Lines: no money moves.")
    return tuple(steps)


def _quality(result: Settlement, at: tuple[int, ...]) -> list[str]:
    contract, given = result.contract, result.inputs
    kind = contract.quality.kind
    if kind == "none":
        return []
    share = percent(float(result.share[at]))
    if kind == "gate_table":
        return [
            (
                f"Quality: score {float(given.score[at]):g} gives {share} of savings and "
                f"{percent(float(result.loss_share[at]))} of losses."
            )
        ]
    score = f"score {contract.quality.scale * float(given.score[at]):.4g} of {contract.quality.scale:g}"
    if not given.standard_met[at]:
        how = f", {score}" if contract.quality.alternative and given.standard_told else ""
        return [f"Quality: the standard is not met{how}: {share} of savings is shared."]
    if kind == "standard":
        return [
            (
                f"Quality: the standard is met{', ' + score if given.standard_told else ' (no score was given)'}: "
                f"the full {share} of savings is shared."
            )
        ]
    return [f"Quality: {score}: {share} of savings is shared."]


def _outcome(result: Settlement, at: tuple[int, ...], rate: float) -> str:
    contract = result.contract
    code = Outcome(int(result.code[at]))
    gate, loss_gate = float(result.gate[at]), float(result.loss_gate[at])
    raw = amount(abs(float(result.raw[at])), contract.currency)
    share, loss_share = percent(float(result.share[at])), percent(float(result.loss_share[at]))
    excess = " of what exceeds the gate" if contract.threshold.sharing == "excess" else ""
    short = f"below the minimum savings rate of {percent(gate)} by {points(gate - rate)} points"
    above = f"at or above the minimum savings rate of {percent(gate)} by {points(rate - gate)} points"
    passed = above if gate > 0 else "a saving, and no minimum savings rate to pass"
    lost = f"a loss of at least the minimum loss rate of {percent(loss_gate)}"
    lower = percent(contract.sharing.lower_rate * float(result.share[at]))
    return {
        Outcome.NOTHING_SAVED: "spending equals the benchmark: nothing is shared.",
        Outcome.BELOW_GATE: f"{short}: nothing is paid.",
        Outcome.PAID_AT_LOWER_RATE: f"{short}, shared at the lower rate of {lower}: {raw}.",
        Outcome.PAID: f"{passed}: {share} of the savings{excess} is paid, {raw}.",
        Outcome.PAID_AT_CAP: f"{passed}: {share} of the savings{excess} exceeds the cap, so the cap is paid, {raw}.",
        Outcome.NO_QUALITY: f"{passed}, but quality leaves no share: nothing is paid.",
        Outcome.NOTHING_LEFT_TO_SHARE: f"{passed}, but costs or the deductible leave nothing to share.",
        Outcome.LOSS_NOT_SHARED: f"a loss, which {contract.payer} bears alone: nothing is owed.",
        Outcome.LOSS_WITHIN_GATE: f"a loss within the minimum loss rate of {percent(loss_gate)}: nothing is owed.",
        Outcome.OWED: f"{lost}: {loss_share} of it{excess} is owed, {raw}.",
        Outcome.OWED_AT_CAP: f"{lost}: {loss_share} of it exceeds the cap, so the cap is owed, {raw}.",
    }[code]
