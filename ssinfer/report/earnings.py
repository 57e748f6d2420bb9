"""The numbers of the figure "what a true saving earns, and how often"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.backtesting.gates import gates
from ssinfer.report.data import EarningCurve, Earnings
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.pairs import label_of, placebo_rows
from ssinfer.report.words import KIND_ORDER, KINDS

if TYPE_CHECKING:
    from ssinfer.report.pairs import Pair
    from ssinfer.study import StudyResult

TRUE_SAVINGS = np.linspace(0.0, 0.10, 41)
DEFAULT_SHARE = 0.5


def share_of(result: StudyResult) -> float:
    """Return the sharing rate that the study's backtest used."""
    return float(result.manifest.get("share", DEFAULT_SHARE))


def earnings_of(result: StudyResult, pair: Pair) -> Earnings | None:
    """Return payment and bonus by true saving for the one-sided 95% threshold of each kind, and the schedule.

    Means over placebos with their own (cross-fitted) gates: r + s Y / B >= T pays f max(r + s Y / B, 0) B.
    """
    ok = placebo_rows(result, pair)
    if not len(ok) or not class_is_visible(ok["unit"].nunique()):
        return None
    share = share_of(result)
    bbar = ok["benchmark"].to_numpy(dtype=float)
    relative = ok["spending"].to_numpy(dtype=float) / bbar
    measured = ok["savings_rate"].to_numpy(dtype=float) + TRUE_SAVINGS[:, None] * relative  # (saving, placebo)
    found = []
    for (kind, _, side, prior), gate in gates(ok, (0.95,)).items():
        if side != "one-sided" or prior not in ("", "flat"):
            continue
        known = ~np.isnan(gate)  # a placebo without a gate of this kind is left out, as in the tables
        paid = (measured >= gate)[:, known]
        bonus = np.where(paid, share * np.maximum(measured[:, known], 0.0) * bbar[known], 0.0)
        name = KINDS[kind] if kind == "schedule" else f"{KINDS[kind]} 95%"
        found.append((KIND_ORDER.index(kind), EarningCurve(name, paid.mean(axis=1), bonus.mean(axis=1))))
    if not found:
        return None
    found.sort(key=lambda one: one[0])
    due = share * TRUE_SAVINGS * float(ok["spending"].mean())
    return Earnings(label_of(result, pair), result.currency, TRUE_SAVINGS, due, tuple(curve for _, curve in found))
