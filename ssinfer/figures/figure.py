"""Figure: declares a figure by its name, the columns of its frame, and the function that draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, ScalarFormatter

from ssinfer.errors import RefusalError
from ssinfer.figures.style import drawn_into, style
from ssinfer.foreign import joined, own
from ssinfer.printed import MINUS, listed, quoted, separated
from ssinfer.schema import FrameSchema
from ssinfer.sentences import say


@dataclass(frozen=True, eq=False)
class Figure:
    """Declares one figure: the attribute ``FIGURE`` of a module of ``ssinfer.figures``, or an entry point.

    The catalogues have its words: ``figure.<name>.title`` and ``figure.<name>.caption``, in which a column's name in
    braces stands for the first value of that column; ``figure.<name>.caption.<column>`` is added if that column is
    true in any row. A figure of another package declares title and caption itself.
    """

    name: str  # key of the figure, and the name of its file
    order: int  # position in lists of figures
    schema: FrameSchema  # columns of the frame that the figure draws
    plot: Callable[[pd.DataFrame], matplotlib.figure.Figure]  # draws a frame that has at least one row
    title: str | None = None  # heading above the figure, which screen readers read in place of the picture
    caption: str | None = None  # text below
    names: str = ""  # column with the names of the designs and methods shown, which the caption lists
    panels: int = 0  # most panels of one picture, one panel per name; 0: one picture of all names
    of: Callable[..., pd.DataFrame] = lambda _: pd.DataFrame()  # frame of an object with a method that draws the figure
    needs: str = ""  # what the object lacks if that frame is empty, and the next step

    @property
    def heading(self) -> str:
        """The title in the language in use."""
        return say(f"figure.{self.name}.title", self.title)

    def frame(self, shown: object, **options: Any) -> pd.DataFrame:
        """Return the frame of an object; RefusalError if there is nothing to draw."""
        frame = self.of(shown, **options)
        if not len(frame):
            raise RefusalError(f"{shown!r} has no figure {self.name!r}: {self.needs}")
        return frame

    def draw(self, frame: pd.DataFrame, ax: Any = None) -> Any:
        """Draw a frame with the columns of the schema into `ax`; other columns are refused with a DataError."""
        with style(), drawn_into(ax):
            picture: Any = self.plot(self.schema.conform(frame))
        printed = FuncFormatter(lambda value, _: separated(f"{value:g}").replace("-", MINUS))
        for axis in [axis for axes in picture.axes for axis in (axes.xaxis, axes.yaxis)]:
            if isinstance(axis.get_major_formatter(), ScalarFormatter):
                axis.set_major_formatter(printed)
            for text in axis.findobj(Text) if ax is not None else ():
                text.set_parse_math(False)  # they are of the caller's style
        return picture if ax is None else ax

    def caption_of(self, frame: pd.DataFrame) -> str:
        """Return the caption for a frame."""
        values = {str(name): value for name, value in frame.iloc[0].items()}
        texts = [say(f"figure.{self.name}.caption", self.caption, **values)]
        flags = [column.name for column in self.schema.columns if frame[column.name].dtype == bool]
        texts += [say(f"figure.{self.name}.caption.{name}", "") for name in flags if frame[name].any()]
        shown = own(listed([*map(quoted, self._shown(frame))])) if self.names else ""
        return joined([*texts, say("figure.shown", names=shown) if shown else ""])

    def parts(self, frame: pd.DataFrame) -> list[pd.DataFrame]:
        """Return the frames of the pictures that show `frame`: a picture fits on a page."""
        names = self._shown(frame) if self.panels else []
        groups = np.array_split(np.array(names, dtype=object), max(1, -(-len(names) // (self.panels or 1))))
        return [frame[frame[self.names].isin(group)] for group in groups] if len(groups) > 1 else [frame]

    def _shown(self, frame: pd.DataFrame) -> list[str]:
        return [name for name in frame[self.names].unique().tolist() if name]
