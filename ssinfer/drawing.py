"""Draws a figure by name: objects below the figures can plot themselves without importing matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssinfer.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

FIGURES = Registry("figure", "ssinfer.figures", "FIGURE", "ssinfer.figures")


def draw(name: str, frame: pd.DataFrame, **options: Any) -> Any:
    """Draw a figure from a plain frame.

    Parameters
    ----------
    name : str
        Name of the figure.
    frame : pandas.DataFrame
        The numbers that the figure shows. Its columns are listed by the figure.
    **options : object
        Options of the figure, by name.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return FIGURES.find(name).draw(frame, **options)
