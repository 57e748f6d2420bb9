"""Draws a figure by name: objects below the figures can plot themselves without importing matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssinfer.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

FIGURES = Registry("figure", "ssinfer.figures", "FIGURE", "ssinfer.figures")


def draw(name: str, frame: pd.DataFrame, **options: Any) -> Any:
    """Draw the figure `name` (matplotlib) from the plain frame of its numbers, with its options by name."""
    return FIGURES.find(name).draw(frame, **options)
