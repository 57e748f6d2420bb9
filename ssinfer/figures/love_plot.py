"""Figure: how far treated and compared persons differ on each covariate, before and after matching or weighting."""

from __future__ import annotations

from math import isfinite
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ssinfer.figures.style import COLOURS, FAINT, INK, SOFT, figure, quiet, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ssinfer.figures.data import LovePlot

MOST_BESIDE = 3
AFTER = COLOURS[0]
DOTS: Any = {"marker": "o", "linestyle": "", "markersize": 5.5, "clip_on": False}


def draw(plots: Sequence[LovePlot]) -> Figure:
    """Return a panel per comparison: covariates by falling imbalance before, hollow before, filled after."""
    beside = min(len(plots), MOST_BESIDE)
    below = -(-len(plots) // beside)
    worst: dict[str, float] = {}
    for plot in plots:
        for name, value in zip(plot.covariates, plot.before, strict=True):
            worst[name] = max(worst.get(name, 0.0), float(value))
    names = sorted(worst, key=lambda name: -worst[name])
    row_of = {name: row for row, name in enumerate(names)}
    limits = {plot.limit for plot in plots if isfinite(plot.limit)}
    gate = f"gate {limits.pop():g}" if len(limits) == 1 else "gate"
    picture = figure(0.9 + below * (1.05 + 0.21 * len(names)))
    grid = picture.subplots(below, beside, squeeze=False, sharex=True, sharey=True)
    finite = [value for plot in plots for part in (plot.before, plot.after) for value in part if isfinite(value)]
    reach = 1.06 * max([*finite, *(plot.limit for plot in plots if isfinite(plot.limit)), 0.1])
    for place, axis in enumerate(grid.ravel()):
        if place >= len(plots):
            axis.set_axis_off()
            continue
        plot = plots[place]
        rows = [row_of[name] for name in plot.covariates]
        axis.hlines(rows, 0, reach, color=FAINT, linewidth=0.6)
        axis.hlines(rows, plot.after, plot.before, color=SOFT, linewidth=0.9)
        axis.plot(plot.before, rows, color=SOFT, label="before", markerfacecolor="white", **DOTS)
        axis.plot(plot.after, rows, color=AFTER, label="after", **DOTS)
        if isfinite(plot.limit):
            axis.axvline(plot.limit, color=INK, linestyle=(0, (4, 2)), linewidth=1.1, label=gate)
        quiet(axis)
        axis.tick_params(axis="y", pad=7)
        axis.tick_params(axis="x", labelbottom=True)
        title = "\n".join(wrap(plot.label, 66 // beside, max_lines=2, placeholder=" \N{HORIZONTAL ELLIPSIS}"))
        axis.set_title(title, loc="left", fontsize=9, weight="bold", color=INK)
        axis.set_xlabel(plot.header.replace("smd ", "Absolute SMD\n", 1))
    grid[0, 0].set_yticks(range(len(names)), [shorten(name, 28) for name in names], color=INK)
    grid[0, 0].set_ylim(len(names) - 0.5, -0.5)
    grid[0, 0].set_xlim(0, reach)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, labelcolor=SOFT)
    return picture
