"""Figure: the threshold by number of insured-years, with Medicare's schedule for comparison."""

from collections.abc import Mapping
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from ssinfer.backtesting.noise import NoiseComponents
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, INK, LINES, SOFT, colour, figure, marker, percent_axis, shorten, spread
from ssinfer.printed import count
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say
from ssinfer.thresholds.schedule import minimum_savings_rate

DESIGN, SAMPLING, SCHEDULE, GROUP = "design", "sampling", "schedule", "contract group"
LEADER = {"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)}
TICKS = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
SMALLEST, LARGEST = TICKS[0], TICKS[-1]
Z = 1.6448536269514722


def sizes_frame(noise: Mapping[str, NoiseComponents], group: tuple[str, float, float] | None) -> pd.DataFrame:
    """Return the thresholds of each design by size, without the group shock, by schedule, and of the contract group.

    `noise` is by name of the design, and `group` the contract group's name, insured-years and threshold.
    """
    if not noise:
        return pd.DataFrame()
    n = np.geomspace(SMALLEST, LARGEST, 400)
    lines: list[tuple[Any, ...]] = []
    for name, c in noise.items():
        observed = (n >= c.smallest) & (n <= c.largest)
        lines.append((n, DESIGN, name, Z * np.sqrt(c.k**2 / n + c.shock**2), observed))
    sampling = Z * next(iter(noise.values())).k / np.sqrt(n)
    lines.append((n, SAMPLING, say("figure.threshold_by_size.sampling"), sampling, False))
    schedule = [minimum_savings_rate(size) for size in n]
    lines.append((n, SCHEDULE, say("figure.threshold_by_size.schedule"), schedule, False))
    if group is not None:
        name, years, rate = group
        lines.append(([years], GROUP, name, rate, False))
    names = ("insured_years", "item", "name", "threshold", "observed")
    return pd.concat([pd.DataFrame(dict(zip(names, line, strict=True))) for line in lines], ignore_index=True)


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one-sided 95% thresholds by insured-years: with the group shock, without it, and the schedule."""
    picture = figure(4.3)
    axis = picture.subplots()
    ends: list[tuple[float, str, str]] = []
    lines = frame[frame["item"] != GROUP]
    for number, (name, line) in enumerate(lines.groupby("name", sort=False)):
        size, threshold = line["insured_years"].to_numpy(), line["threshold"].to_numpy()
        item = line["item"].iloc[0]
        ink = colour(number) if item == DESIGN else SOFT if item == SAMPLING else INK
        if item == DESIGN:
            inside = line["observed"].to_numpy()
            axis.plot(size, threshold, color=ink, linewidth=1.0, alpha=0.55)
            axis.plot(size[-1:], threshold[-1:], color=ink, marker=marker(number), clip_on=False, zorder=5)
            axis.plot(size[inside], threshold[inside], color=ink, linewidth=2.6)
        else:
            dashes, _ = LINES["fit" if item == SAMPLING else "size"]
            axis.plot(size, threshold, color=ink, linewidth=1.4 if item == SAMPLING else 1.6, linestyle=dashes)
        ends.append((float(threshold[-1]), shorten(str(name)), ink))
    top = 1.05 * float(lines.loc[lines["item"] != SAMPLING, "threshold"].max())
    groups = frame[(frame["item"] == GROUP) & frame["insured_years"].between(SMALLEST, LARGEST)]
    for name, size, threshold in groups[["name", "insured_years", "threshold"]].itertuples(index=False, name=None):
        axis.plot([size], [threshold], marker="v", markersize=10, color=INK, markeredgecolor="white", zorder=6)
        text = say("figure.threshold_by_size.group", name=shorten(name), size=size, rate=threshold)
        axis.annotate(
            text, (size, threshold), xytext=(-6, 62),
            textcoords="offset points", weight="bold", ha="center",
            arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.8},
        )  # fmt: skip
    heights = spread([end[0] for end in ends], 0.055 * top)
    lift = max(0.0, 0.02 * top - min(heights))
    for height, (end, text, ink) in zip(heights, ends, strict=True):
        axis.annotate(
            text, (LARGEST, end), xytext=(LARGEST * 1.13, height + lift), color=ink, va="center",
            annotation_clip=False, arrowprops={"color": ink, **LEADER},
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_xlim(SMALLEST, LARGEST)
    axis.set_ylim(0, top)
    axis.xaxis.set_major_locator(FixedLocator(list(TICKS)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(axis="x", which="minor", length=0)
    axis.grid(color=FAINT, linewidth=0.6)
    axis.set_axisbelow(True)
    percent_axis(axis.yaxis)
    axis.set_xlabel(say("figure.threshold_by_size.size"))
    axis.set_ylabel(say("figure.threshold_by_size.threshold"))
    return picture


SCHEMA = FrameSchema(
    "threshold_by_size",
    "one row per line and number of insured-years, and one row for the contract group",
    Column("item", "text", "", f"{DESIGN!r}, {SAMPLING!r}, {SCHEDULE!r} or {GROUP!r}."),
    Column("name", "text", "", "Name of the line or of the contract group."),
    Column("insured_years", "float", "insured-years", "Size of the group over the performance periods."),
    Column("threshold", "float", "fraction of the benchmark", "One-sided 95% threshold."),
    Column("observed", "bool", "", "Whether most placebos of the design have about this size."),
)
FIGURE = Figure("threshold_by_size", 40, SCHEMA, draw)
