"""Names of thresholds in print."""

from ssinfer.sentences import say
from ssinfer.thresholds.kind import CONTRACT, KINDS, UNINFORMED, ThresholdKey, ThresholdKind


def plain_key(kind: ThresholdKind, level: float, side: str = "one-sided") -> ThresholdKey:
    """Return the threshold of a kind at a level, without prior information."""
    return ThresholdKey(kind.name, level, side, next(prior for prior in kind.priors if prior in UNINFORMED))


def model_kinds() -> list[ThresholdKind]:
    """Return the kinds with levels that come from a model's posterior, then those from its sampling distribution."""
    kinds = [kind for kind in KINDS.entries() if kind.has_level and kind.pays]
    return [kind for source in ("posterior", "sampling distribution") for kind in kinds if kind.distribution == source]


def kind_name(kind: str) -> str:
    """Return the name of a kind of threshold in tables and figures; the contract's own threshold is a kind, too."""
    return say("threshold.contract") if kind == CONTRACT else say(f"threshold.{kind}", KINDS.find(kind).label or kind)


def kind_in_words(kind: str) -> str:
    """Return the name of a kind of threshold inside a sentence."""
    return kind_name(kind) if kind == CONTRACT else say(f"threshold.{kind}.in_words", KINDS.find(kind).words or kind)


def prior_name(prior: str) -> str:
    """Return the name of a prior in print."""
    return say(f"prior.{prior}", say("prior", prior=prior))


def threshold_name(key: ThresholdKey, *, short: bool = False) -> str:
    """Return the name of a threshold in tables and figures; the short name leaves out one-sided and flat.

    >>> threshold_name(ThresholdKey("placebo", 0.95)), threshold_name(ThresholdKey("schedule"))
    ('Placebo 95%, one-sided', 'Medicare schedule')
    >>> threshold_name(ThresholdKey("credible", 0.95, "one-sided", "flat"), short=True)
    'Credible (model) 95%'
    """
    level, *rest = _parts(key, short=short)
    return ", ".join([f"{kind_name(key.kind)} {level}".rstrip(), *rest])


def threshold_in_words(key: ThresholdKey) -> str:
    """Return the name of a threshold inside a sentence.

    >>> threshold_in_words(ThresholdKey("placebo", 0.95)), threshold_in_words(ThresholdKey("schedule"))
    ('the placebo threshold (95%, one-sided)', "Medicare's schedule")
    """
    parts = ", ".join(filter(None, _parts(key)))
    return f"{kind_in_words(key.kind)} ({parts})" if parts else kind_in_words(key.kind)


def _parts(key: ThresholdKey, *, short: bool = False) -> list[str]:
    """Return level (empty without levels), side and prior of a threshold; of the short name, those that are unusual."""
    level = "" if key.level is None else say("level", level=100 * key.level)
    side = [say(f"side.{key.side}")] if level and not (short and key.side == "one-sided") else []
    return [level, *side, *([prior_name(key.prior)] if key.prior and (key.informed or not short) else [])]
