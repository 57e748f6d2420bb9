"""Explains the steps of a settlement in sentences, in the language in use."""

from collections.abc import Iterator
from types import SimpleNamespace as Figures  # the numbers of one settlement, as in `Settlement` and its `Inputs`
from typing import TYPE_CHECKING, Any

from ssinfer.contracts.arithmetic import Outcome
from ssinfer.printed import money, separated
from ssinfer.sentences import say

if TYPE_CHECKING:
    from ssinfer.contracts.contract import Contract

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


def party_name(party: str) -> str:
    """Return the name of a party: that of a contract's own party as it is given."""
    return say(f"cell.party.{party}", party.replace("{", "{{").replace("}", "}}"))


def steps_of(contract: "Contract", figures: Figures) -> tuple[str, ...]:
    """Return the steps of one settlement, one sentence per step."""
    paid = -figures.lines[contract.payer]
    names = ("benchmark", "spending", "direct", "less", "loss_relief")
    values = {name: getattr(figures, name) for name in names} | {"saving": abs(figures.saving), "paid": abs(paid)}
    amounts = {name: money(value, contract.currency, 2) for name, value in values.items()}
    rates = {name: percent(getattr(figures, name)) for name in ("rate", "threshold", "share", "loss_share")}
    lines = {party: money(line, contract.currency, 2) for party, line in figures.lines.items()}
    numbers = {
        "years": separated(f"{figures.insured_years:,.10g}"),
        "source": figures.source,
        "score": figures.score,
        "scaled": separated(f"{contract.quality.scale * figures.score:.4g}"),
        "scale": contract.quality.scale,
        "outcome": outcome_words(outcome_of(contract, figures), contract.currency),
        "reduction": percent(figures.payment_reduction),
        "payer": party_name(contract.payer),
        "others": ", ".join(f"{party_name(party)} {text}" for party, text in lines.items() if party != contract.payer),
    }
    return tuple(say(f"settle.{name}", **amounts, **rates, **numbers) for name in _steps(contract, figures, paid))


def _steps(contract: "Contract", figures: Figures, paid: float) -> Iterator[str]:
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


def outcome_of(contract: "Contract", figures: Figures) -> dict[str, Any]:
    """Return the deciding step of one settlement: its id as `reason`, and the numbers of its sentence."""
    outcome: Outcome = figures.outcome
    excess = contract.threshold.sharing == "excess" and outcome in IN_EXCESS
    numbers = {name: getattr(figures, name) for name in ("threshold", "loss_threshold", "share", "loss_share", "raw")}
    numbers |= {"savings_rate": figures.rate, "lower_share": contract.sharing.lower_rate * figures.share}
    return {"reason": f"{outcome.name.lower()}{'_excess' if excess else ''}", **numbers}


def outcome_words(outcome: Any, currency: str) -> str:
    """Return the deciding step of one settlement, by the mapping or row of `outcome_of`, as a sentence."""
    rate, required = outcome["savings_rate"], outcome["threshold"]
    shares = {name: percent(outcome[name]) for name in ("threshold", "loss_threshold", "share", "loss_share")}
    numbers = {
        **shares,
        "short": points(required - rate),
        "over": points(rate - required),
        "lower": percent(outcome["lower_share"]),
        "raw": money(abs(outcome["raw"]), currency, 2),
    }
    passed = say("outcome.at_threshold" if required > 0 else "outcome.without_threshold", **numbers)
    return say(f"outcome.{outcome['reason']}", passed=passed, **numbers)
