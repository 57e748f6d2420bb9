"""The picture of a first page in documents: measured saving with its interval, threshold, and other programmes."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ssinfer.figures.axis import Axis
from ssinfer.figures.style import COLOURS, FAINT, INK, figure, percent_axis, quiet, style
from ssinfer.sentences import say

ROWS = {"reported": 0.9, "threshold": 0.72, "measured": 0.2}  # heights of the words: no line crosses one


def draw_answer(
    axis: Axis,
    reported: tuple[float, float],
    measured: Mapping[str, Any] | None,
    threshold: Mapping[str, Any] | None,
    interval: tuple[float, float] | None,
) -> Figure:
    """Draw what is known of the answer, as fractions of the benchmark, on an axis."""
    with style():
        picture = figure(1.5)
        axes = picture.subplots()
        axes.set(xlim=(axis.low, axis.high), ylim=(0, 1), yticks=[])
        quiet(axes)
        percent_axis(axes.xaxis)
        axes.axvspan(*reported, ymax=0.85, color=FAINT, alpha=0.6, lw=0)

        def words(at: float, row: str, text: str, colour: str) -> None:
            side = "left" if axis.at(at) < 25 else "right" if axis.at(at) > 75 else "center"
            axes.text(at, ROWS[row], text, ha=side, color=colour, weight="bold" if row != "reported" else "normal")

        words(sum(reported) / 2, "reported", say("first.reported", low=reported[0], high=reported[1]), INK)
        if threshold is not None and threshold["rate"] is not None:
            axes.plot([threshold["rate"]] * 2, [0.34, 0.7], color=INK, lw=2)
            words(threshold["rate"], "threshold", say("first.threshold", rate=threshold["rate"]), INK)
        if measured is not None:
            text = say("first.measured", rate=measured["rate"])
            if interval is not None:
                axes.plot(interval, [0.5, 0.5], color=COLOURS[0], lw=3, solid_capstyle="butt")
                text += f" {say('first.ends', lower=interval[0], upper=interval[1])}"
            axes.plot(measured["rate"], 0.5, "o", color=COLOURS[0], ms=9)
            words(measured["rate"], "measured", text, COLOURS[0])
    return picture
