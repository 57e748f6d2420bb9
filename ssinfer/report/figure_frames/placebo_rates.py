"""Frame of the figure of measured savings of placebo contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.gates import cross_fitted_placebo_gates
from ssinfer.errors import SsinferError
from ssinfer.figures.placebo_savings import MEASURED, PLACEBO, THRESHOLD
from ssinfer.report.disclosure import unit_is_visible
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.text.names import KINDS, REFERENCE, ThresholdKey, plain_key, threshold_name

if TYPE_CHECKING:
    from ssinfer.report.analysis import Analysis, Pair


def frame(analysis: Analysis) -> pd.DataFrame:
    """Return the placebos of every design, with the thresholds and the saving of the contract group."""
    parts = []
    for pair in analysis.pairs:
        placebos = analysis.placebos(pair)
        placebos = placebos[unit_is_visible(analysis.result, placebos)] if len(placebos) else placebos
        if not len(placebos):
            continue
        try:
            thresholds = cross_fitted_placebo_gates(placebos, REFERENCE.level, REFERENCE.side)
        except SsinferError:
            thresholds = np.full(len(placebos), np.nan)
        rates = placebos["savings_rate"].to_numpy(dtype=float)
        part = pd.DataFrame(
            {"item": PLACEBO, "rate": rates, "judged": ~np.isnan(thresholds), "paid": rates >= thresholds}
        )
        lines = pd.DataFrame([] if analysis.hidden else _lines(analysis, pair))
        parts.append(pd.concat([part, lines], ignore_index=True).assign(design=analysis.label(pair)))
    if not parts:
        return pd.DataFrame()
    whole = pd.concat(parts, ignore_index=True)
    columns = whole.reindex(columns=["design", "item", "name", "learns_from", "rate", "judged", "paid"])
    return columns.fillna({"name": "", "learns_from": "", "judged": False, "paid": False}).astype(
        {"judged": bool, "paid": bool}
    )


def _lines(analysis: Analysis, pair: Pair) -> list[dict[str, Any]]:
    """Return the contract group's thresholds that the figure draws, and its measured saving.

    The thresholds are the cross-fitted placebo threshold, the first threshold of a model (two-sided, 95%), and every
    schedule by size.
    """
    lines = []
    drawn: set[str] = set()
    for kind in KINDS.entries():
        if kind.name == REFERENCE.kind:
            key = REFERENCE
        elif kind.learns_from == "fit" and kind.has_level and kind.pays:
            key = plain_key(kind, 0.95, "two-sided")
        elif kind.learns_from == "size":
            key = ThresholdKey(kind.name)
        else:
            continue
        row = analysis.threshold(pair, key)
        if row is not None and kind.learns_from not in drawn:
            drawn.add(kind.learns_from)
            lines.append(
                {
                    "item": THRESHOLD,
                    "name": threshold_name(key),
                    "learns_from": kind.learns_from,
                    "rate": float(row["rate"]),
                }
            )
    saving = analysis.saving(pair)
    if saving is not None:
        lines.append({"item": MEASURED, "rate": float(saving["savings_rate"])})
    return lines


FRAME = ReportFigure(name="placebo_savings", section="comparison", order=30, frame=frame)
