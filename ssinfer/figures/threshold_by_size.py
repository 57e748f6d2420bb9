"""Figure 3: the threshold against the number of insured, beside Medicare's schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from ssinfer.figures.numbers import percent
from ssinfer.figures.style import FAINT, INK, SOFT, colour, figure, percent_axis, shorten, spread
from ssinfer.thresholds.schedule import minimum_savings_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ssinfer.figures.data import SizeCurve, SizeMarker

Z = 1.6448536269514722
LEADER = {"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)}
SMALLEST, LARGEST = 2_000.0, 200_000.0
TICKS = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)


def draw(curves: Sequence[SizeCurve], marker: SizeMarker | None) -> Figure:
    """Return one-sided 95% thresholds by insured-years: with the shock, without it, and the schedule."""
    n = np.geomspace(SMALLEST, LARGEST, 400)
    picture = figure(4.3)
    axis = picture.subplots()
    top = 0.0
    ends: list[tuple[float, str, str]] = []
    for place, curve in enumerate(curves):
        full = Z * np.sqrt(curve.k**2 / n + curve.shock**2)
        inside = (n >= curve.smallest) & (n <= curve.largest)
        axis.plot(n, full, color=colour(place), linewidth=1.0, alpha=0.55)
        axis.plot(n[inside], full[inside], color=colour(place), linewidth=2.6)
        top = max(top, float(full[0]))
        ends.append((float(full[-1]), shorten(curve.label), colour(place)))
    if curves:
        alone = Z * curves[0].k / np.sqrt(n)
        axis.plot(n, alone, color=SOFT, linewidth=1.4, linestyle=(0, (4, 2)))
        ends.append((float(alone[-1]), "sampling error alone", SOFT))
    schedule = np.array([minimum_savings_rate(size) for size in n])
    axis.plot(n, schedule, color=INK, linewidth=1.6, linestyle=(0, (1, 1)))
    ends.append((float(schedule[-1]), "Medicare's schedule", INK))
    top = 1.05 * max(top, float(schedule[0]))
    if marker is not None and SMALLEST <= marker.insured_years <= LARGEST:
        axis.plot(
            [marker.insured_years],
            [marker.threshold],
            marker="v",
            markersize=10,
            color=INK,
            markeredgecolor="white",
            zorder=6,
        )
        axis.annotate(
            f"{shorten(marker.label, 24)}\n{marker.insured_years:,.0f} insured-years, {percent(marker.threshold)}",
            (marker.insured_years, marker.threshold),
            xytext=(-6, 62),
            textcoords="offset points",
            weight="bold",
            ha="center",
            arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.8},
        )
    heights = spread([end[0] for end in ends], 0.055 * top)
    lift = max(0.0, 0.02 * top - min(heights))
    for height, (value, text, ink) in zip(heights, ends, strict=True):
        axis.annotate(
            text,
            (LARGEST, value),
            xytext=(LARGEST * 1.13, height + lift),
            color=ink,
            va="center",
            annotation_clip=False,
            arrowprops={"color": ink, **LEADER},
        )
    axis.set_xscale("log")
    axis.set_xlim(SMALLEST, LARGEST)
    axis.set_ylim(0, top)
    axis.xaxis.set_major_locator(FixedLocator(list(TICKS)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(axis="x", which="minor", length=0)
    axis.grid(color=FAINT, linewidth=0.6)
    axis.set_axisbelow(True)
    percent_axis(axis.yaxis)
    axis.set_xlabel("Insured-years in the performance periods (logarithmic; Medicare: assigned persons)")
    axis.set_ylabel("Threshold, one-sided 95%, % of benchmark")
    return picture
