"""Figure: how far treated and compared persons differ on each covariate, before and after matching or weighting."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from ssinfer.report.figures.style import COLOURS, FAINT, INK, SOFT, figure, quiet, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ssinfer.report.data import LovePlot

MOST_BESIDE = 3
AFTER = COLOURS[0]


def draw(plots: Sequence[LovePlot]) -> Figure:
    """Return a panel per comparison: covariates by falling imbalance before, hollow before, filled after."""
    beside = min(len(plots), MOST_BESIDE)
    below = -(-len(plots) // beside)
    longest = max(len(plot.covariates) for plot in plots)
    picture = figure(0.9 + below * (0.75 + 0.21 * longest))
    grid = picture.subplots(below, beside, squeeze=False)
    finite = [value for plot in plots for part in (plot.before, plot.after) for value in part if isfinite(value)]
    reach = 1.06 * max([*finite, *(plot.limit for plot in plots if isfinite(plot.limit)), 0.1])
    for place, axis in enumerate(grid.ravel()):
        if place >= len(plots):
            axis.set_axis_off()
            continue
        plot = plots[place]
        rows = range(len(plot.covariates))
        axis.hlines(rows, 0, reach, color=FAINT, linewidth=0.6)
        axis.hlines(rows, plot.after, plot.before, color=SOFT, linewidth=0.9)
        axis.plot(
            plot.before, rows, "o", markersize=5.5, markerfacecolor="white", color=SOFT, label="before", clip_on=False
        )
        axis.plot(plot.after, rows, "o", markersize=5.5, color=AFTER, label="after", clip_on=False)
        if isfinite(plot.limit):
            axis.axvline(plot.limit, color=INK, linestyle=(0, (4, 2)), linewidth=1.1, label=f"gate {plot.limit:g}")
        axis.set_yticks(rows, [shorten(name, 28) for name in plot.covariates], color=INK)
        axis.set_ylim(longest - 0.5, -0.5)
        axis.set_xlim(0, reach)
        quiet(axis)
        axis.tick_params(axis="y", pad=7)
        axis.set_title(shorten(plot.label, 40), loc="left", fontsize=9, weight="bold", color=INK)
        axis.set_xlabel("Absolute SMD")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, labelcolor=SOFT)
    return picture
