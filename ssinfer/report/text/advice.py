"""Findings of the advice for the next contract: its outcome, its rates, and its rule."""

from collections.abc import Iterator
from typing import Any

from ssinfer.backtesting.advice import EVERY, Advice
from ssinfer.finding import Finding, estimate
from ssinfer.report.analysis import Analysis
from ssinfer.thresholds.names import threshold_in_words


def advice_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return the advice for the next contract, or why there is none."""
    result = analysis.result
    if result.advice is not None:
        yield from _findings(analysis, result.advice)
    else:
        yield Finding("advice_backtest" if result.backtest is None else "advice_none", {"reason": result.no_advice})
    yield Finding("advice_scope", {})


def _findings(analysis: Analysis, advice: Advice) -> Iterator[Finding]:
    """Return the outcome, what the specification pays and finds, the rule, and how many do as well."""
    rule, each, table = advice.rule, advice.specification, advice.table
    name = "true_saving_of_all" if advice.of_all else "true_saving_of_design"
    saving = Finding(name, {"percent": 100 * rule.target_saving})
    design = analysis.full_name(each.pair)
    said: dict[str, Any] = {"threshold": threshold_in_words(each.threshold), "design": design, "saving": saving}
    yield Finding(f"advice_{advice.outcome.replace(' ', '_')}", said)
    found, paid = ({name: estimate(vars(advice), name)} for name in ("detection_rate", "false_payment_rate"))
    yield Finding("advice_found", said | found | {"wanted": rule.detection})
    yield Finding("advice_paid", paid | {"allowed": 100 * rule.false_payments})
    if "false_payments" in advice.reasons:
        yield Finding("advice_pays_too_often", {})
    every = table[table["kind"] == EVERY].iloc[0]
    yield Finding("advice_every", said | {name: estimate(every, name) for name in (*paid, *found)})
    fixed = str(analysis.result.manifest.get("study_hash", ""))[:12]
    tried = len(table) - 2  # without the two rules that need no threshold
    yield Finding("advice_rule", {"hash": fixed, "tried": tried})
    yield Finding(f"advice_judged_{advice.folds}", {})
    near = int((table["admitted"] & (table["difference"] <= table["difference_se"])).sum())
    if near > 1:
        yield Finding("advice_near", {"near": near})
