"""Frame of the figure of measured savings of placebo contracts."""

import numpy as np
import pandas as pd

from ssinfer.errors import SsinferError
from ssinfer.figures.placebo_savings import MEASURED, PLACEBO, THRESHOLD
from ssinfer.level import check_level
from ssinfer.report.analysis import Analysis, Pair
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.text.names import kind_name, plain_key
from ssinfer.thresholds.kind import KINDS, ThresholdKey
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds


def frame(analysis: Analysis) -> pd.DataFrame:
    """Return the placebos of every design, with the thresholds and the saving of the contract group."""
    parts = []
    for pair in analysis.pairs:
        placebos = analysis.placebos(pair)
        if not len(placebos):
            continue
        try:
            level, side = check_level(COMPARISON_KEY.level), COMPARISON_KEY.side
            thresholds = cross_fitted_placebo_thresholds(placebos, level, side)
        except SsinferError:
            thresholds = np.full(len(placebos), np.nan)
        rates = placebos["savings_rate"].to_numpy(dtype=float)
        columns = {"rate": rates, "judged": ~np.isnan(thresholds), "paid": rates >= thresholds}
        part = pd.DataFrame({"item": PLACEBO, "name": "", "learns_from": "", **columns})
        group = [(*item, False, False) for item in _contract_group(analysis, pair)]
        of_pair = [part, *([pd.DataFrame(group, columns=part.columns)] if group else [])]
        parts.append(pd.concat(of_pair, ignore_index=True).assign(design=analysis.label(pair)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _contract_group(analysis: Analysis, pair: Pair) -> list[tuple[str, str, str, float]]:
    """Return the saving of the contract group and its thresholds: where it settles, the one that decides."""
    items: dict[str, tuple[str, str, str, float]] = {}
    decides = analysis.verdict.threshold if pair == analysis.main else None
    if decides is not None and decides["rate"] is not None:
        learns_from = KINDS.find(decides["kind"]).learns_from if decides["kind"] in KINDS.names() else "size"
        items["decides"] = (THRESHOLD, kind_name(decides["kind"]), learns_from, decides["rate"])
    for kind in () if items else KINDS.entries():
        if kind.name == COMPARISON_KEY.kind:
            key = COMPARISON_KEY
        elif kind.learns_from == "fit" and kind.has_level and kind.pays:
            key = plain_key(kind, 0.95, "two-sided")
        elif kind.learns_from == "size":
            key = ThresholdKey(kind.name)
        else:
            continue
        row = analysis.threshold(pair, key)
        if row is not None:
            line = (THRESHOLD, kind_name(kind.name), kind.learns_from, float(row["rate"]))
            items.setdefault(kind.learns_from, line)
    saving = analysis.saving(pair)
    if saving is not None:
        items[MEASURED] = (MEASURED, "", "", float(saving["savings_rate"]))
    return [*items.values()]


FRAME = ReportFigure(name="placebo_savings", section="comparison", order=30, frame=frame, data="placebos.parquet")
