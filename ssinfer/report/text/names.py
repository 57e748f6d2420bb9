"""Designs and thresholds in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ssinfer.comparison import Every, Listed, SimilarSize, SimilarSpending, Within

if TYPE_CHECKING:
    from ssinfer.design import Design

KINDS = {
    "placebo": "Placebo",
    "confidence": "Confidence (model)",
    "credible": "Credible (model)",
    "calibrated": "Model rescaled on placebos",
    "calibrated whole": "Model rescaled on placebos (posterior)",
    "power": "Power",
    "schedule": "Medicare schedule",
    "expected loss": "Expected loss",
}
KIND_ORDER = tuple(KINDS)


def threshold_name(kind: str, level: float | None, side: str) -> str:
    """Return a threshold's kind, level and side in words.

    >>> threshold_name("placebo", 0.95, "one-sided"), threshold_name("schedule", None, "one-sided")
    ('Placebo 95%, one-sided', 'Medicare schedule')
    """
    name = KINDS.get(kind, kind.capitalize())
    if level is None or not math.isfinite(level):
        return name
    return f"{name} {100 * level:g}%, {side}"


def nominal_payment(level: float, side: str) -> float:
    """Return the false-payment rate that a threshold promises.

    >>> round(nominal_payment(0.95, "two-sided"), 4), round(nominal_payment(0.90, "one-sided"), 4)
    (0.025, 0.1)
    """
    return (1 - level) / (2 if side == "two-sided" else 1)


def group_in_words(design: Design) -> str:
    """Return the comparison group in words."""
    return _rule_in_words(design.donors) + (
        f", less {len(design.under_contract)} under contract" if design.under_contract else ""
    )


def _rule_in_words(rule: Any) -> str:
    if rule is None:
        return "all other units"
    if isinstance(rule, (tuple, Listed)):
        named = rule.units if isinstance(rule, Listed) else rule
        return ", ".join(named) if len(named) <= 3 else f"{len(named)} named units"
    if isinstance(rule, Within):
        inner = f" and beyond {rule.beyond:g} km" if rule.beyond else ""
        return f"units within {rule.km:g} km{inner}"
    if isinstance(rule, SimilarSize):
        parts = [f"within a factor {rule.ratio:g} in size"] if math.isfinite(rule.ratio) else []
        parts += [f"of at least {rule.at_least:,.0f} insured"] if rule.at_least else []
        return "units " + (" and ".join(parts) or "of any size")
    if isinstance(rule, SimilarSpending):
        return f"units with baseline spending within {100 * rule.within:g}%"
    if isinstance(rule, Every):
        return "; ".join(_rule_in_words(part) for part in rule.rules)
    return repr(rule)
