"""FirstPage: what a board reads first: verdict, picture, what a true saving earns, three answers, and the limits."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.advice import may_pay
from ssinfer.figures.axis import Axis, axis_of
from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.tables.provisional import settling_row
from ssinfer.report.text.finding import REPORTED
from ssinfer.study.queries import rows_of
from ssinfer.study.verdict import REACHED, Verdict
from ssinfer.thresholds.kind import ThresholdKey

EARNED = ("0.03", "0.05", "0.1")  # true savings of the table, as the verdict has them
MAX_LIMITS = 3
MANY = 0.5  # detection of a threshold that is within reach


@dataclass(frozen=True)
class Earned:
    """What a true saving earns: paid contracts of 100 with their standard error, and the mean payment."""

    saving: float
    paid: float
    error: float
    payment: float | None = None  # per insured-year, over all 100
    due: float | None = None  # the shared part of the true saving, per insured-year


@dataclass(frozen=True)
class FirstPage:
    """The first page without its words: numbers and findings.

    Attributes
    ----------
    meta : contract, period, insured and definition of spending
    verdict, proof : what is paid and why; what it does not prove
    measured, threshold, interval : as in `Verdict`; `interval` as fractions of the benchmark
    axis, picture : axis of the picture, None without a measured saving and without a threshold; its text alternative
    sure, sensible, following : findings that answer a question; the first is the short answer
    earned : what true savings earn
    limits, more : at most three limits of the answer, and how many failed checks are not among them
    failed : number of failed checks of the design and method that settle
    """

    meta: tuple[Finding | str, ...]
    verdict: Finding
    proof: tuple[Finding, ...]
    measured: Mapping[str, Any] | None
    threshold: Mapping[str, Any] | None
    interval: tuple[float, float] | None
    axis: Axis | None
    picture: Finding
    sure: tuple[Finding, ...]
    sensible: tuple[Finding, ...]
    following: tuple[Finding, ...]
    earned: tuple[Earned, ...]
    limits: tuple[Finding, ...]
    more: int
    failed: int


def first_page(analysis: Analysis) -> FirstPage:
    """Return the first page of an analysed result."""
    verdict = analysis.verdict
    measured, threshold = verdict.measured, verdict.threshold
    interval = None
    if verdict.interval is not None and measured is not None and measured["money"]:
        of_money = measured["rate"] / measured["money"]
        interval = verdict.interval["lower"] * of_money, verdict.interval["upper"] * of_money
    known = [*REPORTED, *(interval or ())]
    known += [part["rate"] for part in (measured, threshold) if part is not None and part["rate"] is not None]
    failed = failed_checks(analysis)
    limits = [*failed, *_other_limits(analysis, verdict)]
    shown = limits[:MAX_LIMITS]
    return FirstPage(
        meta=tuple(_meta(analysis)),
        verdict=_verdict(verdict),
        proof=tuple(_proof(analysis, verdict)),
        measured=measured,
        threshold=threshold,
        interval=interval,
        axis=None if measured is None and threshold is None else axis_of(known),
        picture=_picture(measured, threshold, interval),
        sure=tuple(_sure(analysis, verdict, interval)),
        sensible=tuple(_sensible(verdict)),
        following=tuple(_following(analysis)),
        earned=tuple(_earned(analysis, verdict)),
        limits=tuple(shown),
        more=sum(limit in failed for limit in limits[MAX_LIMITS:]),
        failed=len(failed),
    )


def _meta(analysis: Analysis) -> Iterator[Finding | str]:
    """Return what the contract is: its group, period, insured and definition of spending."""
    yield Finding("meta.contract", {"group": analysis.group})
    yield Finding("meta.period", {"when": span(analysis.result.designs[analysis.main[0]].performance)})
    years = None if analysis.hidden else analysis.insured_years(analysis.main)
    if years is not None:
        yield Finding("meta.years", {"years": years})
    if label := analysis.result.design_labels.get(analysis.main[0]):
        yield own(label)


def failed_checks(analysis: Analysis) -> list[Finding]:
    """Return the failed checks of the design and method that settle, the worst by figure against limit first."""
    rows = rows_of(analysis.result.tables.get("diagnostics.csv"), analysis.main)
    if analysis.hidden or not len(rows):
        return []
    rows = rows[rows["status"] == "fail"].drop_duplicates("id")
    ratio = (rows["figure"] / rows["limit"]).abs().replace(np.nan, np.inf)
    ratio = ratio.where(ratio >= 1, 1 / ratio.clip(lower=1e-12))  # a limit from below
    rows = rows.assign(ratio=ratio).sort_values("ratio", ascending=False, kind="stable")
    return [
        Finding(
            "check_failed" if math.isfinite(row["limit"]) else "check_failed_no_limit",
            {
                "check": Finding(f"check.{row['id']}", {"otherwise": row["check"]}),
                "figure": row["figure"],
                "limit": row["limit"],
            },
        )
        for _, row in rows.iterrows()
    ]


def _verdict(verdict: Verdict) -> Finding:
    """Return the verdict in one sentence, with what is paid."""
    measured, threshold = verdict.measured, verdict.threshold
    if measured is None or threshold is None or verdict.verdict is None:
        return next(
            (Finding(f"verdict_{reason.id}", reason.numbers) for reason in verdict.reasons), Finding("verdict_none", {})
        )
    numbers = {"measured": measured["rate"], "money": abs(measured["money"]), "threshold": threshold["rate"]}
    numbers |= {"paid": abs(verdict.paid or 0.0)}
    reached = verdict.verdict == REACHED
    if verdict.paid:
        below = "verdict_paid" if reached else "verdict_paid_below"  # a contract may pay a lower share below
        return Finding(below if verdict.paid > 0 else "verdict_owed", numbers)
    if reached:
        return Finding("verdict_reached" if verdict.paid is None else "verdict_reached_unpaid", numbers)
    name = "verdict_not_reached" if verdict.paid is None else "verdict_unpaid"
    ending = "_unreachable" if threshold["rate"] is None else "_more_spent" if measured["money"] < 0 else ""
    return Finding(f"{name}{ending}", numbers)


def _proof(analysis: Analysis, verdict: Verdict) -> Iterator[Finding]:
    """Return what stands below the verdict: what it does not prove, or what is known without a verdict."""
    where = {"group": analysis.group, "when": span(analysis.result.designs[analysis.main[0]].performance)}
    if (row := settling_row(analysis)) is not None:
        known = "" if math.isnan(row["reaches"]) else "_threshold" if math.isnan(row["paid"]) else "_paid"
        yield Finding(f"provisional{known}", {str(name): value for name, value in row.items()})
    if verdict.verdict is None and verdict.measured is not None:
        numbers = {"amount": abs(verdict.measured["money"]), "rate": verdict.measured["rate"]}
        yield Finding("measured_loss" if verdict.measured["money"] < 0 else "measured_saving", where | numbers)
    elif verdict.verdict is None:
        yield from (Finding(reason.id, where | dict(reason.numbers)) for reason in verdict.reasons[:1])
    elif verdict.verdict != REACHED:
        yield Finding("not_proven", {})


def _picture(measured: Any, threshold: Any, interval: tuple[float, float] | None) -> Finding:
    """Return the text alternative of the picture."""
    numbers: dict[str, Any] = {"low": REPORTED[0], "high": REPORTED[1]}
    known = threshold is not None and threshold["rate"] is not None
    numbers |= {"threshold": threshold["rate"]} if known else {}
    if measured is None:
        return Finding("picture_threshold" if known else "verdict_none", numbers)
    numbers |= {"measured": measured["rate"]}
    if interval is not None and known:
        return Finding("picture_all", numbers | {"lower": interval[0], "upper": interval[1]})
    return Finding("picture_no_interval" if known else "picture_no_threshold", numbers)


def _sure(analysis: Analysis, verdict: Verdict, interval: tuple[float, float] | None) -> Iterator[Finding]:
    """Return how sure the measured saving is: the interval, and for a posterior the probability of any saving."""
    if verdict.measured is None:
        return
    if interval is None:
        yield Finding("sure_unknown", {})
        return
    lower, upper = interval
    least = (verdict.threshold or {}).get("rate")
    above = least is not None and lower >= least
    yield Finding(
        "sure_very"
        if above and lower > 0
        else "sure_something"
        if lower > 0
        else "sure_not"
        if upper > 0
        else "sure_lost",
        {},
    )
    fit = analysis.result.counterfactuals.get(analysis.main)
    bayes = fit is not None and fit.uncertainty == "posterior"
    numbers: dict[str, Any] = {"lower": lower, "upper": upper}
    if bayes and fit is not None:
        numbers["positive"] = float((fit.pooled() > fit.pooled_spending).mean())
    yield Finding("sure_credible" if bayes else "sure_confidence", numbers)


def _sensible(verdict: Verdict) -> Iterator[Finding]:
    """Return whether the threshold was sensible: what it pays to contracts that save nothing, and that save 3%."""
    false, found, threshold = verdict.false_payment_rate, verdict.detection.get("0.03"), verdict.threshold
    if threshold is None or threshold["rate"] is None:
        yield Finding("sensible_none", {})
        return
    if false is None or found is None:
        yield Finding("sensible_unknown", {})
        return
    level = threshold["level"]
    promised = None if level is None else (1 - level) / (2 if threshold["side"] == "two-sided" else 1)
    often = promised is not None and not may_pay(promised, false["value"], false["se"] or 0.0)
    reach = "in_reach" if found["value"] >= MANY else "out_of_reach"
    yield Finding("sensible_pays_too_often" if often else f"sensible_{reach}", {})
    numbers = {"false": 100 * false["value"], "found": 100 * found["value"], "low": REPORTED[0], "high": REPORTED[1]}
    yield (
        Finding("sensible_rates", numbers)
        if promised is None
        else Finding("sensible_promise", numbers | {"aim": 100 * promised})
    )


def _following(analysis: Analysis) -> Iterator[Finding]:
    """Return what would help next time: the outcome of the advice, and the change that helps most."""
    advice = analysis.result.advice
    if advice is None:
        yield Finding("next_none", {})
        return
    yield Finding(f"next_{advice.outcome.replace(' ', '_')}", {})
    numbers = {"target": advice.rule.target_saving, "found": 100 * advice.detection_rate}
    yield Finding(
        "next_found_of_all" if advice.of_all else "next_found",
        numbers | {"design": analysis.quoted(advice.specification.pair)},
    )
    ladder = analysis.result.tables.get("ladder.csv", pd.DataFrame())
    better = ladder[ladder["detection_rate_difference"] > 0] if len(ladder) else ladder
    if advice.outcome != "feasible" and len(better):
        row = better.sort_values("detection_rate").iloc[-1]
        change = {"block": row["block"], "entry": analysis.entry(row["block"], row["entry"])}
        yield Finding("next_change", change | {"found": 100 * row["detection_rate"], "threshold": row["threshold"]})


def _earned(analysis: Analysis, verdict: Verdict) -> Iterator[Earned]:
    """Return what true savings earn at the threshold that settles."""
    if verdict.false_payment_rate is None:
        return
    rates = {"0": verdict.false_payment_rate} | {s: verdict.detection[s] for s in EARNED if s in verdict.detection}
    fit = analysis.result.counterfactuals.get(analysis.main)
    for saving, rate in rates.items():
        payment, due = verdict.payments.get(saving), None
        if payment is not None and fit is not None:
            due = analysis.share * float(saving) * fit.level
        paid, error = 100 * rate["value"], 100 * (rate["se"] or 0.0)
        yield Earned(float(saving), paid, error, None if payment is None else payment["value"], due)


def _other_limits(analysis: Analysis, verdict: Verdict) -> Iterator[Finding]:
    """Return limits other than failed checks: dependence on the level and on the definition, and spillover."""
    if verdict.measured is None or analysis.hidden:
        return
    rate, table = verdict.measured["rate"], analysis.result.case_thresholds
    if verdict.threshold is not None and len(table):
        rows = rows_of(table, analysis.main)
        rows = rows[(rows["kind"] == verdict.threshold["kind"]) & (rows["side"] == verdict.threshold["side"])]
        for _, row in rows[rows["level"] != verdict.threshold["level"]].iterrows():
            if (rate >= row["rate"]) != (verdict.verdict == REACHED) and math.isfinite(row["rate"]):
                name = "limit_level_paid" if rate >= row["rate"] else "limit_level_unpaid"
                yield Finding(name, {"level": row["level"], "threshold": row["rate"]})
                break
        key = ThresholdKey(*(verdict.threshold[name] for name in ("kind", "level", "side", "prior")))
        same = table[key.rows(table) & table["measured"].notna() & table["rate"].notna()]
        if len(same) > 1:
            paid = int(((same["measured"] > 0) & (same["measured"] >= same["rate"])).sum())
            agree = "limit_agree_paid" if paid else "limit_agree_unpaid"
            yield Finding("limit_definition" if 0 < paid < len(same) else agree, {"n": len(same), "paid": paid})
    yield Finding("limit_spillover", {})
