"""Table of the thresholds of the contract group under the design that settles, and what they pay at its size."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ssinfer.printed import listed, money, percent, total
from ssinfer.report.analysis import Analysis, rows_of
from ssinfer.report.table import DETECTION_RATE, NoTable, ReportTable, TableColumn
from ssinfer.report.text.names import threshold_name
from ssinfer.study.case_thresholds import deciding_rates
from ssinfer.study.frames import CONTRACT
from ssinfer.thresholds.kind import KINDS, ThresholdKey


def _rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per threshold, by kind, level and side."""
    thresholds = rows_of(analysis.result.case_thresholds, analysis.main)
    if not len(thresholds):
        return pd.DataFrame()
    reasons = thresholds["reason"].unique()
    thresholds = thresholds[np.isfinite(thresholds["rate"].to_numpy(dtype=float))]
    if not len(thresholds):
        return NoTable(f"The contract group has no threshold. {' '.join(reasons)}")
    pays = thresholds["kind"].map(lambda kind: kind == CONTRACT or KINDS.find(kind).pays).astype(bool)
    thresholds = thresholds[pays | thresholds["decides"].astype(bool)]
    rates = deciding_rates(thresholds)
    money = thresholds["money"] * rates / thresholds["rate"].where(thresholds["rate"] != 0, 1.0)
    thresholds = thresholds.assign(
        rate=rates, money=money, order=thresholds["kind"].map([CONTRACT, *KINDS.names()].index)
    )
    thresholds = thresholds.sort_values(["order", "level", "side"], ascending=[True, False, True], kind="stable")
    keys = [ThresholdKey.of(row) for _, row in thresholds.iterrows()]
    names = [threshold_name(key) for key in keys]
    promised = np.array([np.nan if key.level is None else 1 - key.tail for key in keys])
    return thresholds.assign(name=names, promised=promised)


def _remarks(analysis: Analysis, rows: pd.DataFrame) -> Iterator[str]:
    """Return the design, the expected systematic error, and the kinds that are not available with their reasons."""
    yield (
        f"Under the design {analysis.quoted(analysis.main)}. A two-sided 95% interval promises 2.5% false payments: "
        "it is a one-sided 97.5% test. Medicare's schedule promises about 10% at 5,000 assigned persons, 5% at 20,000 "
        "and 1% at 50,000. These thresholds do not hold for another kind of group: see below."
    )
    errors = rows[rows["systematic_error"].notna()] if "systematic_error" in rows.columns else rows[:0]
    for _, row in errors[:1].iterrows():
        amount, currency = float(row["systematic_error_money"]), analysis.result.currency
        years = analysis.insured_years(analysis.main)
        in_total = "" if years is None else f" ({total(amount * years, currency)} in total)"
        yield (
            "Expected systematic error of the contract group's saving, learned from the placebos: "
            f"{percent(float(row['systematic_error']))} of the benchmark, {money(amount, currency)} per "
            f"insured-year{in_total}, in either direction."
        )
    if rows["false_payment_rate"].isna().any():
        yield "A dash below the rates on placebos: no placebo contract is judged, or no backtest was run."
    everything = rows_of(analysis.result.case_thresholds, analysis.main)
    missing = everything[~np.isfinite(everything["rate"].to_numpy(dtype=float))]
    for reason, part in missing.groupby("reason", sort=False) if "reason" in missing.columns else ():
        labels = list(dict.fromkeys(str(KINDS.find(kind).label) for kind in part["kind"]))
        yield f"Not available: {listed(labels)}. {reason}"


TABLES = ReportTable(
    name="thresholds",
    section="thresholds-section",
    order=10,
    caption="Thresholds by kind",
    columns=(
        TableColumn("Threshold", "name"),
        TableColumn("For the contract group (% of benchmark)", "rate", "percent", 1),
        TableColumn("Its Monte Carlo error, at most (% of benchmark)", "rate_mcse", "percent", 2),
        TableColumn("In money per insured-year", "money", "money"),
        TableColumn("Promised false payment rate (%)", "promised", "percent", 1),
        TableColumn("False payment rate on placebos (%)", "false_payment_rate", "percent"),
        DETECTION_RATE,
        TableColumn("Settles", "decides", "yes or no"),
    ),
    rows=_rows,
    remarks=_remarks,
)
