"""Verdict: the judgement of the case by the threshold that settles; every output that judges takes it from here."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.backtesting.operating_characteristics import DETECTION_SAVINGS
from ssinfer.backtesting.payments_at import PAY_SAVINGS
from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_key
from ssinfer.counterfactual import Counterfactual
from ssinfer.finding import Finding
from ssinfer.study.disclosure import disclosed
from ssinfer.thresholds.kind import CONTRACT, KINDS, ThresholdKey

if TYPE_CHECKING:
    from ssinfer.study.result import StudyResult

DETECTED, POWER = 0.03, 0.8  # true saving, and probability to find it, for which the size is given
REACHED, NOT_REACHED = "reached", "not reached"
type Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """The judgement of the case. Rates are fractions of the benchmark, money is per insured-year unless "in all"."""

    verdict: str | None  # "reached" (the measured saving is positive, its rate at least the threshold), "not reached"
    paid: float | None  # money in all; 0 if nothing is paid, negative if the providers owe, None if nothing is settled
    design: str  # the one that settles, by its own name
    method: str  # the one that settles
    threshold: Numbers | None  # kind, level, side, prior, rate, money; None without a threshold that decides
    measured: Numbers | None  # rate, money, total (in all), se (predictive, of the rate; None for a point estimate)
    interval: Numbers | None  # level, lower, upper of the saving in money; None for a point estimate
    false_payment_rate: Numbers | None  # value, se over `n_judged` placebos by this threshold
    detection: Mapping[str, Numbers]  # the same by true saving
    payments: Mapping[str, Numbers]  # value, se of the mean payment by true saving; empty without sharing
    n_judged: int  # placebos outside the case's neighbours that these rates count
    n_left_out: int  # those that they leave out
    detectable_saving: float | None  # smallest of the true savings that is found in 80%, None if none is
    insured_needed: float | None  # insured-years that find a true saving of 3% in 80%; None: unknown, or none suffices
    advice: Mapping[str, Any] | None  # on the next contract
    currency: str  # of all money
    reasons: tuple[Finding, ...]  # findings on what is missing, and on what must be known beside the numbers

    @property
    def interval_rates(self) -> tuple[float, float] | None:
        """The ends of the interval as fractions of the benchmark; None without an interval."""
        if self.interval is None or self.measured is None or not self.measured["money"]:
            return None
        of_money = self.measured["rate"] / self.measured["money"]
        return self.interval["lower"] * of_money, self.interval["upper"] * of_money

    def document(self) -> dict[str, Any]:
        """Return what finding.json holds: plain values (schema ``finding.v1.json``)."""
        reasons = [{"id": reason.id, "numbers": dict(reason.numbers)} for reason in self.reasons]
        return {"schema_version": 1, **vars(self), "reasons": reasons}


def verdict_of(result: "StudyResult") -> Verdict:
    """Return the judgement of the case of a study, from what may be shown of its result."""
    result = disclosed(result)
    settles: Mapping[str, Any] = result.manifest.get("settles", {"design": "", "method": ""})
    pair = {"design": settles.get("fit", ""), "method": settles["method"]}
    saving, row = _first(result.savings, **pair), _first(result.case_thresholds, **pair, decides=True)
    line = _first(result.settlement, settles=True)
    rate = math.nan if row is None else float(deciding_rates(row.to_frame().T).iloc[0])
    decides, fit = not math.isnan(rate), result.counterfactuals.get((pair["design"], pair["method"]))
    reasons = [*_missing(result, settles, saving, row, rate, line)]
    reasons += _outside_placebos(result, pair, row, rate) if decides else ()
    measured, interval, threshold = None, None, None
    if saving is not None and saving["status"] == "ok":
        money, lower, upper = (float(saving[name]) for name in ("saving", "lower", "upper"))
        total = None if result.panel.insured_years is None else _known(saving["total"])
        error = None if fit is None or fit.uncertainty == "none" else _known(predictive_error(fit))
        measured = {"rate": float(saving["savings_rate"]), "money": money, "total": total, "se": error}
        interval = {"level": 0.95, "lower": lower, "upper": upper} if math.isfinite(lower + upper) else None
    if decides:
        money = row["money"] * rate / row["rate"] if row["rate"] and math.isfinite(rate) else row["money"]
        threshold = {name: _known(row[name]) for name in ("kind", "level", "side", "prior")}
        threshold |= {"rate": _known(rate), "money": _known(money)}
    rates = {f"{s:g}": _estimate(row, f"detection_rate_{100 * s:g}") for s in DETECTION_SAVINGS if decides}
    paid = {f"{s:g}": _estimate(row, f"payment_{100 * s:g}") for s in PAY_SAVINGS if decides}
    detection = {saved: estimate for saved, estimate in rates.items() if estimate}
    found = [float(saved) for saved, estimate in detection.items() if estimate["value"] >= POWER]
    needed = None if row is None else row["insured_needed"]
    if needed is not None and math.isinf(needed):
        reasons.append(Finding("no_size_suffices", {"saving": DETECTED, "chance": POWER}))
    return Verdict(
        verdict=None if measured is None or not decides else REACHED if row["passed"] else NOT_REACHED,
        paid=float(line["payment"]) + 0.0 if settles.get("shares") and line is not None and line["party"] else None,
        design=settles["design"],
        method=settles["method"],
        threshold=threshold,
        measured=measured,
        interval=interval,
        false_payment_rate=_estimate(row, "false_payment_rate") if decides else None,
        detection=detection,
        payments={saved: estimate for saved, estimate in paid.items() if estimate},
        n_judged=int(_known(row["n_rows"]) or 0) if decides else 0,
        n_left_out=int(_known(row["n_left_out"]) or 0) if decides else 0,
        detectable_saving=found[0] if found else None if row is None or detection else _known(row["detectable"]),
        insured_needed=_known(needed),
        advice=None if result.advice is None else result.advice.document(),
        currency=result.currency,
        reasons=tuple(reasons),
    )


def deciding_rates(table: pd.DataFrame) -> "pd.Series[float]":
    """Return the measured rates from which on each threshold pays: a power analysis pays from the detectable saving."""
    pays = np.array([kind == CONTRACT or KINDS.find(kind).pays for kind in table["kind"]], dtype=bool)
    return table["rate"].where(pays, table["detectable"]).astype(float)


def predictive_error(cf: Counterfactual) -> float:
    """Return the predictive standard error of the measured rate; NaN for a point estimate, which has one draw."""
    draws = cf.null_error()
    return float(draws.std()) / cf.level if len(draws) > 1 else float("nan")


def _first(frame: pd.DataFrame, **labels: Any) -> Any:
    """Return the first row with these labels; None if there is none."""
    rows = rows_with(frame, **labels) if labels.keys() <= set(frame.columns) else frame[:0]
    return rows.iloc[0] if len(rows) else None


def _missing(
    result: "StudyResult", settles: Mapping[str, Any], saving: Any, row: Any, rate: float, line: Any
) -> Iterator[Finding]:
    """Yield why there is no measured saving (the first reason in the order of the steps), threshold, or payment."""
    hidden, stated = result.hidden is not None and result.hidden.case, settles.get("threshold")
    if not settles["design"]:
        yield Finding("sensitivity_never_settles", {})
    elif hidden:
        yield Finding("hidden", {"limit": result.suppress_below})
    elif saving is None:
        yield Finding("not_evaluated", {})
    elif saving["status"] != "ok":
        yield Finding(saving["status"], {"reason": saving["reason"]})
    if stated is None:
        yield Finding("no_threshold_stated", {})
    elif not hidden and math.isnan(rate):
        reason = {"kind": stated["kind"]} | ({} if row is None else {"reason": str(row["reason"])})
        yield Finding("no_threshold_learned" if row is None else "no_threshold", reason)
    if not hidden and not settles.get("shares"):
        yield Finding("no_sharing", {})
    elif not hidden and (line is None or not line["party"]):
        yield Finding("not_settled", {"reason": "" if line is None else line["reason"]})


def _outside_placebos(result: "StudyResult", pair: Mapping[str, str], row: Any, rate: float) -> Iterator[Finding]:
    """Yield a finding if the threshold lies outside those of the placebos, with what differs: error or size."""
    if result.backtest is None or row["kind"] not in KINDS.names():
        return
    rows = rows_with(result.backtest.placebos, **pair, role="placebo", status="ok")
    thresholds = thresholds_of_key(rows, ThresholdKey.of(row)) if len(rows) else None
    known = np.empty(0) if thresholds is None else thresholds[~np.isnan(thresholds)]
    if not len(known) or known.min() <= rate <= known.max():
        return
    numbers = {"rate": rate, "lowest": _known(known.min()), "highest": _known(known.max()), "cause": "unknown"}
    if (fit := result.counterfactuals.get((pair["design"], pair["method"]))) is not None:
        own = {"standard_error": predictive_error(fit), "insured_years": float(fit.values("insured_years").sum())}
        for name, value in own.items():
            low, high = float(rows[name].min()), float(rows[name].max())
            if numbers["cause"] == "unknown" and math.isfinite(value) and not low <= value <= high:
                numbers |= {"cause": name, "own": value, "from": low, "to": high}
    yield Finding("case_threshold_outside_placebos", numbers)


def _estimate(row: Any, name: str) -> Numbers | None:
    value = _known(row.get(name))
    return None if value is None else {"value": value, "se": _known(row[f"{name}_se"])}


def _known(value: Any) -> Any:
    """Return a value as JSON has it: None for NaN, infinite and missing numbers."""
    if isinstance(value, str):
        return value
    return None if pd.isna(value) or math.isinf(value) else float(value)
