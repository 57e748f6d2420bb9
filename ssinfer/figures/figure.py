"""Figure: declares a figure by its name, its texts, the columns of its frame, and the function that draws it."""

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.figure
import pandas as pd

from ssinfer.figures.style import style
from ssinfer.schema import FrameSchema


@dataclass(frozen=True, eq=False)
class Figure:
    """Declares one figure.

    A module of ``ssinfer.figures`` declares its figure as the attribute ``FIGURE``. Another distribution declares one
    by an entry point of the group ``ssinfer.figures``.

    Attributes
    ----------
    name : str
        Key of the figure, and the name of its file.
    order : int
        Position in lists of figures.
    title : str
        Heading above the figure. Screen readers read it in place of the picture.
    caption : str
        Text below the figure. A column's name in braces stands for the first value of that column.
    schema : FrameSchema
        The columns of the frame that the figure draws.
    plot : callable (frame) -> matplotlib.figure.Figure
        Draws a frame that has at least one row and the columns of the schema.
    """

    name: str
    order: int
    title: str
    caption: str
    schema: FrameSchema
    plot: Callable[[pd.DataFrame], matplotlib.figure.Figure]

    def draw(self, frame: pd.DataFrame) -> matplotlib.figure.Figure:
        """Draw the figure.

        Raises
        ------
        DataError
            The frame lacks a column, or has one that the figure does not know.
        """
        with style():
            return self.plot(self.schema.conform(frame))

    def caption_of(self, frame: pd.DataFrame) -> str:
        """Return the caption for a frame."""
        return self.caption.format_map(frame.iloc[0])
