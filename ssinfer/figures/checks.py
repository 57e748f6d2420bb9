"""Figure: the checks of a fit, each as a share of its limit."""

import math

import matplotlib.figure
import pandas as pd
from matplotlib.ticker import FuncFormatter

from ssinfer.counterfactual import Counterfactual
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, INK, PAID, SOFT, colour, figure, quiet, shorten
from ssinfer.printed import separated
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import check_name, say, word

ROW_HEIGHT = 0.27  # inches
REACH = 10.0  # the axis ends at this share of a limit, and at one over it
STATUS = {"PASS": ("ok", "o", colour(0)), "WARN": ("warn", "s", colour(5)), "FAIL": ("fail", "D", PAID)}


def fit_frame(cf: Counterfactual) -> pd.DataFrame:
    """Return check, status, figure and limit of the diagnostics of a fit."""
    return pd.DataFrame() if cf.diagnostics is None else cf.diagnostics[["check", "status", "figure", "limit"]]


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one row per check: left of the line the limit is met, whether it bounds from above or from below."""
    picture = figure(0.9 + ROW_HEIGHT * len(frame))
    axis, rows = picture.subplots(), frame[["status", "figure", "limit"]].itertuples(index=False, name=None)
    for row, (status, value, limit) in enumerate(rows):
        name, mark, ink = STATUS.get(status, ("not evaluated", "o", SOFT))
        distance = abs(math.log10(min(max(value / limit, 1 / REACH), REACH))) if limit > 0 <= value else math.nan
        axis.plot([10 ** (-distance if status == "PASS" else distance)], [row], mark, color=ink, clip_on=False)
        text = word("status", name) + (f": {separated(f'{value:.3g}')}" if math.isfinite(value) else "")
        text += f" ({say('figure.balance.limit', limit=limit)})" if math.isfinite(limit) else ""
        weight = "bold" if status == "FAIL" else "normal"
        axis.annotate(text, (1.02, row), xycoords=("axes fraction", "data"), va="center", weight=weight)
    axis.axvline(1.0, color=INK, linewidth=1.0)
    axis.set_xscale("log")
    axis.set_xlim(1 / REACH, REACH)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: separated(f"{value:g}")))
    axis.set_yticks(range(len(frame)), [shorten(check_name(str(name))) for name in frame["check"]], color=INK)
    axis.set_ylim(len(frame) - 0.5, -0.5)
    axis.grid(axis="y", color=FAINT, linewidth=0.6)
    quiet(axis)
    axis.set_xlabel(say("figure.checks.share"))
    return picture


SCHEMA = FrameSchema(
    "checks",
    "one row per check",
    Column("check", "text", "", "Name of the check."),
    Column("status", "text", "", "PASS, WARN, FAIL or NOT EVALUATED."),
    Column("figure", "float", "", "Number on which the verdict rests; NaN if there is none."),
    Column("limit", "float", "", "Value that separates the verdicts; NaN if there is none."),
)
NEEDS = "diagnostics has no rows, because the method makes no checks. ssinfer.diagnostics has checks of any method."
FIGURE = Figure("checks", 68, SCHEMA, draw, of=fit_frame, needs=NEEDS)
