"""Verdict: the judgement of the case by the threshold that settles; every output that judges takes it from here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.operating_characteristics import DETECTION_SAVINGS
from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_key
from ssinfer.finding import Finding
from ssinfer.study.case_thresholds import DETECTED, POWER, deciding_rates, predictive_error
from ssinfer.study.disclosure import disclosed
from ssinfer.thresholds.kind import KINDS, ThresholdKey

if TYPE_CHECKING:
    from ssinfer.study.result import StudyResult

REACHED, NOT_REACHED = "reached", "not reached"
type Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """The judgement of the case. Rates are fractions of the benchmark, money is per insured-year unless "in all".

    Attributes
    ----------
    verdict : "reached" (the measured saving is positive, its rate at least the threshold), "not reached", or None
    paid : money in all; 0 if nothing is paid, negative if the providers owe, None if nothing is settled
    design, method : those that settle; the design's own name
    threshold : kind, level, side, prior, rate, money; None without a threshold that decides
    measured : rate, money, total (in all), se (predictive standard error of the rate; None for a point estimate)
    interval : level, lower, upper of the saving in money; None for a point estimate
    false_payment_rate, detection : value, se over `n_judged` placebos by this threshold; detection by true saving
    n_judged, n_left_out : placebos outside the case's neighbours that these rates count and leave out
    detectable_saving : smallest of the true savings that is found in 80%, None if none is
    insured_needed : insured-years at which a true saving of 3% is found in 80%; None: unknown, or no size suffices
    advice, currency : on the next contract, or None; currency of all money
    reasons : findings on what is missing, and on what must be known beside the numbers
    """

    verdict: str | None
    paid: float | None
    design: str
    method: str
    threshold: Numbers | None
    measured: Numbers | None
    interval: Numbers | None
    false_payment_rate: Numbers | None
    detection: Mapping[str, Numbers]
    n_judged: int
    n_left_out: int
    detectable_saving: float | None
    insured_needed: float | None
    advice: Mapping[str, Any] | None
    currency: str
    reasons: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """Return what finding.json holds: plain values (schema ``finding.v1.json``)."""
        reasons = [{"id": reason.id, "numbers": dict(reason.numbers)} for reason in self.reasons]
        return {"schema_version": 1, **vars(self), "reasons": reasons}


def verdict_of(result: "StudyResult") -> Verdict:
    """Return the judgement of the case of a study, from what may be shown of its result."""
    result = disclosed(result)
    settles: Mapping[str, Any] = result.manifest.get("settles", {"design": "", "method": ""})
    pair, stated = (settles.get("fit", ""), settles["method"]), settles.get("threshold")
    saving = _only(result.savings, pair)
    reasons = _why_not_measured(result, settles, saving)
    hidden = result.hidden is not None and result.hidden.case
    row = None if hidden else _only(result.case_thresholds, pair, "decides")
    rate = math.nan if row is None else float(deciding_rates(row.to_frame().T).iloc[0])
    if stated is None:
        reasons.append(Finding("no_threshold_stated", {}))
    elif math.isnan(rate) and not hidden:
        why = "" if row is None else str(row["reason"])
        reasons.append(Finding("no_threshold", {"kind": stated["kind"], "reason": why}))
    measured = None if hidden or saving is None or saving["status"] != "ok" else _measured(result, pair, saving)
    judged = measured is not None and not math.isnan(rate) and row is not None
    paid, not_settled = (None, []) if hidden else _paid(result.settlement, bool(settles.get("shares")))
    reasons += not_settled
    threshold, detection, counts = None, dict[str, Numbers](), {"n_rows": 0, "n_left_out": 0}
    if row is not None and not math.isnan(rate):
        key = {name: _known(row[name]) for name in ("kind", "level", "side", "prior")}
        money = row["money"] * rate / row["rate"] if row["rate"] and math.isfinite(rate) else row["money"]
        threshold = {**key, "rate": _known(rate), "money": _known(money)}
        counts = {name: int(_known(row[name]) or 0) for name in counts}
        detection = {f"{s:g}": e for s in DETECTION_SAVINGS if (e := _estimate(row, f"detection_rate_{100 * s:g}"))}
        reasons += _outside_placebos(result, pair, row, rate)
    found = [s for s, estimate in detection.items() if estimate["value"] >= POWER]
    needed = None if row is None else row["insured_needed"]
    if needed is not None and math.isinf(needed):
        reasons.append(Finding("no_size_suffices", {"saving": DETECTED, "chance": POWER}))
    from_fit = None if row is None or detection else _known(row["detectable"])
    return Verdict(
        verdict=(REACHED if row["passed"] else NOT_REACHED) if judged and row is not None else None,
        paid=paid,
        design=settles["design"],
        method=settles["method"],
        threshold=threshold,
        measured=measured,
        interval=None if measured is None or saving is None else _interval(saving),
        false_payment_rate=None if row is None else _estimate(row, "false_payment_rate"),
        detection=detection,
        n_judged=counts["n_rows"],
        n_left_out=counts["n_left_out"],
        detectable_saving=float(found[0]) if found else from_fit,
        insured_needed=_known(needed),
        advice=None if result.advice is None else result.advice.document(),
        currency=result.currency,
        reasons=tuple(reasons),
    )


def _only(frame: pd.DataFrame, pair: tuple[str, str], flag: str = "") -> "pd.Series[Any] | None":
    """Return the one row of a design and method, with a flag; None if there is none."""
    if not {"design", "method", *([flag] if flag else [])} <= set(frame.columns):
        return None
    rows = frame[(frame["design"] == pair[0]) & (frame["method"] == pair[1])]
    rows = rows[rows[flag].astype(bool)] if flag else rows
    return rows.iloc[0] if len(rows) else None


def _why_not_measured(result: "StudyResult", settles: Mapping[str, Any], saving: Any) -> list[Finding]:
    """Return why there is no measured saving: of several reasons, the first in the order of the steps."""
    if not settles["design"]:
        return [Finding("sensitivity_never_settles", {})]
    if result.hidden is not None and result.hidden.case:
        return [Finding("hidden", {"limit": result.suppress_below})]
    if saving is None:
        return [Finding("not_evaluated", {})]
    return [] if saving["status"] == "ok" else [Finding(saving["status"], {"reason": saving["reason"]})]


def _measured(result: "StudyResult", pair: tuple[str, str], saving: Any) -> Numbers:
    fit = result.counterfactuals.get(pair)
    error = None if fit is None or fit.uncertainty == "none" else _known(predictive_error(fit))
    total = None if result.panel.insured_years is None else _known(saving["total"])
    return {"rate": float(saving["savings_rate"]), "money": float(saving["saving"]), "total": total, "se": error}


def _interval(saving: Any) -> Numbers | None:
    lower, upper = float(saving["lower"]), float(saving["upper"])
    return {"level": 0.95, "lower": lower, "upper": upper} if math.isfinite(lower + upper) else None


def _paid(settlement: pd.DataFrame, shares: bool) -> tuple[float | None, list[Finding]]:
    """Return what is paid in all, or why nothing is settled."""
    if not shares:
        return None, [Finding("no_sharing", {})]
    rows = settlement[settlement["settles"].astype(bool)] if len(settlement) else settlement
    if not len(rows) or rows["party"].iloc[0] == "":
        return None, [Finding("not_settled", {"reason": rows["reason"].iloc[0] if len(rows) else ""})]
    return float(rows["payment"].iloc[0]) + 0.0, []


def _outside_placebos(result: "StudyResult", pair: tuple[str, str], row: Any, rate: float) -> list[Finding]:
    """Return a finding if the threshold lies outside those of the placebos, with what differs: error or size."""
    if result.backtest is None or row["kind"] not in KINDS.names():
        return []
    rows = result.backtest.placebos
    of_pair = (rows["design"] == pair[0]) & (rows["method"] == pair[1])
    rows = rows[of_pair & (rows["role"] == "placebo") & (rows["status"] == "ok")]
    thresholds = thresholds_of_key(rows, ThresholdKey.of(row)) if len(rows) else None
    known = np.empty(0) if thresholds is None else thresholds[~np.isnan(thresholds)]
    if not len(known) or known.min() <= rate <= known.max():
        return []
    numbers: dict[str, Any] = {"rate": rate, "lowest": _known(known.min()), "highest": _known(known.max())}
    numbers["cause"], own = "unknown", dict[str, float]()
    if (fit := result.counterfactuals.get(pair)) is not None:
        own = {"standard_error": predictive_error(fit), "insured_years": float(fit.values("insured_years").sum())}
    for name, value in own.items():
        low, high = rows[name].min(), rows[name].max()
        if math.isfinite(value) and not low <= value <= high:
            numbers |= {"cause": name, "own": value, "from": float(low), "to": float(high)}
            break
    return [Finding("case_threshold_outside_placebos", numbers)]


def _estimate(row: Any, name: str) -> Numbers | None:
    value = _known(row.get(name))
    return None if value is None else {"value": value, "se": _known(row[f"{name}_se"])}


def _known(value: Any) -> Any:
    """Return a value as JSON has it: None for NaN, infinite and missing numbers."""
    if isinstance(value, str):
        return value
    return None if pd.isna(value) or math.isinf(value) else float(value)
