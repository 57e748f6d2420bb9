"""Figure: how often a true saving is paid, and what it earns on average, by kind of threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.report.figures.style import FAINT, INK, SOFT, colour, figure, percent_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ssinfer.report.data import Earnings, Floats

DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))


def draw(data: Earnings) -> Figure:
    """Return two panels over the true saving: payment probability, and expected bonus beside what is due."""
    picture = figure(3.9)
    left, right = picture.subplots(1, 2)
    for place, curve in enumerate(data.curves):
        look = {"color": colour(place), "linewidth": 2.0, "linestyle": DASHES[place % len(DASHES)]}
        left.plot(data.savings, curve.paid, label=curve.threshold, **look)
        right.plot(data.savings, curve.bonus, **look)
    right.plot(data.savings, data.due, color=INK, linewidth=1.2, label="due")
    _name_end(right, data.savings, data.due, "due without error")
    left.set_ylim(0, 1)
    right.set_ylim(bottom=0)
    for axis in (left, right):
        axis.set_xlim(0, float(data.savings[-1]))
        axis.grid(color=FAINT, linewidth=0.6)
        axis.set_axisbelow(True)
        percent_axis(axis.xaxis)
        axis.set_xlabel("True saving, % of spending")
    percent_axis(left.yaxis)
    left.set_title("How often it is paid", loc="left", fontsize=10, weight="bold")
    right.set_title(f"What it earns, {data.currency} per insured-year", loc="left", fontsize=10, weight="bold")
    picture.legend(
        *left.get_legend_handles_labels(), loc="outside upper left", ncols=min(len(data.curves), 3), frameon=False,
        labelcolor=SOFT, handlelength=3.2,
    )  # fmt: skip
    return picture


def _name_end(axis: Axes, savings: Floats, due: Floats, text: str) -> None:
    middle = len(savings) // 2
    axis.annotate(
        text, (float(savings[middle]), float(due[middle])), xytext=(-8, 10), textcoords="offset points", ha="right",
        color=INK,
    )  # fmt: skip
