"""Figure: the error of the benchmark in baseline and performance periods, with those of placebo contracts."""

from collections.abc import Mapping

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, INK, SOFT, colour, marker, panels, percent_axis
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

ROW_HEIGHT = 1.9  # of one design and method, inches
MAX_PLACEBOS = 150  # paths per method


def paths_frame(paths: Mapping[str, pd.DataFrame], placebos: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return gaps by period, of the contract group (paths.csv) and of placebo contracts (placebo_paths), by name."""
    parts, keys = [], ["unit", "origin"]
    for name, own in paths.items():
        for placebo, rows in ((False, own), (True, placebos.get(name, own[:0]))):
            marked = rows.assign(before=rows["phase"] == "baseline")
            groups = marked.groupby(keys, sort=False, observed=True)
            step = groups.cumcount() - groups["before"].transform("sum")
            gap = (1.0 - rows["observed"] / rows["benchmark"]).astype(float)
            path = rows[keys].astype(str).assign(step=step, of_placebo=placebo, name=name, gap=gap)
            parts.append(path[groups.ngroup() < MAX_PLACEBOS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one panel per design and method: its gaps as a line, and those of placebo contracts in grey."""
    picture, axes, parts = panels(frame, 0.5, ROW_HEIGHT)
    for number, (axis, rows) in enumerate(zip(axes, parts, strict=True)):
        for _, path in rows[rows["of_placebo"]].groupby(["unit", "origin"], sort=False):
            axis.plot(path["step"], path["gap"], color=SOFT, alpha=0.25, linewidth=0.7, in_layout=False)
        own = rows[~rows["of_placebo"]].sort_values("step")
        axis.axhline(0.0, color=INK, linewidth=0.8)
        axis.axvspan(-0.5, frame["step"].max() + 0.5, color=FAINT, alpha=0.45, linewidth=0)
        axis.plot(own["step"], own["gap"], color=colour(number), marker=marker(number), linewidth=1.8, zorder=5)
        low, high = np.nanquantile(rows["gap"], [0.005, 0.995])
        low, high = min(low, own["gap"].min()), max(high, own["gap"].max())
        axis.set_ylim(low - 0.1 * (high - low), high + 0.25 * (high - low))
        percent_axis(axis.yaxis)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    words = {"va": "top", "color": SOFT, "transform": axes[0].get_xaxis_transform()}
    axes[0].text(-0.6, 0.98, say("figure.baseline_path.baseline"), ha="right", **words)
    axes[0].text(-0.4, 0.98, say("figure.baseline_path.performance"), ha="left", **words)
    axes[-1].set_xlabel(say("figure.baseline_path.step"))
    picture.supylabel(say("figure.baseline_path.gap"), fontsize=9)
    return picture


SCHEMA = FrameSchema(
    "baseline_path",
    "one row per period of the contract group and of each placebo contract, per method",
    Column("name", "text", "", "Name of the design and method."),
    Column("of_placebo", "bool", "", "Whether the row is of a placebo contract."),
    Column("unit", "text", "", "Unit."),
    Column("origin", "text", "", "First performance period."),
    Column("step", "int", "periods", "Periods since the start of the contract; negative in the baseline."),
    Column("gap", "float", "fraction", "Benchmark less observed spending, of the benchmark."),
)
FIGURE = Figure("baseline_path", 62, SCHEMA, draw, names="name", panels=4)
