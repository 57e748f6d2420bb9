"""Figure 1: savings measured where nothing was saved, by design, with the thresholds drawn."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PolyCollection

from ssinfer.figures.numbers import percent
from ssinfer.figures.style import INK, PAID, SOFT, UNPAID, figure, percent_axis, quiet, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ssinfer.figures.data import PlaceboRow
    from ssinfer.typing import Floats


LINES = {
    "honest threshold": ("-", PAID),
    "Medicare's schedule": ((0, (1, 1)), INK),
    "": ((0, (4, 2)), SOFT),
}
ROW = 0.18
TALL, LOW = 1.0 + 3.3 * ROW, 1.12  # heights of the first panel, which carries the labels, and of the others
SHARE_SHOWN = 0.995
N_BINS = 48
WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}  # behind words that lines may cross


def draw(rows: Sequence[PlaceboRow]) -> Figure:
    """Return histograms of placebo savings rates, one design below the other on one axis."""
    together = np.concatenate([row.rates for row in rows])
    marks = [value for row in rows for value in (row.case, *(line[1] for line in row.lines)) if isfinite(value)]
    reach = 1.05 * max(float(np.quantile(np.abs(together), SHARE_SHOWN)), *(abs(mark) for mark in marks), 1e-6)
    edges = np.linspace(-reach, reach, N_BINS + 1)
    picture = figure(1.4 + 1.2 * len(rows))
    axes = picture.subplots(
        len(rows), 1, sharex=True, squeeze=False, height_ratios=[TALL / LOW, *(1.0,) * (len(rows) - 1)]
    )[:, 0]
    # values beyond the axis are counted in the outermost bars
    counts = [
        [np.histogram(np.clip(part, -reach, reach), edges)[0] for part in (row.rates[~row.paid], row.rates[row.paid])]
        for row in rows
    ]
    top = max(int((unpaid + paid).max()) for unpaid, paid in counts)
    for place, (axis, row, (unpaid, paid)) in enumerate(zip(axes, rows, counts, strict=True)):
        axis.add_collection(_bars(edges, np.zeros(N_BINS), unpaid, UNPAID))
        axis.add_collection(_bars(edges, unpaid, unpaid + paid, PAID))
        axis.axvline(0.0, color=INK, linewidth=0.9, zorder=3)
        axis.set_ylim(0, (LOW if place else TALL) * top)
        axis.set_yticks([])
        quiet(axis)
        axis.text(0.0, 0.98, shorten(row.label, 40), transform=axis.transAxes, va="top", weight="bold")
        axis.annotate(
            f"{row.rates.size:,} placebo contracts", (0.0, 0.98), xycoords="axes fraction", xytext=(0, -15),
            textcoords="offset points", va="top", color=SOFT,
        )  # fmt: skip
        axis.text(0.98 * reach, 0.32 * top, _share(row), va="bottom", ha="right", color=PAID, zorder=5, bbox=WHITE)
        drawn = [line for line in row.lines if isfinite(line[1])]
        for text, value in drawn:
            dashes, ink = LINES.get(text, LINES[""])
            height = 1.0 if place else 1.0 + ROW * (1 + _rank(drawn, value))
            axis.vlines(value, 0, height * top, color=ink, linestyle=dashes, linewidth=1.4, zorder=4)
            if place == 0:
                axis.text(
                    value + 0.012 * reach, height * top, f"{text} {percent(value)}", color=ink, va="top", ha="left"
                )
        if isfinite(row.case):
            axis.plot([row.case], [0.05 * top], marker="v", markersize=9, color=INK, markeredgecolor="white", zorder=6)
            axis.text(
                row.case,
                0.2 * top,
                f"case {percent(row.case)}",
                ha="center",
                va="bottom",
                weight="bold",
                zorder=6,
                bbox=WHITE,
            )
    axes[-1].set_xlim(-reach, reach)
    percent_axis(axes[-1].xaxis)
    axes[-1].set_xlabel(
        "Measured saving where the true saving is zero, % of the benchmark (right of 0: spent less than the benchmark)"
    )
    return picture


def _bars(edges: Floats, below: NDArray[Any], above: NDArray[Any], ink: str) -> PolyCollection:
    """Return the bars of a histogram that are not empty, a little apart, as one artist: quicker than one a bar."""
    kept = np.flatnonzero(above > below)
    left, right = edges[kept], edges[kept] + 0.92 * (edges[1] - edges[0])
    x = np.stack([left, left, right, right], axis=1)
    y = np.stack([below[kept], above[kept], above[kept], below[kept]], axis=1)
    return PolyCollection(list(np.stack([x, y], axis=2)), facecolor=ink, edgecolor="none")


def _share(row: PlaceboRow) -> str:
    """Return in words how many placebo contracts the honest threshold would pay, of those that have one."""
    judged = int(row.judged.sum())
    if not judged:
        return "no honest threshold"
    share = f"{percent(float(row.paid[row.judged].mean()))}" if row.paid.any() else "none"
    return f"{share} {'' if judged == row.judged.size else f'of {judged:,} '}would be paid"


def _rank(drawn: Sequence[tuple[str, float]], value: float) -> int:
    """Return how many of the lines lie to the right: the leftmost carries its label highest."""
    return sum(other > value for _, other in drawn)
