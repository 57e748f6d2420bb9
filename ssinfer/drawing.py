"""Draws a figure by name: objects below the figures can plot themselves without importing matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssinfer.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

FIGURES = Registry("figure", "ssinfer.figures", "FIGURE", "ssinfer.figures")


def draw(name: str, frame: pd.DataFrame, ax: Any = None) -> Any:
    """Draw the figure `name` from the plain frame of its numbers; return it, or `ax`: a matplotlib Axes or Figure."""
    return FIGURES.find(name).draw(frame, ax)


def frame_of(name: str, shown: object, **options: Any) -> pd.DataFrame:
    """Return the frame that the figure `name` draws of an object, such as a Counterfactual; refused if it is empty."""
    return FIGURES.find(name).frame(shown, **options)  # type: ignore[no-any-return]
