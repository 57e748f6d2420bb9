"""Limits: how sure the measured saving is, whether the threshold was sensible, and what limits the answer."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ssinfer.backtesting.advice import may_pay
from ssinfer.backtesting.frames import rows_with
from ssinfer.comparison import named_apart
from ssinfer.finding import Finding
from ssinfer.study.queries import ALL_SIZES, StudyQueries, rows_of
from ssinfer.study.verdict import REACHED, Verdict
from ssinfer.thresholds.kind import ThresholdKey

REPORTED = 0.01, 0.10  # lower spending growth, as reported by programmes
MANY = 0.5  # detection rate of a threshold that is within reach
FAR = 0.15  # how far a group's lasting spending lies above that of others, where the effect of the level is told
LEAST_EFFECT = 0.005  # of the level on the measured saving that is told
DETECTED = "0.03"  # true saving by which a threshold is judged, as the verdict has it


def sureness(study: StudyQueries) -> Iterator[Finding]:
    """Yield how sure the measured saving is: the interval, and for a posterior the probability of any saving."""
    verdict = study.verdict
    if verdict.measured is None:
        return
    if (interval := verdict.interval_rates) is None:
        yield Finding("sure_unknown", {})
        return
    lower, upper = interval
    least = (verdict.threshold or {}).get("rate")
    very = least is not None and lower >= least and lower > 0
    yield Finding(
        "sure_very" if very else "sure_something" if lower > 0 else "sure_not" if upper > 0 else "sure_lost", {}
    )
    fit = study.result.counterfactuals.get(study.main)
    numbers: dict[str, Any] = {"lower": lower, "upper": upper}
    if fit is not None and fit.uncertainty == "posterior":
        yield Finding("sure_credible", numbers | {"positive": float((fit.pooled() > fit.pooled_spending).mean())})
    else:
        yield Finding("sure_confidence", numbers)


def threshold_sense(verdict: Verdict) -> Iterator[Finding]:
    """Yield whether the threshold was sensible: how often it pays contracts that save nothing, and that save 3%."""
    false, found, threshold = verdict.false_payment_rate, verdict.detection.get(DETECTED), verdict.threshold
    if threshold is None or threshold["rate"] is None:
        yield Finding("sensible_absent" if threshold is None else "sensible_none", {})
        return
    if false is None or found is None:
        yield Finding("sensible_unknown", {})
        return
    level = threshold["level"]
    promised = None if level is None else (1 - level) / (2 if threshold["side"] == "two-sided" else 1)
    reach = "in_reach" if found["value"] >= MANY else "out_of_reach"
    if promised is None:
        yield Finding("sensible_no_promise", {})
    else:
        safe = may_pay(promised, false["value"], false["se"] or 0.0)
        yield Finding(f"sensible_{reach}" if safe else "sensible_pays_too_often", {})
    yield Finding("sensible_false", {"false": 100 * false["value"]})
    if promised is not None:
        yield Finding("sensible_promise", {"aim": 100 * promised})
    yield Finding("sensible_found", {"found": 100 * found["value"], "low": REPORTED[0], "high": REPORTED[1]})


def known_truth(study: StudyQueries) -> Iterator[Finding]:
    """Yield the true saving of simulated claims, how far the measured one is from it, and the payment it deserves."""
    measured, truths = study.verdict.measured, study.table("truth.csv")
    if measured is None or study.hidden or not len(truths):
        return
    for _, truth in truths[truths["design"] == study.main[0]].iterrows():
        due = Finding("limit_truth_due", {"due": study.share * truth["total"]})
        shares = study.result.manifest.get("settles", {}).get("shares")
        numbers = {"true": truth["rate"], "measured": measured["rate"], "due": due if shares else ""}
        high = measured["rate"] > truth["rate"]
        yield Finding("limit_truth_high" if high else "limit_truth_low", numbers)


def failed_checks(study: StudyQueries) -> list[Finding]:
    """Return the failed checks of the design and method that settle, the worst by figure against limit first."""
    if study.hidden:
        return []
    rows = rows_of(study.table("diagnostics.csv"), study.main)
    rows = rows[rows["status"] == "fail"].drop_duplicates("id")
    ratio = (rows["figure"] / rows["limit"]).abs().replace(np.nan, np.inf)
    ratio = ratio.where(ratio >= 1, 1 / ratio.clip(lower=1e-12))  # a limit from below
    rows = rows.assign(ratio=ratio).sort_values("ratio", ascending=False, kind="stable")
    found = []
    for _, row in rows.iterrows():
        said = {"check": Finding(f"check.{row['id']}", {"otherwise": row["check"]}), "figure": row["figure"]}
        name = "check_failed" if math.isfinite(row["limit"]) else "check_failed_no_limit"
        found.append(Finding(name, said | {"limit": row["limit"]}))
    return found


def level_dependence(study: StudyQueries) -> Iterator[Finding]:
    """Yield how the measured saving depends on the lasting level of spending, if placebos show that it does."""
    backtest = study.result.backtest
    rows = rows_of(None if backtest is None else backtest.scores, study.main)
    if study.hidden or not len(rows) or not {"level_slope", "level_slope_se"} <= set(rows.columns):
        return
    slope, se = (
        float(value) for value in rows_with(rows, size_class=ALL_SIZES)[["level_slope", "level_slope_se"]].iloc[0]
    )
    levels = study.placebos(study.main, "case")["relative_level"].dropna()
    own = float(levels.iloc[-1]) if len(levels) else 1.0
    if abs(slope) > 2 * se and abs(slope) * max(FAR, abs(own - 1)) >= LEAST_EFFECT:
        said = (
            Finding("limit_dependence_own", {"own": own, "points": 100 * abs(slope * (own - 1))}) if len(levels) else ""
        )
        points = {"level": FAR, "points": 100 * FAR * abs(slope), "error": 100 * FAR * se, "own": said}
        yield Finding("limit_dependence_low" if slope < 0 else "limit_dependence_high", points)


def other_limits(study: StudyQueries) -> Iterator[Finding]:
    """Yield limits other than failed checks: dependence on the level and on the definition, and spillover."""
    verdict, table = study.verdict, study.result.case_thresholds
    if verdict.measured is None or study.hidden:
        return
    rate, stated = verdict.measured["rate"], verdict.threshold
    if stated is not None and len(table):
        rows = rows_with(rows_of(table, study.main), kind=stated["kind"], side=stated["side"])
        for _, row in rows[rows["level"] != stated["level"]].iterrows():
            if (rate >= row["rate"]) != (verdict.verdict == REACHED) and math.isfinite(row["rate"]):
                name = "limit_level_paid" if rate >= row["rate"] else "limit_level_unpaid"
                yield Finding(name, {"level": row["level"], "threshold": row["rate"]})
                break
        key = ThresholdKey(*(stated[name] for name in ("kind", "level", "side", "prior")))
        same = table[key.rows(table) & table["measured"].notna() & table["rate"].notna()]
        if len(same) > 1:
            paid = int(((same["measured"] > 0) & (same["measured"] >= same["rate"])).sum())
            agree = "limit_agree_paid" if paid else "limit_agree_unpaid"
            rates = {"low": float(same["measured"].min()), "high": float(same["measured"].max())}
            yield Finding(
                "limit_definition" if 0 < paid < len(same) else agree, {"n": len(same), "paid": paid, **rates}
            )
    earlier, others = (study.placebos(study.main, role) for role in ("case", "placebo"))
    if len(earlier):  # against the means of other units over the same windows
        means = others[others["origin"].isin(earlier["origin"])].groupby("unit", observed=True)["savings_rate"].mean()
        if abs(rate := float(earlier["savings_rate"].mean())) > 2 * means.std():
            yield Finding("limit_earlier_years", {"n": len(earlier), "rate": rate})
    n_apart = len(named_apart(study.result.designs[study.main[0]].donors))
    yield Finding("limit_spillover_named", {"n": n_apart}) if n_apart else Finding("limit_spillover", {})
