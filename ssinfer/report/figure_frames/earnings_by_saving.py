"""Frame of the figure of probability of payment and expected payment by true saving."""

import numpy as np
import pandas as pd

from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_placebos
from ssinfer.report.analysis import Analysis
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.text.names import threshold_name
from ssinfer.thresholds.kind import KINDS

TRUE_SAVINGS = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.10])


def frame(analysis: Analysis) -> pd.DataFrame:
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
        order = KINDS.names().index(key.kind)
        name = threshold_name(key, short=True)
        parts.append(pd.DataFrame({**columns, "threshold": name, "recommended": key == best, "order": order}))
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True).sort_values("order", kind="stable").drop(columns="order")
    due = analysis.share * table["true_saving"] * float(placebos["spending"].mean())
    return table.assign(design=analysis.label(analysis.chosen), currency=analysis.result.currency, due=due)


FRAME = ReportFigure(name="earnings", section="which-threshold", order=10, frame=frame)
