"""The case of a study: its fits, its thresholds and its settlement."""

from collections.abc import Iterable, Mapping
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
from ssinfer.streams import stream_of
from ssinfer.study.case_thresholds import case_threshold, thresholds_of_case
from ssinfer.study.designs import StudyDesign
from ssinfer.study.frames import CASE_THRESHOLDS, PROVISIONAL, SAVINGS, SETTLEMENT
from ssinfer.study.plan import Plan
from ssinfer.study.provisional import RunOutNoise, final_factors, provisional_row

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
    return CaseResult(
        counterfactuals=counterfactuals,
        savings=SAVINGS.frame(savings),
        case_thresholds=pd.concat([CASE_THRESHOLDS.empty(), *thresholds])[list(CASE_THRESHOLDS.header())],
        settlement=SETTLEMENT.frame(settlement),
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


def _terms(plan: Plan, part: StudyDesign, contract: Contract, cf: Counterfactual, threshold: float) -> dict[str, Any]:
    """Return the arguments of a settlement but benchmark and spending."""
    computed = contract.threshold.kind == "computed"
    return {
        "insured_years": float(cf.savings().pooled().insured_years.item()),
        "assigned": cf.assigned if np.isfinite(cf.assigned) else None,
        # Nothing is paid for a loss, and no saving reaches the whole benchmark.
        "threshold": min(max(threshold, 0.0), np.nextafter(1.0, 0.0)) if computed else None,
        "quality": None if part.sharing is None else part.sharing.quality,
        "currency": plan.config.currency,
    }


def provisional_settlements(plan: Plan, case: CaseResult) -> dict[str, pd.DataFrame]:
    """Return provisional.csv by its name; nothing if the run-out of all designs is over."""
    rows: list[dict[str, Any]] = []
    for part in plan.config.designs if plan.run_out else ():
        for method in part.methods:
            noise, cf = plan.run_out.get(part.fit), case["counterfactuals"].get((part.fit, method))
            if noise is None or cf is None or not np.isfinite(cf.pooled_spending):
                continue
            settled = rows_with(case["settlement"], design=part.name, method=method)
            of_fit = rows_with(case["case_thresholds"], design=part.fit, method=method)
            threshold, paid = case_threshold(part.threshold, of_fit)[0], None
            if part.sharing is not None and len(settled) and settled["party"].iloc[0]:
                contract, threshold = plan.contracts[part.sharing.name][0], float(settled["threshold"].iloc[0])
                paid = partial(settle, contract, **_terms(plan, part, contract, cf, threshold))
            rng = np.random.default_rng(stream_of(plan.config.seed, part.name, method, "provisional"))
            labels = {"design": part.name, "method": method, "settles": (part.name, method) == plan.config.settling}
            rows.append({**labels, **provisional_row(noise, cf, rng, threshold, paid)})
    return {PROVISIONAL.name: PROVISIONAL.frame(rows)} if rows else {}
