"""Frames of the advice: payment by true saving, and promised and actual false payment rates."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_placebos
from ssinfer.report.analysis import Analysis, Pair
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.text.names import threshold_name
from ssinfer.sentences import say
from ssinfer.thresholds.kind import KINDS, ThresholdKey

TRUE_SAVINGS = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.10])
SAMPLING_ALONE = ThresholdKey("", 0.95, "two-sided")  # a model without group shock, at the level that is usual


def earnings(analysis: Analysis) -> pd.DataFrame:
    """Return payments by true saving for one-sided 95% thresholds and the advised one, under the advised design."""
    pair = _shown(analysis)
    placebos = analysis.placebos(pair)
    if not len(placebos):
        return pd.DataFrame()
    best = None if analysis.advised is None else analysis.advised.threshold
    levels = (0.95,) if best is None or best.level in (None, 0.95) else (0.95, best.level)
    benchmark = placebos["benchmark"].to_numpy(dtype=float)
    relative = placebos["spending"].to_numpy(dtype=float) / benchmark
    measured = placebos["savings_rate"].to_numpy(dtype=float) + TRUE_SAVINGS[:, None] * relative  # (saving, placebo)
    parts = []
    thresholds = thresholds_of_placebos(placebos, levels)
    for key in sorted(thresholds, key=lambda key: KINDS.names().index(key.kind)):
        usual = key.level == 0.95 or KINDS.find(key.kind).learns_from == "size"
        usual = usual and key.side == "one-sided" and not key.informed
        if not (usual or key == best):
            continue
        known = ~np.isnan(thresholds[key])
        paid = (measured >= thresholds[key])[:, known]
        payment = np.where(paid, analysis.share * np.maximum(measured[:, known], 0.0) * benchmark[known], 0.0)
        columns = {"true_saving": TRUE_SAVINGS, "paid": paid.mean(axis=1), "payment": payment.mean(axis=1)}
        parts.append(pd.DataFrame({**columns, "threshold": threshold_name(key, short=True), "advised": key == best}))
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    due = analysis.share * table["true_saving"] * float(placebos["spending"].mean())
    return table.assign(design=analysis.label(pair), currency=analysis.result.currency, due=due)


def false_payments(analysis: Analysis) -> pd.DataFrame:
    """Return one row per threshold and design: one-sided, two-sided 95% of models, and the advised threshold."""
    entries: list[tuple[ThresholdKey, tuple[Any, ...]]] = []
    for pair in analysis.pairs:
        design, main = analysis.label(pair), pair == _shown(analysis)
        backtested = analysis.backtested(pair)
        if len(backtested) and pair in analysis.noise:
            name, noise = say("figure.false_payments.sampling"), analysis.noise[pair].own_k
            entries.append((SAMPLING_ALONE, (name, design, noise.above, noise.above_se, main)))
        for _, row in backtested.iterrows():
            key = ThresholdKey.of(row)
            advised = analysis.advised is not None and key == analysis.advised.threshold
            if _usual(key) or advised:
                name = threshold_name(key)
                name = say("figure.false_payments.advised", name=name) if advised else name
                rate, error = float(row["false_payment_rate"]), float(row["false_payment_rate_se"])
                entries.append((key, (name, design, rate, error, main)))
    kinds = ["", *KINDS.names()]
    entries.sort(key=lambda entry: (kinds.index(entry[0].kind), entry[0].informed, -(entry[0].promised_rate or 0.0)))
    frame = pd.DataFrame([row for _, row in entries], columns=["threshold", "design", "rate", "standard_error", "main"])
    return frame.assign(promised=pd.Series([key.promised_rate for key, _ in entries], dtype=float))


def _shown(analysis: Analysis) -> Pair:
    """Return the advised design and method; those that settle without advice."""
    return analysis.main if analysis.advised is None else analysis.advised.pair


def _usual(key: ThresholdKey) -> bool:
    """Return whether the figure shows a threshold that is not advised."""
    if key.side == "one-sided":
        return not key.informed or key.level == 0.95
    return KINDS.find(key.kind).learns_from == "fit" and key.level == 0.95 and not key.informed


FRAME = (
    ReportFigure("earnings", "advice", 10, earnings, "placebos.parquet"),
    ReportFigure("false_payments", "advice", 20, false_payments, "thresholds.csv"),
)
