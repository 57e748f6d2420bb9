"""Evidence of the case of a study: donor weights, paths, and the checks of each fit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ssinfer.backtesting.result import BacktestResult
from ssinfer.benchmarks.synthetic_control.donor_weighting import DonorWeighting
from ssinfer.benchmarks.synthetic_control.hull import PLACEBO_SHARE
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import KKT_TOLERANCE
from ssinfer.check import Check, Status, tabulate
from ssinfer.counterfactual import Counterfactual, path_frame
from ssinfer.diagnostics import convex_hull, effective_donors, held_out_fit, leave_one_donor_out, placebo_in_time
from ssinfer.diagnostics.posterior import predictive_check, prior_contraction, replicated_spread
from ssinfer.study.frames import DIAGNOSTICS, PATHS, PREDICTIVE, WEIGHTS
from ssinfer.study.plan import Plan

STATUS = {"FAIL": "fail", "WARN": "warn", "NOT EVALUATED": "not evaluated", "PASS": "ok"}  # the worst first


def case_evidence(
    plan: Plan, fits: Mapping[tuple[str, str], Counterfactual], result: BacktestResult | None
) -> dict[str, pd.DataFrame]:
    """Return weights.csv, paths.csv and diagnostics.csv (the worst row per id) of the case's fits.

    predictive.parquet is there if a fit has replicates of its data.
    """
    parts: dict[str, list[pd.DataFrame]] = {schema.name: [schema.empty()] for schema in (WEIGHTS, DIAGNOSTICS, PATHS)}
    limits = placebo_limits(result)
    for pair, cf in fits.items():
        design = plan.designs[pair[0]]
        found = [baseline_check(cf, limits.get(pair, np.nan)), *prior_contraction(cf), *predictive_check(cf)]
        rows = pd.concat([cf.diagnostics, tabulate([*found, *donor_checks(plan, pair, cf)])], ignore_index=True)
        rows["id"] = rows["check"].str.lower().str.replace(r"\W+", "_", regex=True)
        rows = rows.sort_values("status", key=lambda column: column.map([*STATUS].index), kind="stable")
        checks = rows.drop_duplicates("id").sort_index().replace({"status": STATUS})
        tables = {DIAGNOSTICS.name: checks.drop(columns="message")}
        tables[PATHS.name] = path_frame(design.treated, cf, cf.path()).assign(origin=design.performance[0])
        if cf.weights is not None:
            wide = cf.weights.rename_axis("unit").reset_index()
            tables[WEIGHTS.name] = wide.melt("unit", var_name="donor", value_name="weight").query("weight != 0")
        spreads, observed = replicated_spread(cf)
        if len(spreads):
            rows = pd.DataFrame({"replicate": np.arange(len(spreads)), "spread": spreads, "observed": observed})
            tables[PREDICTIVE.name] = rows
        for name, table in tables.items():
            parts.setdefault(name, [PREDICTIVE.empty()]).append(table.assign(design=pair[0], method=pair[1]))
    return {name: pd.concat(tables[1:] or tables, ignore_index=True) for name, tables in parts.items()}


def failed_checks(diagnostics: pd.DataFrame, savings: pd.DataFrame) -> list[str]:
    """Return the ids of the failed checks of the design and method of each row of savings.csv, in one text."""
    failed = diagnostics[diagnostics["status"] == "fail"].groupby(["design", "method"])["id"]
    ids = {pair: " ".join(dict.fromkeys(group)) for pair, group in failed}
    return [ids.get(pair, "") for pair in zip(savings["design"], savings["method"], strict=True)]


def placebo_limits(result: BacktestResult | None) -> dict[Any, float]:
    """Return the relative baseline error that a group like the placebos exceeds in 5%, by design and method."""
    if result is None or result.paths.empty:
        return {}
    rows = result.paths[result.paths["phase"] == "baseline"]
    squares = rows.assign(square=(rows["observed"] - rows["benchmark"]) ** 2)
    placebos = squares.groupby(["design", "method", "unit", "origin"], observed=True)[["square", "observed"]].mean()
    error = np.sqrt(placebos["square"]) / placebos["observed"]
    return {pair: conformal_limit(group) for pair, group in error.groupby(["design", "method"], observed=True)}


def conformal_limit(errors: pd.Series) -> float:
    """Return the value that the next of exchangeable errors exceeds in 5% of cases; NaN for fewer than 19 errors."""
    ordered = np.sort(errors.dropna())
    place = int(np.ceil(PLACEBO_SHARE * (len(ordered) + 1) - 1e-9))
    return float(ordered[place - 1]) if place <= len(ordered) else float("nan")


def baseline_check(cf: Counterfactual, limit: float) -> Check:
    """Compare the root mean squared baseline error, over mean spending, with a limit; of several units the largest."""
    observed, fitted = cf.values("observed_baseline"), cf.values("fitted")
    error = float((np.sqrt(((observed - fitted) ** 2).mean(axis=1)) / observed.mean(axis=1)).max())
    status: Status = "NOT EVALUATED" if np.isnan(error + limit) else "PASS" if error <= limit else "WARN"
    return Check("baseline fit", status, error, limit=limit)


def donor_checks(plan: Plan, pair: tuple[str, str], cf: Any) -> list[Check]:
    """Return the checks of a synthetic control beside its own diagnostics; none for other methods.

    Fewer than three effective donors, and a unit outside the hull of its donors, only warn. `cf.diagnostics` holds the
    failure: a plain benchmark that also misses the baseline by more than the placebos. Donors are left out of the point
    estimate; the limit of its change is half the width of the 90% interval.
    """
    method, design, data = plan.methods[pair[1]], plan.designs[pair[0]], plan.data_for(*pair)
    if not isinstance(method, DonorWeighting):
        return []
    gap, seed, draws = float(cf.solver["kkt_gap"].max()), plan.config.seed, cf.pooled()
    checks = [
        Check.judged("solver certificate", gap <= KKT_TOLERANCE, gap, KKT_TOLERANCE, ""),
        held_out_fit(method, data, design, seed=seed),
        placebo_in_time(method, data, design, seed=seed),
    ]
    alone = (effective_donors(cf), convex_hull(data, design))
    warned = [replace(check, status="WARN") if check.status == "FAIL" else check for check in alone]
    half = float(np.ptp(np.quantile(draws, [0.05, 0.95])) / 2 / draws.mean())
    plain = clone(method).set_params(inference="none")
    change = leave_one_donor_out(plain, data, design, limit=half or np.inf, seed=seed)
    return [*checks, *warned, change if half else replace(change, status="NOT EVALUATED", limit=np.nan)]
