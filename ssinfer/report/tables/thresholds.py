"""Section on the thresholds of the contract group under the design that settles, and what they pay at its size."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable
from ssinfer.study.queries import rows_of
from ssinfer.study.verdict import deciding_rates
from ssinfer.thresholds.kind import CONTRACT, KINDS, ThresholdKey
from ssinfer.thresholds.names import kind_in_words, kind_name, threshold_name

COLUMNS = (
    "name rate:percent:1 rate_mcse:percent:2 money:money promised:percent:1 false_payment_rate:percent "
    "detection_rate_3:percent decides:word"
)


def _rows(analysis: Analysis) -> pd.DataFrame | Finding:
    """Return one row per threshold, by kind, level and side."""
    thresholds = rows_of(analysis.result.case_thresholds, analysis.main)
    if not len(thresholds):
        return thresholds
    reasons = " ".join(thresholds["reason"].unique())
    thresholds = thresholds[np.isfinite(thresholds["rate"].to_numpy(dtype=float))]
    if not len(thresholds):
        return Finding("table.thresholds.without", {"reason": reasons})
    pays = thresholds["kind"].map(lambda kind: kind == CONTRACT or KINDS.find(kind).pays).astype(bool)
    thresholds = thresholds[pays | thresholds["decides"].astype(bool)]
    rates = deciding_rates(thresholds)
    money = thresholds["money"] * rates / thresholds["rate"].where(thresholds["rate"] != 0, 1.0)
    order = thresholds["kind"].map([CONTRACT, *KINDS.names()].index)
    thresholds = thresholds.assign(rate=rates, money=money, order=order)
    thresholds = thresholds.sort_values(["order", "level", "side"], ascending=[True, False, True], kind="stable")
    keys = [ThresholdKey.of(row) for _, row in thresholds.iterrows()]
    promised = np.array([np.nan if key.level is None else 1 - key.tail for key in keys])
    return thresholds.assign(name=[*map(threshold_name, keys)], promised=promised)


def _remarks(analysis: Analysis, rows: pd.DataFrame) -> Iterator[Finding]:
    """Return the design, the expected systematic error, and the kinds that are not available with their reasons."""
    yield Finding("table.thresholds.design", {"design": analysis.quoted(analysis.main)})
    errors = rows[rows["systematic_error"].notna()] if "systematic_error" in rows.columns else rows[:0]
    for _, row in errors[:1].iterrows():
        amount, years = float(row["systematic_error_money"]), analysis.insured_years(analysis.main)
        numbers = {"rate": float(row["systematic_error"]), "amount": amount}
        total = {} if years is None else {"total": amount * years}
        yield Finding(f"table.thresholds.systematic{'_total' if total else ''}", {**numbers, **total})
    if rows["false_payment_rate"].isna().any():
        yield Finding("table.thresholds.not_judged", {})
    everything = rows_of(analysis.result.case_thresholds, analysis.main)
    missing = everything[~np.isfinite(everything["rate"].to_numpy(dtype=float))]
    for reason, part in missing.groupby("reason", sort=False) if "reason" in missing.columns else ():
        names = dict.fromkeys(kind_name(kind) for kind in part["kind"])
        yield Finding("table.thresholds.missing", {"kinds": [*names], "reason": reason})


def thresholds_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return the kinds of threshold that pay contracts without savings no more often than promised, and the others."""
    kinds: dict[bool, list[str]] = {True: [], False: []}
    for kind, kept in analysis.kept_promises().items():
        kinds[kept].append(kind_in_words(kind))
    if any(kinds.values()):
        name = "lead_promise_some" if all(kinds.values()) else f"lead_promise_{'all' if kinds[True] else 'none'}"
        yield Finding(name, {"kept": kinds[True], "broken": kinds[False]})


TABLES = ReportTable("thresholds", "thresholds-section", 10, _rows, COLUMNS, _remarks)
