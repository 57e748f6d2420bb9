"""Names of thresholds and of comparison groups in print."""

import math
from typing import Any

from ssinfer.comparison import Every, Listed, SimilarSize, SimilarSpending, Within
from ssinfer.design import Design
from ssinfer.thresholds.kind import KINDS, UNINFORMED, ThresholdKey, ThresholdKind

CONTRACTS_OWN = "the contract's own threshold"


def plain_key(kind: ThresholdKind, level: float, side: str = "one-sided") -> ThresholdKey:
    """Return the threshold of a kind at a level, without prior information."""
    return ThresholdKey(kind.name, level, side, next(prior for prior in kind.priors if prior in UNINFORMED))


def model_kinds() -> list[ThresholdKind]:
    """Return the kinds with levels that come from a model's posterior, then those from its sampling distribution."""
    kinds = [kind for kind in KINDS.entries() if kind.has_level and kind.pays]
    return [kind for source in ("posterior", "sampling distribution") for kind in kinds if kind.distribution == source]


def threshold_name(key: ThresholdKey, *, short: bool = False) -> str:
    """Return the name of a threshold in tables and figures; the short name leaves out one-sided and flat.

    >>> threshold_name(ThresholdKey("placebo", 0.95)), threshold_name(ThresholdKey("schedule"))
    ('Placebo 95%, one-sided', 'Medicare schedule')
    >>> threshold_name(ThresholdKey("credible", 0.95, "one-sided", "flat"), short=True)
    'Credible (model) 95%'
    """
    parts = [str(KINDS.find(key.kind).label) + ("" if key.level is None else f" {100 * key.level:g}%")]
    if key.level is not None and not (short and key.side == "one-sided"):
        parts.append(key.side)
    if key.informed or (key.prior and not short):
        parts.append(f"{key.prior} prior")
    return ", ".join(parts)


def threshold_in_words(key: ThresholdKey) -> str:
    """Return the name of a threshold inside a sentence.

    >>> threshold_in_words(ThresholdKey("placebo", 0.95)), threshold_in_words(ThresholdKey("schedule"))
    ('the placebo threshold (95%, one-sided)', "Medicare's schedule")
    """
    parts = [] if key.level is None else [f"{100 * key.level:g}%", key.side]
    parts += [f"{key.prior} prior"] if key.prior else []
    words = str(KINDS.find(key.kind).words)
    return f"{words} ({', '.join(parts)})" if parts else words


def comparison_group(design: Design) -> str:
    """Return a description of the comparison group of a design."""
    contracted = f", without {len(design.under_contract)} under contract" if design.under_contract else ""
    return f"{_rule(design.donors)}{contracted}"


def _rule(rule: Any) -> str:
    if rule is None:
        return "all other units"
    if isinstance(rule, (tuple, Listed)):
        units = rule.units if isinstance(rule, Listed) else rule
        return ", ".join(units) if len(units) <= 3 else f"{len(units)} named units"
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
        return "; ".join(_rule(part) for part in rule.rules)
    return repr(rule)
