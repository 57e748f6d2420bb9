"""What all figures share: a palette safe for colour-blind readers, type, axes, and labels that keep their distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ssinfer.figures.numbers import MINUS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes

# Okabe and Ito 2008: distinct under all common forms of colour blindness; markers differ as well
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "D", "^", "v", "P")
INK, SOFT, FAINT = "#222222", "#666666", "#D9D9D9"
PAID = "#D55E00"
UNPAID = "#9DB4C6"
WIDTH = 7.6

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
    "figure.facecolor": "white",
}


def style(salt: str = "ssinfer") -> AbstractContextManager[None]:
    """Return the context in which a figure is made and written; `salt` makes its ids deterministic."""
    return mpl.rc_context({**_RC, "svg.hashsalt": salt})


def figure(height: float) -> Figure:
    """Return an empty figure of the report's width, inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def percent_axis(axis: Any) -> None:
    """Print fractions as percentages on an axis, at round numbers."""
    axis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{f'{100 * value:g}'.replace('-', MINUS)}%"))


def colour(place: int) -> str:
    """Return the colour of the design at a place."""
    return COLOURS[place % len(COLOURS)]


def marker(place: int) -> str:
    """Return the marker of the design at a place; where colours repeat, markers differ."""
    return MARKERS[(place + place // len(COLOURS)) % len(MARKERS)]


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return positions near the wanted ones, in their order, at least `gap` apart.

    >>> [round(x, 3) for x in spread([1.0, 1.0, 3.0], 0.5)]
    [0.75, 1.25, 3.0]
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    clusters: list[tuple[list[int], float]] = []  # members in order, centre
    for place in order:
        clusters.append(([place], wanted[place]))
        while len(clusters) > 1:
            (low, low_centre), (high, high_centre) = clusters[-2:]
            if high_centre - low_centre >= gap * (len(low) + len(high)) / 2:
                break
            both = low + high
            centre = (low_centre * len(low) + high_centre * len(high)) / len(both)
            clusters[-2:] = [(both, centre)]
    found = [0.0] * len(wanted)
    for members, centre in clusters:
        for step, place in enumerate(members):
            found[place] = centre + gap * (step - (len(members) - 1) / 2)
    return found


def shorten(label: str, most: int = 34) -> str:
    """Return a label cut to fit beside an axis.

    >>> shorten("short"), shorten("x" * 50, 10)
    ('short', 'xxxxxxxxx…')
    """
    return label if len(label) <= most else f"{label[: most - 1]}…"


def quiet(axes: Axes) -> None:
    """Remove an axis that labels replace."""
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
