r"""Portfolio: several contracts of one insurer, each settled alone, in one table.

If no group saves, group g measures an error :math:`e_g`, which is that of a placebo scaled to the group
(:func:`ssinfer.study.case_thresholds.scaled_errors`). With thresholds :math:`T_g` and payments :math:`P_g`:

.. math:: F = \sum_g P(e_g \ge T_g^+), \quad R = \sum_g E P_g^+(e_g)

are the expected number of false payments and the money at risk. They need the law of each group only.

The correlation of the errors of two groups is that of two placebos at one origin, by analysis of variance (Donner
1986, doi 10.2307/1403259): with mean squares B between and W within origins and :math:`n_0` placebos each,

.. math:: \rho = (B - W) / (B + (n_0 - 1) W)

Its standard error is a jackknife over origins, which overlap in their baselines; it is NaN for fewer than three.
The error of the total saving has covariances :math:`\rho^+ s_g s_h`; rho = 1 if it is not known.

With a term of several years all this is on its years as one, as the verdict is: errors, thresholds and payments at no
saving are those of the pooled years. What is paid is the sum of the years by the contract's rules. While the run-out of
a group is not over, its final payment is the expected one of provisional.csv.

Two rules with the same F: one threshold for all, the smallest with at most F expected false payments; and one
false-payment rate F/G for all, at the smallest threshold of each group that keeps it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.study.case_thresholds import scaled_errors
from ssinfer.study.frames import PORTFOLIO, PROVISIONAL
from ssinfer.study.hidden import CONTRACT_GROUP
from ssinfer.study.plan import Plan
from ssinfer.study.result import StudyResult
from ssinfer.study.verdict import verdict_of
from ssinfer.typing import Floats

FOUND = 0.03


def portfolio(plans: Mapping[str, Plan], results: Mapping[str, StudyResult]) -> pd.DataFrame:
    """Return portfolio.csv. No number counts a group that may not be shown, so no sum gives it back."""
    rows: list[dict[str, Any]] = []
    placebos: dict[str, pd.DataFrame] = {}
    for name, plan in plans.items():
        row, judged = _group(plan, results[name])
        rows.append({"row": "group", "group": name, **row})
        if judged is not None:
            placebos[name] = judged
    table = PORTFOLIO.frame(rows).set_index("group", drop=False)
    total: dict[str, Any] = {"row": "total", "status": "ok", "insured_years": table["insured_years"].sum()}
    if table["final_paid"].notna().any():
        table["final_paid"] = table["final_paid"].fillna(table["paid"])
    total |= {name: table[name].sum(min_count=1) for name in ("saving", "paid", "final_paid")}
    rho, rho_se, n_origins = np.nan, np.nan, 0
    if placebos:
        known = [*placebos]
        limits = np.maximum(table.loc[known, "threshold"].to_numpy(dtype=float), 0.0)
        false = float(sum(_share(placebos[name], limit) for name, limit in zip(known, limits, strict=True)))
        each, n = [*placebos.values()], len(known)
        same = least_threshold(each, false)
        rules = {"": limits, "same_threshold": [same] * n, "same_rate": [least_threshold([p], false / n) for p in each]}
        for rule, thresholds in rules.items():
            start = f"{rule}_" if rule else ""
            if rule:
                table.loc[known, rule] = thresholds
            for column, saved in (("false_payments", 0.0), ("found_3", FOUND)):
                shares = [_share(part, limit, saved) for part, limit in zip(each, thresholds, strict=True)]
                table.loc[known, start + column] = shares
                total[start + column] = sum(shares)
        table.loc[known, "at_risk"] = [part["paid"].clip(lower=0).mean() for part in each]
        total |= {"same_threshold": same, "at_risk": table["at_risk"].sum(min_count=n)}
        total |= {"false_payments_se": table.loc[known, "false_payments_se"].sum(min_count=n)}  # an upper bound
        rho, rho_se, n_origins = correlation(each[0])
    errors, common = table["saving_se"].dropna().to_numpy(), 1.0 if np.isnan(rho) else max(rho, 0.0)
    spread = np.sqrt((1 - common) * (errors**2).sum() + common * errors.sum() ** 2)
    total |= {"saving_se": spread, "correlation": rho, "correlation_se": rho_se, "n_origins": n_origins}
    records: Any = table.to_dict("records")
    return PORTFOLIO.frame([*records, total])


def _group(plan: Plan, result: StudyResult) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """Return the numbers of one group, and its placebos (None: hidden, not fitted, or without a threshold)."""
    verdict, pair = verdict_of(result), (plan.config.main_design.fit, plan.config.settling[1])
    cf = result.counterfactuals.get(pair)
    if cf is None or not plan.hidden.visible([CONTRACT_GROUP], pair[0])[0]:
        return {"status": verdict.reasons[0].id}, None
    years, measured = float(cf.values("insured_years").sum()), verdict.measured
    row = {"status": "ok", "insured_years": years, "verdict": verdict.verdict or "", "paid": verdict.paid}
    if measured is None or verdict.threshold is None:
        row["status"] = verdict.reasons[0].id
    open_run_out = rows_with(result.tables.get(PROVISIONAL.name, PROVISIONAL.empty()), settles=True)
    row["final_paid"] = next(iter(open_run_out["payment"][::-1]), np.nan)  # of a term the total
    if measured is not None:
        error = measured["se"] if measured["se"] is not None else np.nan
        row |= {"saving": measured["total"], "saving_se": error * cf.level * years}
    if verdict.threshold is None:
        return row, None
    row |= {"threshold": verdict.threshold["rate"]}
    if result.backtest is None or verdict.false_payment_rate is None:
        return row, None
    row |= {"false_payments_se": verdict.false_payment_rate["se"]}
    decides = rows_with(result.case_thresholds, design=pair[0], method=pair[1], decides=True).iloc[0]
    return row, scaled_errors(plan, result.backtest, cf, pair, decides)


def _share(placebos: pd.DataFrame, threshold: float, saved: float = 0.0) -> float:
    return float((placebos["error"] + saved * placebos["relative"] >= threshold).mean())


def least_threshold(placebos: list[pd.DataFrame], at_most: float) -> float:
    """Return the smallest threshold, not below 0, at which the rates of false payments of all groups add to at most."""
    errors = np.concatenate([part["error"].to_numpy() for part in placebos])
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in placebos])
    order = np.argsort(-errors, kind="stable")
    above = np.flatnonzero(np.cumsum(weights[order]) > at_most + 1e-9)
    return max(0.0, float(np.nextafter(errors[order[above[0]]], np.inf))) if len(above) else 0.0


def correlation(placebos: pd.DataFrame) -> tuple[float, float, int]:
    """Return the correlation of two placebos at one origin, its jackknife error, and the number of origins."""
    origins = [part["error"].to_numpy() for _, part in placebos.groupby("origin") if len(part) > 1]
    left_out = np.array([_anova([*origins[:at], *origins[at + 1 :]]) for at in range(len(origins))])
    n, few = len(origins), 3
    error = np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)) if n >= few else np.nan
    return _anova(origins), float(error), n


def _anova(origins: list[Floats]) -> float:
    if len(origins) < 2:  # no variance between fewer
        return np.nan
    sizes, means = np.array([*map(len, origins)]), np.array([part.mean() for part in origins])
    total, n_groups = sizes.sum(), len(sizes)
    between = np.sum(sizes * (means - np.average(means, weights=sizes)) ** 2) / (n_groups - 1)
    within = sum(((part - part.mean()) ** 2).sum() for part in origins) / (total - n_groups)
    n_each = (total - (sizes**2).sum() / total) / (n_groups - 1)
    return float((between - within) / (between + (n_each - 1) * within))
