"""Figure: balance of treated and comparison persons on each covariate, before and after matching or weighting."""

import math
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

import matplotlib.figure
import pandas as pd

from ssinfer.benchmarks.matched.balance import measures
from ssinfer.benchmarks.matched.balance.measures import SMD
from ssinfer.counterfactual import Counterfactual
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import COLOURS, FAINT, INK, SOFT, figure, quiet, shorten
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say, word

MAX_COLUMNS = 3  # panels side by side
AFTER = COLOURS[0]
DOTS: Any = {"marker": "o", "linestyle": "", "markersize": 5.5, "clip_on": False}
MAX_COVARIATES = 30


def balance_frame(balance: Mapping[str, tuple[pd.DataFrame, float]]) -> pd.DataFrame:
    """Return one row per design and covariate, the largest difference before first, from tables and limits by name."""
    parts = []
    for name, (table, limit) in balance.items():
        differences = table[[SMD, SMD + measures.AFTER]].abs().sort_values(SMD, ascending=False)
        differences = differences.head(MAX_COVARIATES).set_axis(["before", "after"], axis=1)
        parts.append(differences.rename_axis("covariate").reset_index().assign(design=name, limit=limit))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def fit_frame(cf: Counterfactual) -> pd.DataFrame:
    """Return the frame of one fit on persons; empty for a fit without a table of balance."""
    if "balance" not in cf.inference:
        return pd.DataFrame()
    limits: Any = cf.inference["balance_limits"].to_dataframe()["limit"] if "balance_limits" in cf.inference else {}
    return balance_frame({cf.method: (cf.inference["balance"].to_dataframe(), float(limits.get("smd", math.nan)))})


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one panel per design, the covariates by falling imbalance: hollow dots before, filled dots after."""
    panels = list(frame.groupby("design", sort=False))
    columns = min(len(panels), MAX_COLUMNS)
    rows = -(-len(panels) // columns)
    worst = frame.groupby("covariate", sort=False)["before"].max().fillna(0.0)
    row_of = {name: row for row, name in enumerate(worst.sort_values(ascending=False, kind="stable").index)}
    limits = frame["limit"].dropna().unique()
    limit_label = say(f"figure.balance.{'limit' if len(limits) == 1 else 'limits'}", limit=[*limits, 0.0][0])
    picture = figure(0.9 + rows * (1.05 + 0.21 * len(row_of)))
    grid = picture.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    reach = 1.06 * max(float(frame[["before", "after", "limit"]].max().max()), 0.1)
    for axis in grid.ravel()[len(panels) :]:
        axis.set_axis_off()
    for axis, (design, part) in zip(grid.ravel(), panels, strict=False):
        height = part["covariate"].map(row_of)
        axis.hlines(height, 0, reach, color=FAINT, linewidth=0.6)
        axis.hlines(height, part["after"], part["before"], color=SOFT, linewidth=0.9)
        axis.plot(
            part["before"], height, color=SOFT, label=say("figure.balance.before"), markerfacecolor="white", **DOTS
        )
        axis.plot(part["after"], height, color=AFTER, label=say("figure.balance.after"), **DOTS)
        for limit in part["limit"].dropna().unique():
            axis.axvline(limit, color=INK, linestyle=(0, (4, 2)), linewidth=1.1, label=limit_label)
        quiet(axis)
        axis.tick_params(axis="y", pad=7, labelcolor=INK)
        axis.tick_params(axis="x", labelbottom=True)
        title = "\n".join(wrap(str(design), 66 // columns, max_lines=2, placeholder=" \N{HORIZONTAL ELLIPSIS}"))
        axis.set_title(title, loc="left", fontsize=9, weight="bold", color=INK)
        axis.set_xlabel(say("figure.balance.difference"))
    grid[0, 0].set_yticks(range(len(row_of)), [shorten(word("covariate", name), 28) for name in row_of])
    grid[0, 0].set_ylim(len(row_of) - 0.5, -0.5)
    grid[0, 0].set_xlim(0, reach)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, labelcolor=SOFT)
    return picture


SCHEMA = FrameSchema(
    "balance",
    "one row per design and covariate",
    Column("design", "text", "", "Name of the design."),
    Column("covariate", "text", "", "Name of the covariate."),
    Column("before", "float", "standard deviations", "Absolute standardised mean difference before."),
    Column("after", "float", "standard deviations", "Absolute standardised mean difference after."),
    Column("limit", "float", "standard deviations", "Largest difference that the study allows; NaN if none."),
)
NEEDS = 'inference has no "balance", because the method matches no persons. Fit PropensityMatching on a Cohort.'
FIGURE = Figure("balance", 50, SCHEMA, draw, names="design", panels=MAX_COLUMNS, of=fit_frame, needs=NEEDS)
