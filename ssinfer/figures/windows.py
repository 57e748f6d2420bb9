"""Figure: the windows of a design on the time line of a panel."""

from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.patches import Patch, Rectangle

from ssinfer.design import Design
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import CENTRED, SOFT, WINDOWS, figure, quiet, shorten
from ssinfer.panel import Panel
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

ROW_HEIGHT = 0.36  # inches
MAX_ROWS = 12  # of treated units with the same start
MAX_CHARACTERS = 66  # of all tick labels together
COLOURS = {**WINDOWS, "performance": "#F6C98B", "baseline": "#C9D6E0", "": "white"}


def design_frame(design: Design, panel: Panel) -> pd.DataFrame:
    """Return the window of each period: a row per start of the treated units, and one of the comparison group."""
    design = design.on(panel)
    treated, performance, starts = design.treated_rows(panel), panel.columns(design.performance), design.starts or {}
    begins = panel.columns([starts.get(unit, design.performance[0]) for unit in design.treated])
    groups = [(begin, treated[begins == begin]) for begin in np.unique(begins)[:MAX_ROWS]]
    parts = []
    for begin, rows in [*groups, (-1, design.donor_rows(panel))]:
        window = np.full(len(panel.periods), "", dtype=object)
        window[panel.columns(design.baseline)] = "baseline"
        window[performance] = np.where(performance >= begin, "performance", "baseline")
        name = shorten(", ".join(panel.units[row] for row in rows[:3]), 30) if begin >= 0 else ""
        columns = {"name": name, "units": len(rows), "period": [*map(str, panel.periods)], "window": window}
        masked = [panel.periods[at] in design.masked for at in range(len(panel.periods))]
        known = np.isfinite(panel.spending[rows]).all(axis=0)
        parts.append(pd.DataFrame({**columns, "masked": masked, "known": known}))
    return pd.concat(parts, ignore_index=True)


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return a row of cells per group of units: baseline and performance in colour, masked periods hatched."""
    parts = [part for _, part in frame.groupby(["name", "units"], sort=False)]
    picture = figure(1.0 + ROW_HEIGHT * len(parts))
    axis, periods = picture.subplots(), parts[0]["period"].tolist()
    for row, part in enumerate(parts):
        for at, (window, masked, known) in enumerate(part[["window", "masked", "known"]].to_numpy().tolist()):
            inks: Any = {"facecolor": COLOURS[window], "edgecolor": SOFT, "linewidth": 0.5}
            axis.add_patch(Rectangle((at, row + 0.08), 1, 0.84, hatch="////" if masked else None, **inks))
            axis.text(at + 0.5, row + 0.5, "" if known else "×", color=SOFT, **CENTRED)
    names = [(part["name"].iloc[0] or say("figure.windows.comparison"), part["units"].iloc[0]) for part in parts]
    axis.set_yticks(np.arange(len(parts)) + 0.5, [f"{name} ({n})" if n > 1 else name for name, n in names])
    every = -(-len(periods) * (max(map(len, periods)) + 1) // MAX_CHARACTERS)
    axis.set_xticks((np.arange(len(periods)) + 0.5)[::every], periods[::every])
    axis.set_xlim(0, len(periods))
    axis.set_ylim(len(parts), 0)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    quiet(axis)
    boxes = [Patch(facecolor=COLOURS[name], label=say(f"figure.case.{name}")) for name in ("baseline", "performance")]
    if frame["masked"].any():
        boxes.append(Patch(facecolor="white", edgecolor=SOFT, hatch="////", label=say("figure.windows.masked")))
    picture.legend(handles=boxes, loc="outside upper left", ncols=3, frameon=False, labelcolor=SOFT)
    return picture


SCHEMA = FrameSchema(
    "windows",
    "one row per group of units and period of the panel",
    Column("name", "text", "", "Treated units with one start; empty for the comparison group."),
    Column("units", "int", "units", "Number of units."),
    Column("period", "text", "", "Label of the period."),
    Column("window", "text", "", "'baseline', 'performance' or empty."),
    Column("masked", "bool", "", "Whether the design masks the period."),
    Column("known", "bool", "", "Whether the panel has the spending of all these units."),
)
FIGURE = Figure("windows", 3, SCHEMA, draw, of=design_frame)
