"""Figure: threshold against misallocation of all designs, on the scale of all spending."""

from textwrap import fill

import matplotlib.figure
import pandas as pd

from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, INK, PAID, UNPAID, colour, figure, spread
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

MONEY = "currency per insured-year of all"
LABELLED = 10  # designs that have a label: more would not be read
LEADER = {"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3, "relpos": (0, 0.5)}


def frontier_frame(designs: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return the measures of every design that has a threshold, of several designs."""
    if len(designs) < 2:
        return pd.DataFrame()
    table = designs[designs["threshold_money"].notna()].assign(currency=currency)
    table["dominated"] &= ~table["settles"]
    return table[[column.name for column in FIGURE.schema.columns]]


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one circle per design, its area by the share of spending covered, and labels of those on the frontier."""
    picture = figure(5.4)
    axis = picture.subplots()
    for _, row in frame[::-1].iterrows():
        ink, marker = (PAID, "D") if row["settles"] else (UNPAID if row["dominated"] else colour(0), "o")
        axis.plot(
            row["misallocation"], row["threshold_money"], marker=marker, color=ink, linestyle="none",
            markersize=2 + 9 * row["share_of_spending"] ** 0.5, fillstyle="none" if row["sensitivity"] else "full",
        )  # fmt: skip
    axis.set_ylim(0, 1.06 * frame["threshold_money"].max())
    (left, right), top = axis.get_xlim(), axis.get_ylim()[1]
    named = frame[frame["settles"] | ~frame["dominated"]].head(LABELLED)
    heights = spread(named["threshold_money"].tolist(), 0.095 * top)
    shift = max(0.0, 0.04 * top - min(heights)) - max(0.0, max(heights) - top)
    for height, (_, row) in zip(heights, named.iterrows(), strict=True):
        text = fill(f"{row['number']}. {row['name']}", 36, max_lines=3, placeholder="…")
        place, label = (row["misallocation"], row["threshold_money"]), (right + 0.04 * (right - left), height + shift)
        axis.annotate(
            text, place, xytext=label, fontsize=7.5, va="center", annotation_clip=False,
            color=PAID if row["settles"] else INK, arrowprops={"color": FAINT, **LEADER},
        )  # fmt: skip
    axis.set_xlim(left, right)
    axis.grid(color=FAINT, linewidth=0.6)
    axis.set_axisbelow(True)
    currency = frame["currency"].iloc[0]
    axis.set_xlabel(say("figure.frontier.misallocation", currency=currency))
    axis.set_ylabel(say("figure.frontier.threshold", currency=currency))
    return picture


SCHEMA = FrameSchema(
    "frontier",
    "one row per design and method that has a threshold",
    Column("number", "int", "", "Number in the report."),
    Column("name", "text", "", "The design in words."),
    Column("misallocation", "float", MONEY, "Mean difference between payment and payment due."),
    Column("threshold_money", "float", MONEY, "Mean threshold."),
    Column("share_of_spending", "float", "fraction", "Share of all spending that the design covers."),
    Column("settles", "bool", "", "Whether it settles."),
    Column("dominated", "bool", "", "Whether another design dominates it, and it does not settle."),
    Column("sensitivity", "bool", "", "Whether it never settles."),
    Column("currency", "text", "", "Currency."),
)
FIGURE = Figure("frontier", 5, SCHEMA, draw)
