"""The numbers of the figure "what a true saving earns, and how often"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_placebos
from ssinfer.figures.data import EarningCurve, Earnings
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.text.names import KIND_ORDER, KINDS
from ssinfer.report.text.pairs import label_of, placebo_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult

TRUE_SAVINGS = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.10])
DEFAULT_SHARE = 0.5
KEY = ("kind", "side", "prior")


def share_of(result: StudyResult) -> float:
    """Return the sharing rate that the study's backtest used."""
    return float(result.manifest.get("share", DEFAULT_SHARE))


def earnings_of(result: StudyResult, pair: Pair, best: Mapping[str, Any] | None = None) -> Earnings | None:
    """Return payment and bonus by true saving for the one-sided 95% threshold of each kind, and the schedule.

    `best` is the recommended threshold (keys of a choice), which is shown whatever its level. Means over placebos with
    their own (cross-fitted) gates: r + s Y / B >= T pays f max(r + s Y / B, 0) B.
    """
    ok = placebo_rows(result, pair)
    if not len(ok) or not class_is_visible(ok["unit"].nunique()):
        return None
    share = share_of(result)
    bbar = ok["benchmark"].to_numpy(dtype=float)
    relative = ok["spending"].to_numpy(dtype=float) / bbar
    measured = ok["savings_rate"].to_numpy(dtype=float) + TRUE_SAVINGS[:, None] * relative  # (saving, placebo)
    found = []
    level = float("nan") if best is None else float(best["level"])
    levels = (0.95,) if best is None or not 0 < level < 1 or level == 0.95 else (0.95, level)
    for key, gate in thresholds_of_placebos(ok, levels).items():
        kind, one, side, prior = key.labels.values()
        same_level = np.isnan(one) or one == level  # a schedule and an expected loss have none
        chosen = best is not None and (kind, side, prior) == tuple(best[name] for name in KEY) and same_level
        plain_kind = side == "one-sided" and prior in ("", "flat") and (kind == "schedule" or one == 0.95)
        if not (chosen or plain_kind):
            continue
        known = ~np.isnan(gate)  # a placebo without a gate of this kind is left out, as in the tables
        paid = (measured >= gate)[:, known]
        bonus = np.where(paid, share * np.maximum(measured[:, known], 0.0) * bbar[known], 0.0)
        name = KINDS[kind] if kind == "schedule" else f"{KINDS[kind]} {100 * one:g}%"
        name += f", {prior} prior" if prior not in ("", "flat") else ""
        name += ", two-sided" if side == "two-sided" else ""
        curve = EarningCurve(name, paid.mean(axis=1), bonus.mean(axis=1), recommended=chosen)
        found.append((KIND_ORDER.index(kind), curve))
    if not found:
        return None
    found.sort(key=lambda one: one[0])
    due = share * TRUE_SAVINGS * float(ok["spending"].mean())
    return Earnings(label_of(result, pair), result.currency, TRUE_SAVINGS, due, tuple(curve for _, curve in found))
