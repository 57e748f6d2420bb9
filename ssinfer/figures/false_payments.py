"""Figure 2: the share of null contracts that each threshold promises to pay, and the share it pays."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter

from ssinfer.figures.numbers import plain
from ssinfer.figures.style import FAINT, INK, PAID, SOFT, figure, quiet, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ssinfer.figures.data import PaymentDot

Z = 1.959963984540054
KEPT, OTHERS = "#0072B2", "#A9A9A9"
ROW = 0.3


def draw(dots: Sequence[PaymentDot]) -> Figure:
    """Return a row per threshold: a bar at the promised rate, and what the recommended design pays, in words as well.

    The other designs are small grey dots; without a recommended one the first is drawn large.
    """
    thresholds = list(dict.fromkeys(dot.threshold for dot in dots))
    main = next((dot.label for dot in dots if dot.main), dots[0].label)
    picture = figure(1.3 + ROW * len(thresholds))
    axis = picture.subplots()
    for row, threshold in enumerate(thresholds):
        if row % 2 == 0:
            axis.axhspan(row - 0.5, row + 0.5, color=FAINT, alpha=0.35, linewidth=0)
        mine = [dot for dot in dots if dot.threshold == threshold]
        others = [dot.actual for dot in mine if dot.label != main]
        axis.plot(others, [row] * len(others), "o", markersize=3.2, color=OTHERS, zorder=2)
        nominal = mine[0].nominal
        if isfinite(nominal):
            axis.vlines(nominal, row - 0.42, row + 0.42, color=INK, linewidth=2.4, zorder=3)
        promised = f", promised {plain(100 * nominal, 1).removesuffix('.0')}" if isfinite(nominal) else ""
        chosen = next((dot for dot in mine if dot.label == main), None)
        if chosen is None:
            continue
        error = Z * chosen.error if isfinite(chosen.error) else 0.0
        above = isfinite(nominal) and chosen.actual - error > nominal
        ink = PAID if above else KEPT
        axis.errorbar(
            [chosen.actual], [row], xerr=[[min(error, chosen.actual)], [error]], fmt="o", color=ink, markersize=7,
            elinewidth=1.6, zorder=4,
        )  # fmt: skip
        axis.annotate(
            f"pays {plain(100 * chosen.actual, 0)}{promised}", (1.0, row), xycoords=("axes fraction", "data"),
            xytext=(6, 0), textcoords="offset points", va="center", ha="left", color=ink,
            weight="bold" if above else "normal",
        )  # fmt: skip
    axis.plot([], [], linestyle="none", marker="|", markersize=12, markeredgewidth=2.4, color=INK, label="promised")
    axis.plot([], [], "o", markersize=7, color=KEPT, label=shorten(main, 44))
    axis.plot([], [], "o", markersize=7, color=PAID, label="the same, paying more than promised")
    if any(dot.label != main for dot in dots):
        axis.plot([], [], "o", markersize=3.2, color=OTHERS, label="other designs")
    axis.set_yticks(range(len(thresholds)), thresholds, color=INK)
    axis.set_ylim(len(thresholds) - 0.5, -0.5)
    axis.set_xlim(left=0)
    quiet(axis)
    axis.grid(axis="x", color=FAINT, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    axis.set_xlabel("Of 100 contracts that saved nothing, so many are paid (line: 95% interval)")
    picture.legend(loc="outside upper left", ncols=2, frameon=False, labelcolor=SOFT)
    return picture
