"""The case of a study: its fits, its thresholds and its settlement."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.backtesting.result import BacktestResult
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.settle import settle
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import RefusalError, SsinferError, StudyError
from ssinfer.panel import Panel
from ssinfer.streams import stream_of
from ssinfer.study.case_thresholds import case_threshold, thresholds_of_case
from ssinfer.study.designs import StudyDesign
from ssinfer.study.frames import CASE_THRESHOLDS, PROVISIONAL, SAVINGS, SETTLEMENT
from ssinfer.study.in_toml import reasons_in_toml
from ssinfer.study.plan import Plan
from ssinfer.study.provisional import RunOutNoise, final_factors, final_thresholds, provisional_row
from ssinfer.study.verdict import predictive_error
from ssinfer.thresholds.kind import KINDS
from ssinfer.typing import Floats

INTERVAL_LEVEL = 0.95
FACTOR_DRAWS = 4000  # least number of draws of the completion factor


class CaseResult(TypedDict):
    """The fields of a StudyResult that describe the contract itself, by design and method."""

    counterfactuals: Mapping[tuple[str, str], Counterfactual]
    savings: pd.DataFrame
    case_thresholds: pd.DataFrame
    settlement: pd.DataFrame


def evaluate_case(plan: Plan, result: BacktestResult | None, pairs: Iterable[tuple[str, str]]) -> CaseResult:
    """Fit the case by designs and methods, derive its thresholds (from placebos with a backtest only), and settle."""
    counterfactuals: dict[tuple[str, str], Counterfactual] = {}
    savings: list[dict[str, Any]] = []
    thresholds: list[pd.DataFrame] = []
    settlement: list[dict[str, Any]] = []
    for design, method in pairs:
        labels = {"design": design, "method": method}
        seed = stream_of(plan.config.seed, design, method, "case")
        data = plan.data_for(design, method)
        before = data.fingerprint()
        try:
            cf = plan.methods[method].fit(data, plan.designs[design], seed=seed)
        except SsinferError as error:
            savings.append({**labels, "status": "refused", "reason": str(error)})
            continue
        if data.fingerprint() != before:
            raise StudyError(f"method {method!r} changed the data of the study, so no result is given.")
        counterfactuals[design, method] = cf
        measured = np.nan
        try:
            row = _savings_row(plan, cf, design, method)
        except SsinferError as error:
            status = "refused" if isinstance(error, RefusalError) else "sealed"
            savings.append({**labels, "status": status, "reason": str(error)})
        else:
            savings.append({**labels, "status": "ok", "reason": "; ".join(cf.failures), **row})
            measured = float(cf.savings().pooled().measured_rate.item())
        table = thresholds_of_case(plan, result, cf, (design, method), measured)
        if np.isfinite(measured):
            for part in plan.config.designs:
                if part.sharing is not None and part.fit == design and method in part.methods:
                    contract, _ = plan.contracts[part.sharing.name]
                    settles = (part.name, method) == plan.config.settling
                    named = {"design": part.name, "method": method, "settles": settles, "contract": contract.name}
                    settlement += [{**named, **line} for line in _settle(plan, part, contract, cf, table)]
        thresholds.append(table)
    compared = pd.concat([CASE_THRESHOLDS.empty(), *thresholds])[list(CASE_THRESHOLDS.header())]
    return CaseResult(
        counterfactuals=counterfactuals,
        savings=reasons_in_toml(SAVINGS.frame(savings), plan.config),
        case_thresholds=reasons_in_toml(compared, plan.config),
        settlement=reasons_in_toml(SETTLEMENT.frame(settlement), plan.config),
    )


def _savings_row(plan: Plan, cf: Counterfactual, design: str, method: str) -> dict[str, Any]:
    """Return the pooled saving with its 95% interval (NaN for a point estimate), completion error included."""
    summary = cf.savings().summary(INTERVAL_LEVEL).iloc[-1]
    insured_years = float(cf.savings().pooled().insured_years.item())
    row = {name: summary[name] for name in ("benchmark", "spending", "saving", "savings_rate", "lower", "upper")}
    row |= {"completion_error": 0.0, "insured_years": insured_years, "total": float(summary["saving"]) * insured_years}
    claims = plan.data.claims
    error = 0.0 if claims is None else claims.completion_error(design)
    noise = plan.run_out.get(design) or RunOutNoise(common=error)
    if cf.uncertainty != "none" and noise.common + noise.fixed + noise.shrinking > 0:
        rng = np.random.default_rng(stream_of(plan.config.seed, design, method, "completion"))
        benchmark = cf.pooled()
        shape = max(1, FACTOR_DRAWS // len(benchmark)), len(benchmark)
        factors = final_factors(noise, cf, rng, shape)  # F / Fhat of both arms
        saving = benchmark * factors[0] - cf.pooled_spending * factors[1]
        lower, upper = np.quantile(saving, [(1 - INTERVAL_LEVEL) / 2, (1 + INTERVAL_LEVEL) / 2])
        row |= {"lower": lower, "upper": upper, "completion_error": noise.common}
    return row


def _settle(
    plan: Plan, part: StudyDesign, contract: Contract, cf: Counterfactual, table: pd.DataFrame
) -> list[dict[str, Any]]:
    """Return one line per party, or one line with the reason why nothing can be settled."""
    (threshold, reason), computed = case_threshold(part.threshold, table), contract.threshold.kind == "computed"
    if part.sensitivity:
        reason = "the population depends on what happens after the start: a sensitivity analysis never settles."
    if part.sensitivity or (computed and np.isnan(threshold)):
        return [{"party": "", "amount": np.nan, "reason": reason}]
    try:
        if not computed:
            cf.require_dependable("settlement")
        given = _terms(plan, part, contract, cf, threshold)
        settlement = settle(contract, benchmark=cf.level, spending=cf.pooled_spending, **given)
    except SsinferError as error:
        return [{"party": "", "amount": np.nan, "reason": str(error)}]
    outcome = {"payment": float(settlement.payment), **settlement.outcome}
    return [{"party": party, "amount": amount, **outcome} for party, amount in settlement.lines.items()]


def _terms(plan: Plan, part: StudyDesign, contract: Contract, cf: Counterfactual, threshold: Any) -> dict[str, Any]:
    """Return the arguments of a settlement but benchmark and spending."""
    computed = contract.threshold.kind == "computed"
    return {
        "insured_years": float(cf.savings().pooled().insured_years.item()),
        "assigned": cf.assigned if np.isfinite(cf.assigned) else None,
        # Nothing is paid for a loss, and no saving reaches the whole benchmark.
        "threshold": np.clip(threshold, 0.0, np.nextafter(1.0, 0.0)) if computed else None,
        "quality": None if part.sharing is None else part.sharing.quality,
        "currency": plan.config.currency,
    }


def provisional_settlements(plan: Plan, case: CaseResult) -> dict[str, pd.DataFrame]:
    """Return provisional.csv by its name; nothing if the run-out of all designs is over, or of a term of years."""
    rows: list[dict[str, Any]] = []
    for part in plan.config.designs if plan.run_out and plan.config.term is None else ():
        for method in part.methods:
            noise, cf = plan.run_out.get(part.fit), case["counterfactuals"].get((part.fit, method))
            if noise is None or cf is None or not np.isfinite(cf.pooled_spending):
                continue
            settled = rows_with(case["settlement"], design=part.name, method=method)
            of_fit = rows_with(case["case_thresholds"], design=part.fit, method=method)
            threshold, paid = case_threshold(part.threshold, of_fit)[0], None
            rng = np.random.default_rng(stream_of(plan.config.seed, part.name, method, "provisional"))
            learned = _final_thresholds(plan, part, method, cf, noise, rng)
            final: Any = threshold if learned is None else learned
            if part.sharing is not None and len(settled) and settled["party"].iloc[0]:
                contract, threshold = plan.contracts[part.sharing.name][0], float(settled["threshold"].iloc[0])
                final = final if contract.threshold.kind == "computed" else threshold
                paid = partial(settle, contract, **_terms(plan, part, contract, cf, final))
            labels = {"design": part.name, "method": method, "settles": (part.name, method) == plan.config.settling}
            rows.append({**labels, "threshold": threshold, **provisional_row(noise, cf, rng, final, paid)})
    return {PROVISIONAL.name: PROVISIONAL.frame(rows)} if rows else {}


def _final_thresholds(
    plan: Plan, part: StudyDesign, method: str, cf: Counterfactual, noise: RunOutNoise, rng: np.random.Generator
) -> Floats | None:
    """Return draws of the final threshold; None if it does not move, or if the fit takes long or refuses."""
    panel, design = plan.data_for(part.fit, method), plan.designs[part.fit]
    if part.threshold is None or (plan.signed is not None and plan.signed.rate is not None):
        return None
    key, seed = part.threshold.key, stream_of(plan.config.seed, part.fit, method, "case")
    kind = KINDS.find(key.kind)
    if kind.learns_from != "fit" or not kind.pays or cf.uncertainty != "sampling" or not isinstance(panel, Panel):
        return None

    def refit(moved: Panel) -> tuple[float, float]:
        fit = plan.methods[method].fit(moved, design, seed=seed)
        return float(kind.for_case(fit, None, plan.config.seed)(key).rate), predictive_error(fit)

    with suppress(SsinferError):
        return final_thresholds(noise, panel, design.performance, refit, rng)
    return None
