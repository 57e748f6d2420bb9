"""Frames on the recommended threshold: payment by true saving, and promised and actual false payment rates."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_placebos
from ssinfer.report.analysis import Analysis
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.text.names import threshold_name
from ssinfer.thresholds.kind import KINDS, ThresholdKey

TRUE_SAVINGS = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.10])
SAMPLING_ALONE = ThresholdKey("", 0.95, "two-sided")  # a model without group shock, at the level that is usual


def earnings(analysis: Analysis) -> pd.DataFrame:
    """Return payments by true saving for the one-sided 95% threshold of each kind, under the chosen design.

    The recommended threshold is shown at its own level. Means are over placebos with their own cross-fitted
    thresholds: r + s Y / B >= T pays f max(r + s Y / B, 0) B. A placebo without a threshold of a kind is left out.
    """
    placebos = analysis.placebos(analysis.chosen)
    if not len(placebos) or not class_is_visible(placebos["unit"].nunique()):
        return pd.DataFrame()
    best = analysis.recommended
    levels = (0.95,) if best is None or best.level in (None, 0.95) else (0.95, best.level)
    benchmark = placebos["benchmark"].to_numpy(dtype=float)
    relative = placebos["spending"].to_numpy(dtype=float) / benchmark
    measured = placebos["savings_rate"].to_numpy(dtype=float) + TRUE_SAVINGS[:, None] * relative  # (saving, placebo)
    parts = []
    for key, threshold in thresholds_of_placebos(placebos, levels).items():
        usual = key.level == 0.95 or KINDS.find(key.kind).learns_from == "size"
        usual = usual and key.side == "one-sided" and not key.informed
        if not (usual or key == best):
            continue
        known = ~np.isnan(threshold)
        paid = (measured >= threshold)[:, known]
        payment = np.where(paid, analysis.share * np.maximum(measured[:, known], 0.0) * benchmark[known], 0.0)
        columns = {"true_saving": TRUE_SAVINGS, "paid": paid.mean(axis=1), "payment": payment.mean(axis=1)}
        columns |= {"threshold": threshold_name(key, short=True), "recommended": key == best}
        parts.append(pd.DataFrame({**columns, "order": KINDS.names().index(key.kind)}))
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True).sort_values("order", kind="stable").drop(columns="order")
    due = analysis.share * table["true_saving"] * float(placebos["spending"].mean())
    return table.assign(design=analysis.label(analysis.chosen), currency=analysis.result.currency, due=due)


def false_payments(analysis: Analysis) -> pd.DataFrame:
    """Return one row per threshold and design.

    Thresholds are one-sided, and two-sided at 95%, which is usual with models. A two-sided 90% threshold of a model is
    its one-sided 95% threshold. The recommended threshold is always among them.
    """
    records: list[dict[str, Any]] = []
    for pair in analysis.pairs:
        labels = {"design": analysis.label(pair), "main": pair == analysis.chosen}
        backtested = analysis.backtested(pair)
        if len(backtested) and pair in analysis.noise:
            noise = analysis.noise[pair].own_k
            name = "Sampling noise alone 95%, two-sided"
            records.append({**labels, **_record(name, SAMPLING_ALONE, noise.above, noise.above_se, 0)})
        for _, row in backtested.iterrows():
            key = ThresholdKey.of(row)
            recommended = key == analysis.recommended
            if _usual(key) or recommended:
                name = threshold_name(key) + (" (recommended)" if recommended else "")
                rate, error = float(row["false_payment_rate"]), float(row["false_payment_rate_se"])
                order = 1 + KINDS.names().index(key.kind)
                records.append({**labels, **_record(name, key, rate, error, order)})
    if not records:
        return pd.DataFrame()
    table = pd.DataFrame(records).sort_values(["order", "informed", "falling"], kind="stable")
    return table[["threshold", "promised", "design", "rate", "standard_error", "main"]]


def _usual(key: ThresholdKey) -> bool:
    """Return whether the figure shows a threshold that is not recommended."""
    if key.side == "one-sided":
        return not key.informed or key.level == 0.95
    return KINDS.find(key.kind).learns_from == "fit" and key.level == 0.95 and not key.informed


def _record(name: str, key: ThresholdKey, rate: float, error: float, order: int) -> dict[str, Any]:
    """Return the cells of a threshold, with the columns that order it in the figure."""
    promised = key.promised_rate
    return {
        "threshold": name,
        "promised": float("nan") if promised is None else promised,
        "rate": rate,
        "standard_error": error,
        "order": order,
        "informed": key.informed,
        "falling": 0.0 if promised is None else -promised,
    }


FRAME = (
    ReportFigure("earnings", "which-threshold", 10, earnings),
    ReportFigure("false_payments", "which-threshold", 20, false_payments),
)
