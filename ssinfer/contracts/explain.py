"""Explains the steps of a settlement in sentences."""

from types import SimpleNamespace as Figures  # the numbers of one settlement, as in `Settlement` and its `Inputs`

from ssinfer.contracts.arithmetic import Outcome
from ssinfer.contracts.contract import Contract


def percent(rate: float) -> str:
    """Return a rate in per cent, at most two decimals."""
    return f"{points(rate)}%"


def points(rate: float) -> str:
    """Return a difference of rates in percentage points, with more than two decimals only if it would read 0."""
    for digits in (2, 4, 6):
        text = f"{100 * rate:.{digits}f}".rstrip("0").rstrip(".")
        if text not in {"0", "-0"} or rate == 0:
            return text
    return f"{100 * rate:.1e}"


def amount(value: float, currency: str) -> str:
    """Return money with its currency."""
    return f"{currency} {value:,.2f}"


def steps_of(contract: Contract, figures: Figures) -> tuple[str, ...]:
    """Return the steps of one settlement, one sentence per step."""
    money = contract.currency
    sign = "saving" if figures.saving >= 0 else "loss"
    steps = [
        (
            f"Measured: benchmark {amount(figures.benchmark, money)} less spending {amount(figures.spending, money)} "
            f"per insured-year over {figures.insured_years:,.10g} insured-years is a {sign} of "
            f"{amount(abs(figures.saving), money)}, a savings rate of {percent(figures.rate)}."
        )
    ]
    if figures.direct:
        steps.append(f"Direct savings: {amount(figures.direct, money)} of it is price times volume.")
    steps.append(f"Threshold: {percent(figures.threshold)} ({figures.threshold_source}).")
    if figures.less:
        steps.append(f"Net: {amount(figures.less, money)} of costs and carried losses is subtracted before sharing.")
    steps.extend(_quality(contract, figures))
    steps.append(f"Outcome: {outcome_of(contract, figures)}")
    if figures.raw > 0 and figures.payment_reduction:
        steps.append(f"Reduction by law: {percent(figures.payment_reduction)} of the payment is withheld.")
    if figures.raw < 0 and figures.loss_relief:
        steps.append(f"Relief: {amount(figures.loss_relief, money)} of the losses owed is waived.")
    paid = -figures.lines[contract.payer]
    if not paid:
        return (*steps, "Lines: nothing is paid.")
    verb = "pays" if paid > 0 else "receives"
    others = [f"{party} {amount(line, money)}" for party, line in figures.lines.items() if party != contract.payer]
    return (*steps, f"Lines: {contract.payer} {verb} {amount(abs(paid), money)}; {', '.join(others)}.")


def _quality(contract: Contract, figures: Figures) -> list[str]:
    """Return the step of the quality score, if the contract has quality terms."""
    terms = contract.quality
    if terms.kind == "none":
        return []
    share = percent(figures.share)
    if terms.kind == "gate_table":
        losses = percent(figures.loss_share)
        return [f"Quality: score {figures.score:g} gives {share} of savings and {losses} of losses."]
    score = f"score {terms.scale * figures.score:.4g} of {terms.scale:g}"
    if not figures.standard_met:
        how = f", {score}" if terms.alternative and figures.score_given else ""
        return [f"Quality: the standard is not met{how}: {share} of savings is shared."]
    if terms.kind == "standard":
        how = f", {score}" if figures.score_given else " (no score was given)"
        return [f"Quality: the standard is met{how}: the full {share} of savings is shared."]
    return [f"Quality: {score}: {share} of savings is shared."]


def outcome_of(contract: Contract, figures: Figures) -> str:
    """Return the deciding step of one settlement as a sentence."""
    rate, required = figures.rate, figures.threshold
    raw = amount(abs(figures.raw), contract.currency)
    share, loss_share = percent(figures.share), percent(figures.loss_share)
    excess = " above the threshold" if contract.threshold.sharing == "excess" else ""
    short = f"below the threshold of {percent(required)} by {points(required - rate)} points"
    above = f"at or above the threshold of {percent(required)} by {points(rate - required)} points"
    passed = above if required > 0 else "a saving, and the contract has no threshold to reach"
    loss_threshold = f"the loss threshold of {percent(figures.loss_threshold)}"
    lost = f"a loss of at least {loss_threshold}"
    lower = percent(contract.sharing.lower_rate * figures.share)
    return {
        Outcome.NOTHING_SAVED: "spending equals the benchmark: nothing is shared.",
        Outcome.BELOW_THRESHOLD: f"{short}: nothing is paid.",
        Outcome.PAID_AT_LOWER_RATE: f"{short}, shared at the lower rate of {lower}: {raw}.",
        Outcome.PAID: f"{passed}: {share} of the savings{excess} is paid, {raw}.",
        Outcome.PAID_AT_CAP: f"{passed}: {share} of the savings{excess} exceeds the cap, so the cap is paid, {raw}.",
        Outcome.NO_QUALITY: f"{passed}, but quality leaves no share: nothing is paid.",
        Outcome.NOTHING_LEFT_TO_SHARE: f"{passed}, but costs or the deductible leave nothing to share.",
        Outcome.LOSS_NOT_SHARED: f"a loss, which {contract.payer} bears alone: nothing is owed.",
        Outcome.LOSS_WITHIN_THRESHOLD: f"a loss within {loss_threshold}: nothing is owed.",
        Outcome.OWED: f"{lost}: {loss_share} of it{excess} is owed, {raw}.",
        Outcome.OWED_AT_CAP: f"{lost}: {loss_share} of it exceeds the cap, so the cap is owed, {raw}.",
    }[figures.outcome]
