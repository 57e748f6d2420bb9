"""Figure: how often a true saving is paid, and what it earns on average, by kind of threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from ssinfer.figures.numbers import plain
from ssinfer.figures.style import INK, SOFT, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ssinfer.figures.data import Earnings

RIGHT = LinearSegmentedColormap.from_list("right", ["#FFFFFF", "#7FB8DC"])  # a true saving that is paid
WRONG = LinearSegmentedColormap.from_list("wrong", ["#FFFFFF", "#D55E00"])  # paid although nothing was saved
ROW = 0.46


def draw(data: Earnings) -> Figure:
    """Return a table of cells: a row per threshold, a column per true saving; shaded by how often it is paid."""
    count, columns = len(data.curves), len(data.savings)
    picture = figure(1.15 + ROW * (count + 1))
    axis = picture.subplots()
    for row, curve in enumerate(data.curves):
        for column in range(columns):
            false = data.savings[column] == 0
            share = float(curve.paid[column])
            shade = WRONG(min(share / 0.25, 1.0)) if false else RIGHT(share)
            axis.add_patch(Rectangle((column, row), 1, 1, facecolor=shade, edgecolor="white", linewidth=2))
            axis.text(
                column + 0.5, row + 0.36, f"{plain(100 * share, 0)} of 100", ha="center", va="center", color=INK,
                weight="bold",
            )  # fmt: skip
            axis.text(
                column + 0.5, row + 0.73, f"{data.currency} {plain(float(curve.bonus[column]), 0)}", ha="center",
                va="center", color=INK, fontsize=8,
            )  # fmt: skip
        if curve.recommended:
            axis.add_patch(Rectangle((0, row), columns, 1, fill=False, edgecolor=INK, linewidth=1.8, zorder=4))
    for column in range(columns):
        axis.text(
            column + 0.5, count + 0.5, f"{data.currency} {plain(float(data.due[column]), 0)}", ha="center", va="center",
            color=SOFT,
        )  # fmt: skip
    heads = ["nothing" if saving == 0 else f"{100 * saving:g}%" for saving in data.savings]
    axis.set_xticks([column + 0.5 for column in range(columns)], heads, color=INK, weight="bold")
    axis.xaxis.tick_top()
    axis.xaxis.set_label_position("top")
    axis.set_xlabel(
        f"If a contract truly saves … it is paid so often, and earns so many {data.currency} per insured-year",
        labelpad=10,
    )
    names = [f"{curve.threshold}\n(recommended)" if curve.recommended else curve.threshold for curve in data.curves]
    axis.set_yticks([row + 0.5 for row in range(count + 1)], [*names, "due, without error"], color=INK)
    axis.set_xlim(0, columns)
    axis.set_ylim(count + 1, 0)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    return picture
