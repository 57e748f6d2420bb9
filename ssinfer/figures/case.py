"""Figure 4: what the case spent, and what the benchmarks say it would have spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter

from ssinfer.figures.numbers import plain
from ssinfer.figures.style import FAINT, INK, SOFT, colour, figure, marker, shorten, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ssinfer.figures.data import CasePanel

DODGE = 0.2
MOST_TICKS = 14


def draw(case: CasePanel) -> Figure:
    """Return spending by period as a line, benchmarks with 95% intervals in the performance periods."""
    picture = figure(4.1)
    axis = picture.subplots()
    places = np.arange(len(case.periods))
    step = min(DODGE, 0.75 / (len(case.benchmarks) + 1))
    edge = len(case.periods) - 0.5 + (0.45 if len(case.benchmarks) else 0.0)
    axis.axvspan(min(case.baseline) - 0.5, max(case.baseline) + 0.5, color=FAINT, alpha=0.45, linewidth=0)
    axis.axvspan(min(case.performance) - 0.5, edge, color="#FCE7C8", alpha=0.7, linewidth=0)
    for column in case.masked:
        axis.axvspan(column - 0.5, column + 0.5, facecolor="none", edgecolor=SOFT, hatch="///", linewidth=0, alpha=0.4)
    axis.plot(places, case.spending, color=INK, linewidth=1.6, marker="o", markersize=4.5, zorder=5)
    values = [case.spending[np.isfinite(case.spending)]]
    ends: list[tuple[float, str, str]] = []
    for place, one in enumerate(case.benchmarks):
        offset = step * (place + 1)
        known = np.isfinite(one.lower)
        error = [np.where(known, one.mean - one.lower, 0.0), np.where(known, one.upper - one.mean, 0.0)]
        axis.errorbar(
            one.positions + offset, one.mean, yerr=error, fmt=marker(place), color=colour(place), markersize=6,
            elinewidth=1.8, zorder=4,
        )  # fmt: skip
        values += [one.mean, one.lower[known], one.upper[known]]
        ends.append((float(one.mean[-1]), shorten(one.label), colour(place)))
    if np.isfinite(case.spending[case.performance[-1]]):
        ends.append((float(case.spending[case.performance[-1]]), "observed spending", INK))
    everything = np.concatenate(values)
    low, high = float(everything.min()), float(everything.max())
    margin = 0.08 * max(high - low, 1e-9 + 0.01 * abs(high))
    bottom, top = low - margin, high + 2.2 * margin
    heights = spread([end[0] for end in ends], 0.06 * (top - bottom))
    for height, (_, text, ink) in zip(heights, ends, strict=True):
        axis.text(
            edge + 0.1, height, text, color=ink, va="center", ha="left", weight="bold" if ink == INK else "normal"
        )
    axis.text(
        (min(case.baseline) + max(case.baseline)) / 2, top - 0.3 * margin, "baseline", color=SOFT, va="top", ha="center"
    )
    axis.text(
        (min(case.performance) - 0.5 + edge) / 2, top - 0.3 * margin, "measured", color=SOFT, va="top", ha="center"
    )
    axis.set_xlim(-0.5, edge)
    axis.set_ylim(bottom, top)
    every = -(-len(case.periods) // MOST_TICKS)
    axis.set_xticks(places[::every], [case.periods[place] for place in places[::every]])
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value, 0)))
    axis.set_ylabel(f"{case.currency} per insured-year")
    axis.set_xlabel("Period")
    axis.text(0.0, 1.02, shorten(case.case, 60), transform=axis.transAxes, weight="bold", va="bottom")
    return picture
