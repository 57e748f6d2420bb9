"""Frame of the figure of all designs on one scale."""

import pandas as pd

from ssinfer.figures.frontier import FIGURE
from ssinfer.report.analysis import Analysis
from ssinfer.report.figure_frame import ReportFigure


def frame(analysis: Analysis) -> pd.DataFrame:
    """Return the measures of every design that has a threshold."""
    table = analysis.compared
    if len(table) < 2:
        return pd.DataFrame()
    table = table[table["threshold_money"].notna()].assign(currency=analysis.result.currency)
    return table[[column.name for column in FIGURE.schema.columns]]


FRAME = ReportFigure("frontier", "one-scale", 20, frame, "designs.csv")
