"""The first page, which a board reads: verdict, picture, what a true saving earns, three answers, and the limits."""

import math
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pandas as pd

from ssinfer.figures.axis import axis_of
from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.tables.provisional import settling_row
from ssinfer.report.tables.term import term_total
from ssinfer.report.text.finding import measured_finding, reason_finding
from ssinfer.study.limits import (
    REPORTED,
    failed_checks,
    known_truth,
    level_dependence,
    other_limits,
    sureness,
    threshold_sense,
)
from ssinfer.study.next_contract import next_contract
from ssinfer.study.verdict import REACHED, Verdict

EARNED = ("0.03", "0.05", "0.1")  # true savings of the table, as the verdict has them
ALL = 0.995  # a share that prints as less than 100%


def first_page(analysis: Analysis) -> SimpleNamespace:
    """Return the first page of an analysed result without its words: numbers and findings.

    - meta : contract, period, insured and definition of spending
    - verdict, proof : what is paid and why; how it is computed, or what it does not prove
    - measured, threshold, interval : as in `Verdict`; `interval` as fractions of the benchmark
    - axis, picture : axis of the picture, None without a measured saving and without a threshold; its text alternative
    - sure, sensible, following : findings that answer a question; the first is the short answer
    - earned, notes : what true savings earn; findings below that table
    - limits : limits of the answer: the known true saving, dependence on the level, failed checks, others
    - failed : number of failed checks of the design and method that settle
    """
    verdict = analysis.verdict
    measured, threshold, interval = verdict.measured, verdict.threshold, verdict.interval_rates
    known = [*REPORTED, *(interval or ())]
    known += [part["rate"] for part in (measured, threshold) if part is not None and part["rate"] is not None]
    falls = float(analysis.placebos(analysis.main).get("elasticity", pd.Series([1.0])).mean())
    failed, earned = failed_checks(analysis), tuple(_earned(analysis, verdict, falls))
    return SimpleNamespace(
        meta=tuple(_meta(analysis)),
        verdict=term_total(analysis) or _verdict(verdict),
        proof=tuple(_proof(analysis, verdict)),
        measured=measured,
        threshold=threshold,
        interval=interval,
        axis=None if measured is None and threshold is None else axis_of(known),
        picture=_picture(measured, threshold, interval),
        sure=tuple(sureness(analysis)),
        sensible=tuple(threshold_sense(verdict)),
        following=tuple(next_contract(analysis)),
        earned=earned,
        notes=tuple(_earned_notes(analysis, verdict, falls, earned)),
        limits=(*known_truth(analysis), *level_dependence(analysis), *failed, *other_limits(analysis)),
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
    if agreed := analysis.result.manifest.get("agreement"):
        ending = f"_{agreed['late']}" if agreed["late"] else ""
        yield Finding(f"meta.agreement{ending}", {**agreed, "hash": agreed["hash"][:12]})


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
    """Return what stands below the verdict: how the payment is computed, what is not proven, or what is known."""
    years, measured = analysis.insured_years(analysis.main), verdict.measured
    if (row := settling_row(analysis)) is not None:
        known = "_paid" if not math.isnan(row["paid"]) else "" if math.isnan(row["reaches"]) else "_threshold"
        yield Finding(f"provisional{known}", {str(name): value for name, value in row.items()})
    total = measured["total"] if measured is not None and years is not None and term_total(analysis) is None else None
    if verdict.verdict is None:
        reasons = map(partial(reason_finding, analysis), verdict.reasons[:1])
        yield from measured_finding(analysis) if measured else reasons
    elif verdict.paid and measured and total:
        numbers = {"years": years, "money": abs(measured["money"]), "share": verdict.paid / total}
        yield Finding("paid_by", numbers | {"paid": abs(verdict.paid)})
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


def _earned(analysis: Analysis, verdict: Verdict, falls: float) -> Iterator[SimpleNamespace]:
    """Return what true savings earn at the threshold that settles.

    They are paid contracts of 100 with their standard error (at least 1; None: none is known, or all are paid), and per
    insured-year the mean payment over all 100 and the shared part of the counted saving (None: unknown).
    """
    if verdict.false_payment_rate is None:
        return
    rates = {"0": verdict.false_payment_rate} | {s: verdict.detection[s] for s in EARNED if s in verdict.detection}
    fit = analysis.result.counterfactuals.get(analysis.main)
    for saving, rate in rates.items():
        payment = verdict.payments.get(saving)
        yield SimpleNamespace(
            saving=float(saving),
            paid=100 * rate["value"],
            error=max(100 * rate["se"], 1.0) if rate["se"] else None,
            payment=None if payment is None else payment["value"],
            due=None if payment is None or fit is None else analysis.share * float(saving) * falls * fit.level,
        )


def _earned_notes(analysis: Analysis, verdict: Verdict, falls: float, earned: Any) -> Iterator[Finding]:
    """Return what stands below what true savings earn: whose savings, of which spending, and the errors."""
    settles = analysis.compared[analysis.compared["settles"].astype(bool)]
    counted = float(settles["share_of_spending"].iloc[0]) if len(settles) else math.nan
    yield Finding("first.paid_note", {})
    if earned and earned[0].payment is not None:
        yield Finding("first.earns_note", {"share": analysis.share})
    if falls < ALL:
        yield Finding("first.truncated", {"tenth": 10 * falls})
        if verdict.threshold is not None and verdict.threshold["rate"] is not None:
            yield Finding("first.truncated_threshold", {"needed": verdict.threshold["rate"] / falls})
    elif counted < ALL:
        yield Finding("first.counted", {"share": counted})
    yield Finding("first.error", {})
