"""Figure 2: the share of null contracts that each threshold promises to pay, and the share it pays."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from ssinfer.report.figures.style import FAINT, INK, SOFT, colour, figure, marker, percent_axis, quiet, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ssinfer.report.data import PaymentDot

Z = 1.959963984540054


def draw(dots: Sequence[PaymentDot]) -> Figure:
    """Return a row per threshold: a bar at the promised rate, a dot with a 95% interval per design."""
    thresholds = list(dict.fromkeys(dot.threshold for dot in dots))
    labels = list(dict.fromkeys(dot.label for dot in dots))
    picture = figure(1.2 + len(thresholds) * (0.2 + 0.1 * len(labels)))
    axis = picture.subplots()
    step = 0.62 / max(len(labels), 1)
    for row, threshold in enumerate(thresholds):
        if row % 2 == 0:
            axis.axhspan(row - 0.5, row + 0.5, color=FAINT, alpha=0.35, linewidth=0)
        nominal = next(dot.nominal for dot in dots if dot.threshold == threshold)
        if isfinite(nominal):
            axis.vlines(nominal, row - 0.45, row + 0.45, color=INK, linewidth=2.2)
    for place, label in enumerate(labels):
        mine = [dot for dot in dots if dot.label == label]
        heights = [thresholds.index(dot.threshold) + step * (place - (len(labels) - 1) / 2) for dot in mine]
        errors = [Z * dot.error if isfinite(dot.error) else 0.0 for dot in mine]
        low = [min(error, dot.actual) for error, dot in zip(errors, mine, strict=True)]
        axis.errorbar(
            [dot.actual for dot in mine], heights, xerr=[low, errors], fmt=marker(place), color=colour(place),
            markersize=5, elinewidth=1.2, label=shorten(label, 40),
        )  # fmt: skip
    axis.plot([], [], color=INK, linewidth=2.2, label="promised")
    axis.set_yticks(range(len(thresholds)), thresholds, color=INK)
    axis.set_ylim(len(thresholds) - 0.5, -0.5)
    axis.set_xlim(left=0)
    quiet(axis)
    axis.grid(axis="x", color=FAINT, linewidth=0.6)
    axis.set_axisbelow(True)
    percent_axis(axis.xaxis)
    axis.set_xlabel("Contracts paid although nothing was saved, % (bars: 95% interval)")
    picture.legend(
        loc="outside upper left", ncols=len(labels) + 1 if len(labels) < 5 else 3, frameon=False, labelcolor=SOFT
    )
    return picture
