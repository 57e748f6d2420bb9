"""Refuses impossible parameters of PropensityMatching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssinfer.benchmarks.matched.balance.limits import as_limits
from ssinfer.benchmarks.matched.outcome import ADJUSTMENTS
from ssinfer.benchmarks.matched.sampling_distribution import CONFIDENCES
from ssinfer.benchmarks.matched.scores.match import check_matching
from ssinfer.benchmarks.matched.scores.outcome_models import OUTCOME_MODELS
from ssinfer.errors import NotSupportedError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

CHOICES: dict[str, tuple[str | None, ...]] = {
    "comparison": ("match", "att", "overlap", "entropy"),
    "adjustment": ADJUSTMENTS,
    "outcome_model": OUTCOME_MODELS,
    "scores": ("maximum likelihood", "bayesian"),
    "confidence": (*CONFIDENCES, None),
}


def check_parameters(given: Mapping[str, Any]) -> None:
    """Refuse parameters of :class:`~ssinfer.benchmarks.matched.method.PropensityMatching`, by name.

    Raises
    ------
    ParameterError
        A parameter has an impossible value.
    NotSupportedError
        Two parameters do not go together.
    """
    check_matching(ratio=given["ratio"], order=given["order"], caliper=given["caliper"], on=given["on"])
    for name, allowed in CHOICES.items():
        if given[name] not in allowed:
            raise ParameterError(f"{name} is {given[name]!r}; allowed: {', '.join(map(repr, allowed))}.")
    as_limits(given["balance_limits"])
    truncation, shock_prior, n_draws = given["truncation"], given["shock_prior"], given["n_draws"]
    if truncation is not None and not 0 < truncation < 1:
        raise ParameterError(f"truncation is {truncation!r}. Give a quantile between 0 and 1, such as 0.99, or None.")
    if not 0 < shock_prior < 1:
        raise ParameterError(
            f"shock_prior is {shock_prior!r}. Give a fraction of spending between 0 and 1, such as 0.02."
        )
    if n_draws < 2:
        raise ParameterError(f"n_draws is {n_draws!r}. Give at least 2, and 2,000 for stable tails.")
    if given["scores"] == "bayesian":
        _check_bayesian_scores(given)
    if given["confidence"] == "abadie-imbens" and given["comparison"] != "match":
        comparison = f"comparison={given['comparison']!r}"
        raise NotSupportedError("confidence='abadie-imbens'", comparison, "Use 'cluster'.")


def _check_bayesian_scores(given: Mapping[str, Any]) -> None:
    if given["classifier"] is not None:
        raise NotSupportedError("scores='bayesian'", "a classifier", "Give one or the other.")
    if given["comparison"] == "entropy":
        raise NotSupportedError("scores='bayesian'", "entropy balancing, which uses no score")
    if not 1 <= given["score_draws"] <= given["n_draws"]:
        raise ParameterError(f"score_draws is {given['score_draws']!r}; allowed: 1 to n_draws ({given['n_draws']}).")
