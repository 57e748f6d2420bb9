"""Figure: the false payment rate that each threshold promises, and the rate on placebo contracts."""

from collections.abc import Mapping
from math import isfinite
from textwrap import fill
from typing import Any

import matplotlib.figure
import pandas as pd
from matplotlib.ticker import FuncFormatter

from ssinfer.backtesting.frames import by_pair
from ssinfer.backtesting.result import BacktestResult
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, INK, PAID, SOFT, Z, figure, quiet, shorten
from ssinfer.printed import separated
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say
from ssinfer.thresholds.kind import KINDS, ThresholdKey
from ssinfer.thresholds.names import threshold_name

AS_PROMISED, OTHERS = "#0072B2", "#A9A9A9"
ROW_HEIGHT = 0.3  # inches
SAMPLING_ALONE = ThresholdKey("", 0.95, "two-sided")  # a model without group shock, at the level that is usual


def false_payments_frame(
    backtested: Mapping[str, pd.DataFrame],
    sampling: Mapping[str, tuple[float, float]],
    main: str,
    best: ThresholdKey | None,
) -> pd.DataFrame:
    """Return one row per threshold and design: one-sided, two-sided 95% of models, and the advised threshold.

    Parameters
    ----------
    backtested : rows of thresholds.csv by name of the design
    sampling : rate of payments by sampling noise alone, with its standard error, by name of the design
    main, best : name of the design with the advised threshold, and this threshold (None without advice)
    """
    entries: list[tuple[ThresholdKey, tuple[Any, ...]]] = []
    for design, rows in backtested.items():
        if len(rows) and design in sampling:
            name = say("figure.false_payments.sampling")
            entries.append((SAMPLING_ALONE, (name, design, *sampling[design], design == main)))
        for _, row in rows.iterrows():
            key = ThresholdKey.of(row)
            if _usual(key) or key == best:
                name = threshold_name(key)
                name = say("figure.false_payments.advised", name=name) if key == best else name
                rate, error = float(row["false_payment_rate"]), float(row["false_payment_rate_se"])
                entries.append((key, (name, design, rate, error, design == main)))
    kinds = ["", *KINDS.names()]
    entries.sort(key=lambda entry: (kinds.index(entry[0].kind), entry[0].informed, -(entry[0].promised_rate or 0.0)))
    frame = pd.DataFrame([row for _, row in entries], columns=["threshold", "design", "rate", "standard_error", "main"])
    return frame.assign(promised=pd.Series([key.promised_rate for key, _ in entries], dtype=float))


def result_frame(result: BacktestResult) -> pd.DataFrame:
    """Return the thresholds of a backtest over placebos of all sizes, without an advised one."""
    backtested = dict(by_pair(result.thresholds, size_class="all"))
    return false_payments_frame(backtested, {}, "", None) if backtested else pd.DataFrame()


def _usual(key: ThresholdKey) -> bool:
    """Return whether the figure shows a threshold that is not advised."""
    if key.side == "one-sided":
        return not key.informed or key.level == 0.95
    return KINDS.find(key.kind).learns_from == "fit" and key.level == 0.95 and not key.informed


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one row per threshold: the promised rate, the rate of the main (or first) design, and the others small."""
    main = (frame[frame["main"]] if frame["main"].any() else frame)["design"].iloc[0]
    picture = figure(1.3 + ROW_HEIGHT * frame["threshold"].nunique())
    axis = picture.subplots()
    names = frame["threshold"].unique().tolist()
    for row, (_, part) in enumerate(frame.groupby("threshold", sort=False)):
        if row % 2 == 0:
            axis.axhspan(row - 0.5, row + 0.5, color=FAINT, alpha=0.35, linewidth=0)
        others = part.loc[part["design"] != main, "rate"]
        axis.plot(others, [row] * len(others), "o", markersize=3.2, color=OTHERS, zorder=2)
        promised, name = float(part["promised"].iloc[0]), "pays"
        if isfinite(promised):
            axis.vlines(promised, row - 0.42, row + 0.42, color=INK, linewidth=2.4, zorder=3)
            name = "pays_promised"
        for rate, error in part.loc[part["design"] == main, ["rate", "standard_error"]].to_numpy()[:1]:
            half = Z * error if isfinite(error) else 0.0
            above = isfinite(promised) and rate - half > promised
            ink = PAID if above else AS_PROMISED
            axis.errorbar(
                [rate], [row], xerr=[[min(half, rate)], [half]], fmt="o", color=ink, markersize=7, elinewidth=1.6,
                zorder=4,
            )  # fmt: skip
            printed = separated(f"{100 * promised:.1f}".removesuffix(".0"))
            text = say(f"figure.false_payments.{name}", rate=100 * rate, promised=printed)
            axis.annotate(
                text, (1.0, row), xycoords=("axes fraction", "data"), xytext=(6, 0),
                textcoords="offset points", va="center", ha="left", color=ink, weight="bold" if above else "normal",
            )  # fmt: skip
    bar = say("figure.false_payments.promised")
    axis.plot([], [], linestyle="none", marker="|", markersize=12, markeredgewidth=2.4, color=INK, label=bar)
    axis.plot([], [], "o", markersize=7, color=AS_PROMISED, label=shorten(main, 44))
    axis.plot([], [], "o", markersize=7, color=PAID, label=say("figure.false_payments.above"))
    if (frame["design"] != main).any():
        axis.plot([], [], "o", markersize=3.2, color=OTHERS, label=say("figure.false_payments.others"))
    axis.set_yticks(range(len(names)), [fill(name, 44) for name in names], color=INK, linespacing=0.9)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(left=0)
    quiet(axis)
    axis.grid(axis="x", color=FAINT, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: separated(f"{100 * value:g}")))
    axis.set_xlabel(say("figure.false_payments.rate"), loc="right")
    picture.legend(loc="outside upper left", ncols=2, frameon=False, labelcolor=SOFT)
    return picture


SCHEMA = FrameSchema(
    "false_payments",
    "one row per threshold and design",
    Column("threshold", "text", "", "Name of the threshold."),
    Column("promised", "float", "fraction of contracts", "Promised false payment rate; NaN if there is none."),
    Column("design", "text", "", "Name of the design."),
    Column("rate", "float", "fraction of contracts", "Share of placebo contracts that are paid."),
    Column("standard_error", "float", "fraction of contracts", "Standard error of the rate; NaN if unknown."),
    Column("main", "bool", "", "Whether this is the design with the advised threshold."),
)
NEEDS = "thresholds has no rows, because too few placebos have an estimate. Backtest more placebos or origins."
FIGURE = Figure("false_payments", 30, SCHEMA, draw, names="design", of=result_frame, needs=NEEDS)
