"""ReportFigure: declares where the report shows a figure, and the frame that the figure draws."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ssinfer.registry import Registry
from ssinfer.report.analysis import Analysis

#: All figures of the report: module attributes FRAME in ``ssinfer.report.figure_frames``, and entry points.
FRAMES = Registry("figure of the report", "ssinfer.report.figure_frames", "FRAME", "ssinfer.report_figures")


@dataclass(frozen=True, eq=False)
class ReportFigure:
    """Declares one figure of the report.

    A module of ``ssinfer.report.figure_frames`` declares its figure as the attribute ``FRAME``. Another distribution
    declares one by an entry point of the group ``ssinfer.report_figures``.

    Attributes
    ----------
    name : str
        Name of the figure in ``ssinfer.drawing.FIGURES``.
    section : str
        Name of the section that shows it, see :data:`ssinfer.report.sections.SECTIONS`.
    order : int
        Position in the section, among tables and figures.
    frame : callable (analysis) -> DataFrame
        Returns the frame that the figure draws. It is empty if the figure does not apply to the study.
    """

    name: str
    section: str
    order: int
    frame: Callable[[Analysis], pd.DataFrame]
