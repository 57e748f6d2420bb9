"""The case of a study: its fits, its thresholds beside the placebos', and its settlement by the study's gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.backtesting.task import seed_of
from ssinfer.contracts.settle import settle
from ssinfer.errors import SsinferError
from ssinfer.thresholds.compare import compare_thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.backtesting.backtest import BacktestResult
    from ssinfer.contracts.contract import Contract
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.study.plan import Plan


@dataclass(frozen=True, eq=False)
class CaseResult:
    """What was found for the contract itself: frames with a row per design and method, and what depends on them."""

    counterfactuals: Mapping[tuple[str, str], Counterfactual]
    savings: pd.DataFrame
    thresholds: pd.DataFrame
    settlement: pd.DataFrame


def evaluate_case(plan: Plan, result: BacktestResult | None) -> CaseResult:
    """Fit the case, derive its thresholds, and settle by the study's gate."""
    config = plan.config
    fits: dict[tuple[str, str], Counterfactual] = {}
    savings: list[dict[str, Any]] = []
    thresholds: list[pd.DataFrame] = []
    settlements: list[dict[str, Any]] = []
    for design, method in plan.pairs:
        labels = {"design": design, "method": method}
        try:
            cf = plan.methods[method].fit(
                plan.data_for(design, method), plan.designs[design], seed=seed_of(config.seed, design, method, "case")
            )
        except SsinferError as error:
            savings.append({**labels, "status": "refused", "reason": str(error)})
            continue
        fits[design, method] = cf
        placebos = None
        if result is not None:
            rows = result.placebos
            mine = (rows["design"] == design) & (rows["method"] == method) & (rows["status"] == "ok")
            placebos = _cross_fitted(rows[mine & (rows["role"] == "placebo")], plan, design)
        levels, on_request = config.threshold.all_levels, config.threshold.calibrate
        table = compare_thresholds(cf, levels, placebos, on_request=on_request, seed=config.seed)
        try:
            pooled = cf.savings().pooled()
        except SsinferError as error:
            savings.append({**labels, "status": "sealed", "reason": str(error)})
            thresholds.append(table.assign(**labels))
            continue
        row = _with_interval(cf.savings().summary(0.95).iloc[-1], cf, plan, labels)
        insured = float(pooled.insured_years.item())
        measured = float(pooled.measured_rate.item())
        savings.append(
            {
                **labels,
                "status": "ok",
                "reason": "",
                **{name: row[name] for name in ("benchmark", "spending", "saving", "savings_rate", "lower", "upper")},
                "completion_error": row.get("completion_error", 0.0),
                "insured_years": insured,
                "total": float(row["saving"]) * insured,
            }
        )
        thresholds.append(table.assign(**labels, measured=measured, passed=measured >= table["rate"]))
        if plan.contract is not None:
            settlements += _settle(plan, plan.contract, labels, cf, table, insured)
    return CaseResult(
        counterfactuals=fits,
        savings=pd.DataFrame(savings),
        thresholds=pd.concat(thresholds) if thresholds else pd.DataFrame(),
        settlement=pd.DataFrame(settlements),
    )


def _with_interval(row: Any, cf: Counterfactual, plan: Plan, labels: dict[str, str]) -> Any:
    """Return the case's row: without an interval where the method gives none, else with the completion factor's error.

    Both arms are multiplied by one factor F, so the rate does not move; the saving in money is F / Fhat times the
    draws, with F / Fhat normal around 1 at the factor's relative standard error.
    """
    if cf.uncertainty == "none":
        point = row.copy()
        point["lower"] = point["upper"] = np.nan
        return point
    claims = plan.data.claims
    error = 0.0 if claims is None else claims.completion_error(labels["design"])
    if not error > 0:
        return row
    rng = np.random.default_rng(seed_of(plan.config.seed, labels["design"], labels["method"], "completion"))
    saving = cf.pooled() - cf.pooled_spending
    factor = 1 + error * rng.standard_normal((max(1, 4000 // len(saving)), len(saving)))
    lower, upper = np.quantile(saving * factor, [0.025, 0.975])
    changed = row.copy()
    changed["lower"], changed["upper"], changed["completion_error"] = lower, upper, error
    return changed


def _cross_fitted(placebos: pd.DataFrame, plan: Plan, design: str) -> pd.DataFrame:
    """Return the placebos from which the case's gate is derived, cross-fitted as every placebo's gate was.

    Left out are the case's neighbours and, where there are other origins, all errors of the contract's own years.
    """
    treated = plan.designs[design].treated
    blocks = neighbour_blocks(plan.panel, regions=plan.data.regions)[plan.panel.rows(treated)]
    apart = placebos[~placebos["block"].isin(blocks)]
    other = apart[apart["origin"] != plan.designs[design].performance[0]]
    return other if len(other) else apart


def _settle(
    plan: Plan, contract: Contract, labels: dict[str, str], cf: Counterfactual, table: pd.DataFrame, insured: float
) -> list[dict[str, Any]]:
    config = plan.config
    key = config.threshold.key
    mine = key.rows(table)
    if not mine.any() or not np.isfinite(table.loc[mine, "rate"].iloc[0]):
        reason = table.loc[mine, "reason"].iloc[0] if mine.any() else f"there is no {key.kind} threshold here"
        return [{**labels, "contract": contract.name, "party": "", "amount": np.nan, "reason": reason}]
    gate = float(table.loc[mine, "rate"].iloc[0])
    pooled = cf.savings().pooled()
    computed = contract.threshold.kind == "computed"
    try:
        settlement = settle(
            contract,
            benchmark=cf.level,
            spending=float(pooled.spending.item()),
            insured_years=insured,
            assigned=cf.assigned if np.isfinite(cf.assigned) else None,
            threshold=gate if computed else None,
            quality=None if config.sharing is None else config.sharing.quality,
            currency=config.currency,
        )
    except SsinferError as error:
        return [{**labels, "contract": contract.name, "party": "", "amount": np.nan, "reason": str(error)}]
    return [
        {
            **labels,
            "contract": contract.name,
            "party": party,
            "amount": amount,
            "gate": gate,
            "reason": settlement.reason,
        }
        for party, amount in settlement.lines.items()
    ]
