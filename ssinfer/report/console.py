"""The design table on the console: what a study found, a row per design and method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.study.result import StudyResult


def design_table(result: StudyResult) -> str:
    """Return the design table as text: bias, spread, honest threshold, false payments, detection, and the case."""
    lines = []
    for name, label in result.design_labels.items():
        lines.append(f"design {name}: {label}")
    if result.backtest is not None:
        lines += ["", *_backtest_rows(result)]
        lines.append(
            "threshold: one-sided 95% from placebos, cross-fitted; detection at a true 3% and 5% with that threshold; "
            "± one block-bootstrap standard error"
        )
    if len(result.savings):
        lines += ["", *_case_rows(result)]
    return "\n".join(lines)


def _backtest_rows(result: StudyResult) -> list[str]:
    assert result.backtest is not None  # noqa: S101  (asked by the caller)
    scores, thresholds = result.backtest.scores, result.backtest.thresholds
    head = f"{'design':<8}{'method':<32}{'fits':>6}{'bias %':>14}{'SD %':>12}{'threshold %':>13}{'paid at 0 %':>16}"
    rows = [head + f"{'found at 3 %':>15}{'at 5 %':>14}"]
    for (design, method), part in scores[scores["size_class"] == "all"].groupby(["design", "method"], sort=False):
        one = part.iloc[0]
        gate = thresholds[
            (thresholds["design"] == design)
            & (thresholds["method"] == method)
            & (thresholds["size_class"] == "all")
            & (thresholds["kind"] == "placebo")
            & (thresholds["level"] == 0.95)
            & (thresholds["side"] == "one-sided")
        ]
        text = f"{design:<8}{method:<32}{int(one['n_rows']):>6}"
        if "bias" in one and one["bias"] == one["bias"]:
            text += f"{_pm(one, 'bias', 'bias_mcse'):>14}{_pm(one, 'sd', 'sd_mcse'):>12}"
        if len(gate):
            row = gate.iloc[0]
            text += f"{100 * row['threshold']:>13.2f}{_pm(row, 'false_payment_rate', None, 1):>16}"
            text += f"{_pm(row, 'detection_rate_3', None, 0):>15}{_pm(row, 'detection_rate_5', None, 0):>14}"
        rows.append(text)
    return rows


def _case_rows(result: StudyResult) -> list[str]:
    rows = ["the case:"]
    for _, row in result.savings.iterrows():
        if row["status"] != "ok":
            rows.append(f"{row['design']:<8}{row['method']:<32}{row['status']}: {row['reason']}")
            continue
        known = math.isfinite(row["lower"])
        interval = f"95% interval {row['lower']:,.0f} to {row['upper']:,.0f}" if known else "no interval"
        rows.append(
            f"{row['design']:<8}{row['method']:<32}benchmark {result.currency} {row['benchmark']:,.0f}, spending "
            f"{row['spending']:,.0f}: saving {row['saving']:,.0f} per insured-year ({100 * row['savings_rate']:.1f}%), "
            f"{interval}"
        )
    return rows


def _pm(row: pd.Series, name: str, error: str | None, digits: int = 2) -> str:
    se = row[error or f"{name}_se"]
    text = f"{100 * row[name]:.{digits}f}"
    return f"{text} ±{100 * se:.{digits}f}" if math.isfinite(se) else text
