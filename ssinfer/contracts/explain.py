"""Explains the steps of a settlement in sentences, in the language in use."""

from collections.abc import Iterator
from types import SimpleNamespace as Figures  # the numbers of one settlement, as in `Settlement` and its `Inputs`

from ssinfer.contracts.arithmetic import Outcome
from ssinfer.contracts.contract import Contract
from ssinfer.printed import separated
from ssinfer.sentences import say

IN_EXCESS = (Outcome.PAID, Outcome.PAID_AT_CAP, Outcome.OWED)  # these may share only what lies above the threshold


def percent(rate: float) -> str:
    """Return a rate in per cent, at most two decimals."""
    return f"{points(rate)}%"


def points(rate: float) -> str:
    """Return a difference of rates in percentage points, with more than two decimals only if it would read 0."""
    for digits in (2, 4, 6):
        text = f"{100 * rate:.{digits}f}".rstrip("0").rstrip(".")
        if text not in {"0", "-0"} or rate == 0:
            return separated(text)
    return separated(f"{100 * rate:.1e}")


def amount(value: float, currency: str) -> str:
    """Return money with its currency."""
    return f"{currency} {separated(f'{value:,.2f}')}"


def party_name(party: str) -> str:
    """Return the name of a party: that of a contract's own party as it is given."""
    return say(f"cell.party.{party}", party.replace("{", "{{").replace("}", "}}"))


def steps_of(contract: Contract, figures: Figures) -> tuple[str, ...]:
    """Return the steps of one settlement, one sentence per step."""
    paid = -figures.lines[contract.payer]
    names = ("benchmark", "spending", "direct", "less", "loss_relief")
    money = {name: amount(getattr(figures, name), contract.currency) for name in names}
    money |= {"saving": amount(abs(figures.saving), contract.currency), "paid": amount(abs(paid), contract.currency)}
    rates = {name: percent(getattr(figures, name)) for name in ("rate", "threshold", "share", "loss_share")}
    others = {party: line for party, line in figures.lines.items() if party != contract.payer}
    numbers = {
        "years": separated(f"{figures.insured_years:,.10g}"),
        "source": figures.source,
        "score": figures.score,
        "scaled": separated(f"{contract.quality.scale * figures.score:.4g}"),
        "scale": contract.quality.scale,
        "outcome": outcome_of(contract, figures),
        "reduction": percent(figures.payment_reduction),
        "payer": party_name(contract.payer),
        "others": ", ".join(f"{party_name(party)} {amount(line, contract.currency)}" for party, line in others.items()),
    }
    return tuple(say(f"settle.{name}", **money, **rates, **numbers) for name in _steps(contract, figures, paid))


def _steps(contract: Contract, figures: Figures, paid: float) -> Iterator[str]:
    """Return the names of the steps of one settlement."""
    terms = contract.quality
    yield "saving" if figures.saving >= 0 else "loss"
    if figures.direct:
        yield "direct"
    yield "threshold"
    if figures.less:
        yield "less"
    if terms.kind == "gate_table":
        yield "quality_table"
    elif terms.kind != "none" and not figures.standard_met:
        yield "quality_not_met_score" if terms.alternative and figures.score_given else "quality_not_met"
    elif terms.kind == "standard":
        yield "quality_met_score" if figures.score_given else "quality_met"
    elif terms.kind != "none":
        yield "quality_score"
    yield "outcome"
    if figures.raw > 0 and figures.payment_reduction:
        yield "reduction"
    if figures.raw < 0 and figures.loss_relief:
        yield "relief"
    yield "pays" if paid > 0 else "receives" if paid < 0 else "no_lines"


def outcome_of(contract: Contract, figures: Figures) -> str:
    """Return the deciding step of one settlement as a sentence."""
    rate, required, outcome = figures.rate, figures.threshold, figures.outcome
    numbers = {
        "threshold": percent(required),
        "short": points(required - rate),
        "over": points(rate - required),
        "loss_threshold": percent(figures.loss_threshold),
        "lower": percent(contract.sharing.lower_rate * figures.share),
        "share": percent(figures.share),
        "loss_share": percent(figures.loss_share),
        "raw": amount(abs(figures.raw), contract.currency),
        "payer": party_name(contract.payer),
    }
    passed = say("outcome.at_threshold" if required > 0 else "outcome.without_threshold", **numbers)
    excess = contract.threshold.sharing == "excess" and outcome in IN_EXCESS
    return say(f"outcome.{outcome.name.lower()}{'_excess' if excess else ''}", passed=passed, **numbers)
