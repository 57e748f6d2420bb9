"""Figure: spending of the contract group and its benchmarks, in baseline and performance periods."""

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, INK, SOFT, colour, figure, marker, shorten, spread
from ssinfer.printed import plain
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

BASELINE, PERFORMANCE, NO_WINDOW = "baseline", "performance", ""
MAX_OFFSET = 0.2  # between benchmarks of one period, in periods
MAX_CHARACTERS = 66  # of all tick labels together


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return spending by period as a line, and benchmarks: their fit in the baseline, then with 95% intervals."""
    picture = figure(4.1)
    axis = picture.subplots()
    observed = frame[frame["design"] == ""]
    benchmarks = frame[frame["design"] != ""]
    periods, spending = observed["period"].tolist(), observed["value"].to_numpy()
    position = {period: number for number, period in enumerate(periods)}
    positions = np.arange(len(periods))
    windows = {name: positions[observed["window"] == name] for name in (BASELINE, PERFORMANCE)}
    n_benchmarks = benchmarks["design"].nunique()
    step = min(MAX_OFFSET, 0.75 / (n_benchmarks + 1))
    edge = len(periods) - 0.5 + (0.45 if n_benchmarks else 0.0)
    baseline = windows[BASELINE].min() - 0.5, windows[BASELINE].max() + 0.5
    performance = windows[PERFORMANCE].min() - 0.5, edge
    axis.axvspan(*baseline, color=FAINT, alpha=0.45, linewidth=0)
    axis.axvspan(*performance, color="#FCE7C8", alpha=0.7, linewidth=0)
    for number in positions[observed["masked"]]:
        axis.axvspan(number - 0.5, number + 0.5, facecolor="none", edgecolor=SOFT, hatch="///", linewidth=0, alpha=0.4)
    axis.plot(positions, spending, color=INK, linewidth=1.6, marker="o", markersize=4.5, zorder=5)
    ends: list[tuple[float, str, str]] = []
    for number, (design, part) in enumerate(benchmarks.groupby("design", sort=False)):
        paid = part[part["window"] == PERFORMANCE]
        shift = part["period"].map(position) + step * (number + 1) * (part["window"] == PERFORMANCE)
        axis.plot(shift, part["value"], color=colour(number), linewidth=1.1, zorder=3)
        mean, lower, upper = (paid[name].to_numpy() for name in ("value", "lower", "upper"))
        axis.errorbar(
            shift[paid.index], mean, yerr=np.nan_to_num([mean - lower, upper - mean]),
            fmt=marker(number), color=colour(number), markersize=6, elinewidth=1.8, zorder=4,
        )  # fmt: skip
        ends.append((float(mean[-1]), shorten(str(design)), colour(number)))
    last = float(spending[windows[PERFORMANCE][-1]])
    if np.isfinite(last):
        ends.append((last, say("figure.case.observed"), INK))
    low, high = (float(limit) for limit in np.nanquantile(frame[["value", "lower", "upper"]].to_numpy(), [0, 1]))
    margin = 0.08 * max(high - low, 1e-9 + 0.01 * abs(high))
    bottom, top = low - margin, high + 2.2 * margin
    for height, (_, text, ink) in zip(spread([end[0] for end in ends], 0.06 * (top - bottom)), ends, strict=True):
        weight = "bold" if ink == INK else "normal"
        axis.text(edge + 0.1, height, text, color=ink, va="center", ha="left", weight=weight)
    for (left, right), name in ((baseline, BASELINE), (performance, PERFORMANCE)):
        text = say(f"figure.case.{name}")
        axis.text((left + right) / 2, top - 0.3 * margin, text, color=SOFT, va="top", ha="center")
    axis.set_xlim(-0.5, edge)
    axis.set_ylim(bottom, top)
    every = -(-len(periods) * (max(map(len, periods)) + 1) // MAX_CHARACTERS)
    axis.set_xticks(positions[::every], periods[::every])
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value, 0)))
    axis.set_ylabel(say("figure.case.spending", currency=frame["currency"].iloc[0]))
    axis.set_xlabel(say("figure.case.period"))
    axis.text(
        0.0, 1.02, shorten(frame["contract_group"].iloc[0], 60), transform=axis.transAxes, weight="bold", va="bottom"
    )
    return picture


FIGURE = Figure(
    name="case",
    order=60,
    schema=FrameSchema(
        "case",
        "one row per period of observed spending, and one row per design and period",
        Column("contract_group", "text", "", "Name of the contract group."),
        Column("currency", "text", "", "Currency of spending."),
        Column("interval", "text", "", "The interval of the benchmarks in words."),
        Column("design", "text", "", "Name of the design of a benchmark; empty for observed spending."),
        Column("period", "text", "", "Label of the period."),
        Column("window", "text", "", f"{BASELINE!r}, {PERFORMANCE!r} or empty."),
        Column("masked", "bool", "", "Whether the design masks the period."),
        Column("value", "float", "currency per insured-year", "Observed spending, or benchmark (fit or mean)."),
        Column("lower", "float", "currency per insured-year", "Lower end of the 95% interval; NaN if none."),
        Column("upper", "float", "currency per insured-year", "Upper end of the 95% interval; NaN if none."),
    ),
    plot=draw,
    names="design",
)
