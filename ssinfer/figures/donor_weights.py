"""Figure: the weights of the donors that make the benchmark."""

import matplotlib.figure
import numpy as np
import pandas as pd

from ssinfer.figures.figure import Figure
from ssinfer.figures.style import INK, colour, figure, percent_axis, quiet, shorten
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

BAR_HEIGHT = 0.24  # inches


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return bars of the largest weights by method, and of all other donors together."""
    names = frame["name"].unique().tolist()
    counts = [int((frame["name"] == name).sum()) for name in names]
    picture = figure(0.7 * len(names) + BAR_HEIGHT * sum(counts))
    axes = picture.subplots(len(names), 1, sharex=True, squeeze=False, height_ratios=counts)[:, 0]
    for number, (axis, name) in enumerate(zip(axes, names, strict=True)):
        rows = frame[frame["name"] == name]
        places = np.arange(len(rows))[::-1]
        axis.barh(places, rows["weight"], color=colour(number), height=0.7)
        labels = [
            say("figure.donor_weights.others", n=int(n)) if n else shorten(donor)
            for donor, n in zip(rows["donor"], rows["others"], strict=True)
        ]
        axis.set_yticks(places, labels)
        axis.axvline(0.0, color=INK, linewidth=0.8)
        axis.set_title(shorten(name, 70), loc="left", fontsize=9, weight="bold")
        quiet(axis)
    percent_axis(axes[-1].xaxis)
    axes[-1].set_xlabel(say("figure.donor_weights.weight"))
    return picture


FIGURE = Figure(
    name="donor_weights",
    order=61,
    schema=FrameSchema(
        "donor_weights",
        "one row per donor with a large weight, and one for all others, per method",
        Column("name", "text", "", "Name of the design and method."),
        Column("donor", "text", "", "Donor; empty for all others."),
        Column("others", "int", "donors", "How many other donors the row stands for; 0 for a single donor."),
        Column("weight", "float", "fraction", "Weight; negative weights extrapolate."),
    ),
    plot=draw,
    names="name",
    panels=3,
)
