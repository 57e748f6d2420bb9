"""Frame of the figure of promised and actual false payment rates."""

from typing import Any

import pandas as pd

from ssinfer.report.analysis import Analysis
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.text.names import threshold_name
from ssinfer.thresholds.kind import KINDS, ThresholdKey

SAMPLING_ALONE = ThresholdKey("", 0.95, "two-sided")  # a model without group shock, at the level that is usual


def frame(analysis: Analysis) -> pd.DataFrame:
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


FRAME = ReportFigure(name="false_payments", section="which-threshold", order=20, frame=frame)
