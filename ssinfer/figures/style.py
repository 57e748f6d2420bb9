"""Style of all figures: colours safe for colour-blind readers, fonts, axes, and labels that do not overlap."""

import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ssinfer.errors import ParameterError
from ssinfer.printed import MINUS, separated

# Okabe and Ito 2008: distinct under all common forms of colour blindness; markers differ as well
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "D", "^", "v", "P")
INK, SOFT, FAINT = "#222222", "#666666", "#D9D9D9"
PAID = "#D55E00"
UNPAID = "#9DB4C6"
Z = 1.959963984540054  # standard errors on each side of a 95% interval
WINDOWS = {"baseline": "#EEEEEE", "performance": "#FDEED8"}
# dashes and colour of a threshold's line, by the source that its kind learns from
LINES: Any = {"placebos": ("-", PAID), "fit": ((0, (4, 2)), SOFT), "size": ((0, (1, 1)), INK)}
CENTRED: Any = {"ha": "center", "va": "center"}
WIDTH = 7.6
FONTS = f"{mpl.get_data_path()}/fonts/ttf"  # folder with the font of the figures
_INTO: ContextVar[Any] = ContextVar("into", default=None)

_RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "text.parse_math": False,  # a unit may be called "A$B"
    "text.usetex": False,
    "svg.fonttype": "none",
    "path.simplify": False,
    "figure.facecolor": "none",  # the shadow of a figure that scrolls shows through
    "axes.facecolor": "none",
}


def style(salt: str = "ssinfer") -> AbstractContextManager[None]:
    """Return the context in which a figure is made and written; `salt` makes its ids deterministic."""
    return mpl.rc_context({**_RC, "svg.hashsalt": salt})


class _Picture(Figure):
    """A figure that notebooks show although pyplot, which would tell them how, may never be imported."""

    def _repr_png_(self) -> bytes:
        with style(), io.BytesIO() as stream:
            self.savefig(stream, format="png", dpi=110, facecolor="white")
            return stream.getvalue()


class _OneAxes:
    """Stands for a figure with one panel: the Axes of the caller. Legends stand below, because it may be narrow."""

    def __init__(self, axes: Axes) -> None:
        self.axes, self.supylabel = [axes], axes.set_ylabel

    def subplots(self, rows: int = 1, columns: int = 1, *, squeeze: bool = True, **_: object) -> Any:
        if rows * columns > 1:
            text = f"ax is one Axes, and the figure has {rows * columns} panels. Pass a Figure or SubFigure instead."
            raise ParameterError(text)
        return self.axes[0] if squeeze else np.array([self.axes], dtype=object)

    def legend(self, *entries: Any, **options: Any) -> None:
        options |= {"loc": "upper left", "bbox_to_anchor": (0.0, -0.18), "ncols": 1}
        self.axes[0].legend(*entries, **options)


@contextmanager
def drawn_into(ax: Any) -> Iterator[None]:
    """Let :func:`figure` return what stands for `ax`: an Axes, a Figure or SubFigure; None: a new figure."""
    if not isinstance(ax, Axes | FigureBase | None):
        text = f"ax is a {type(ax).__name__}; a matplotlib Axes, Figure or SubFigure is needed. None draws a new one."
        raise ParameterError(text)
    token = _INTO.set(_OneAxes(ax) if isinstance(ax, Axes) else ax)
    try:
        yield
    finally:
        _INTO.reset(token)


def figure(height: float) -> Figure:
    """Return an empty figure of the report's width, inches; or what the caller draws into."""
    return _INTO.get() or _Picture(figsize=(WIDTH, height), layout="constrained")


def panels(
    frame: pd.DataFrame, margin: float, per_panel: float, per_row: float = 0.0
) -> tuple[Figure, list[Any], list[pd.DataFrame]]:
    """Return a figure with one panel per name below each other, and its rows; heights in inches, also by `per_row`."""
    parts = [part for _, part in frame.groupby("name", sort=False)]
    picture = figure(margin + per_panel * len(parts) + per_row * len(frame))
    ratios = [*map(len, parts)] if per_row else None
    axes = picture.subplots(len(parts), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0].tolist()
    for axis, part in zip(axes, parts, strict=True):
        axis.set_title(shorten(part["name"].iloc[0], 70), loc="left", fontsize=9, weight="bold")
    return picture, axes, parts


def percent_axis(axis: Any) -> None:
    """Print fractions as percentages on an axis, at round numbers."""
    axis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{separated(f'{100 * value:g}').replace('-', MINUS)}%"))


def colour(number: int) -> str:
    """Return the colour of the design with a number."""
    return COLOURS[number % len(COLOURS)]


def marker(number: int) -> str:
    """Return the marker of the design with a number; designs of the same colour have different markers."""
    return MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return positions near the wanted ones, in their order, at least `gap` apart."""
    clusters: list[tuple[list[int], float]] = []  # labels in order, centre
    for label in sorted(range(len(wanted)), key=wanted.__getitem__):
        clusters.append(([label], wanted[label]))
        while len(clusters) > 1:
            (low, low_centre), (high, high_centre) = clusters[-2:]
            if high_centre - low_centre >= gap * (len(low) + len(high)) / 2:
                break
            centre = (low_centre * len(low) + high_centre * len(high)) / len(low + high)
            clusters[-2:] = [(low + high, centre)]
    positions = [0.0] * len(wanted)
    for labels, centre in clusters:
        for step, label in enumerate(labels):
            positions[label] = centre + gap * (step - (len(labels) - 1) / 2)
    return positions


def shorten(label: str, most: int = 34) -> str:
    """Return a label, cut in its middle if it is too long: labels often differ at their ends."""
    half = (most - 1) // 2
    return label if len(label) <= most else f"{label[: most - 1 - half]}…{label[-half:]}"


def quiet(axes: Axes) -> None:
    """Hide the line and the ticks of the vertical axis, which labels replace."""
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
