"""ReportFigure: declares where the report shows a figure, and the frame that the figure draws."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ssinfer.registry import Registry
from ssinfer.report.analysis import Analysis

#: All figures of the report: module attributes FRAME in ``ssinfer.report.tables``, and entry points.
FRAMES = Registry("figure of the report", "ssinfer.report.tables", "FRAME", "ssinfer.report_figures")


@dataclass(frozen=True, eq=False)
class ReportFigure:
    """Declares one figure of the report. It is left out if its frame is empty."""

    name: str  # of the figure in ``ssinfer.drawing.FIGURES``
    section: str  # one of ``ssinfer.report.sections.SECTIONS``
    order: int  # position in the section, among tables and figures
    frame: Callable[[Analysis], pd.DataFrame]  # returns the frame that the figure draws
    data: str = ""  # file of the study's folder with the data behind the figure, which its caption links
