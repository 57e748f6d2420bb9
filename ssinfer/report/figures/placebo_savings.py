"""Figure 1: savings measured where nothing was saved, by design, with the thresholds drawn."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.report.figures.style import INK, PAID, SOFT, UNPAID, figure, percent_axis, quiet, shorten
from ssinfer.report.numerals import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ssinfer.report.data import PlaceboRow

SHARE_SHOWN = 0.995
N_BINS = 48


def draw(rows: Sequence[PlaceboRow]) -> Figure:
    """Return histograms of placebo savings rates, one design below the other on one axis."""
    together = np.concatenate([row.rates for row in rows])
    marks = [value for row in rows for value in (row.honest, row.sampling, row.case) if isfinite(value)]
    reach = 1.05 * max(float(np.quantile(np.abs(together), SHARE_SHOWN)), *(abs(mark) for mark in marks), 1e-6)
    edges = np.linspace(-reach, reach, N_BINS + 1)
    picture = figure(1.0 + 1.35 * len(rows))
    axes = picture.subplots(len(rows), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    # values beyond the axis are counted in the outermost bars
    counts = [
        [np.histogram(np.clip(part, -reach, reach), edges)[0] for part in (row.rates[~row.paid], row.rates[row.paid])]
        for row in rows
    ]
    top = max(int((unpaid + paid).max()) for unpaid, paid in counts)
    for place, (axis, row, (unpaid, paid)) in enumerate(zip(axes, rows, counts, strict=True)):
        width = edges[1] - edges[0]
        axis.bar(edges[:-1], unpaid, width=0.92 * width, align="edge", color=UNPAID)
        axis.bar(edges[:-1], paid, bottom=unpaid, width=0.92 * width, align="edge", color=PAID)
        axis.axvline(0.0, color=INK, linewidth=0.9, zorder=3)
        axis.set_ylim(0, 1.42 * top)
        axis.set_yticks([])
        quiet(axis)
        share = f"{percent(float(row.paid.mean()))} would be paid" if row.paid.any() else "none would be paid"
        axis.text(0.0, 0.97, shorten(row.label, 40), transform=axis.transAxes, va="top", weight="bold")
        axis.text(0.0, 0.81, f"{row.rates.size:,} placebo contracts", transform=axis.transAxes, va="top", color=SOFT)
        axis.text(1.0, 0.42, share, transform=axis.transAxes, va="top", ha="right", color=PAID)
        lines = (
            (row.sampling, "sampling error alone (95%)", (0, (4, 2)), SOFT),
            (row.honest, "honest threshold", "-", PAID),
        )
        drawn = [line for line in lines if isfinite(line[0])]
        for value, _, dashes, ink in drawn:
            axis.vlines(value, 0, 1.08 * top, color=ink, linestyle=dashes, linewidth=1.4, zorder=4)
        if place == 0:
            _label_lines(axis, drawn, top, reach)
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
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
            )
    axes[-1].set_xlim(-reach, reach)
    percent_axis(axes[-1].xaxis)
    axes[-1].set_xlabel(
        "Measured saving where the true saving is zero, % of the benchmark (right of 0: spent less than the benchmark)"
    )
    return picture


def _label_lines(axis: object, drawn: Sequence[tuple[float, str, object, str]], top: int, reach: float) -> None:
    """Label the threshold lines of the first panel, one above the other, to the right of their line."""
    for step, (value, text, _, ink) in enumerate(sorted(drawn)):
        axis.text(  # type: ignore[attr-defined]
            value + 0.012 * reach,
            (1.33 - 0.17 * step) * top,
            f"{text} {percent(value)}",
            color=ink,
            va="top",
            ha="left",
        )
