"""Figure: the weights of the donors that make the benchmark."""

from collections.abc import Mapping

import matplotlib.figure
import numpy as np
import pandas as pd

from ssinfer.counterfactual import Counterfactual
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import INK, colour, panels, percent_axis, quiet, shorten
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

BAR_HEIGHT = 0.24  # inches
MAX_DONORS = 8  # bars per method
EVEN = 0.5  # effective donors of all donors, from which no picture of the weights is needed


def weights_frame(weights: Mapping[str, pd.DataFrame], even: float = EVEN) -> pd.DataFrame:
    """Return the largest weights by method, and the sum of all others, from rows of weights.csv by name.

    Methods with more than the share `even` of effective donors are left out.
    """
    parts = []
    donors = max((rows["donor"].nunique() for rows in weights.values()), default=0)
    for name, rows in weights.items():
        mean = rows.groupby("donor", sort=False)["weight"].mean()
        mean = mean.loc[mean.abs().sort_values(ascending=False, kind="stable").index]
        if 1 / (mean**2).sum() > even * donors:
            continue
        shown, rest = mean[:MAX_DONORS], mean[MAX_DONORS:]
        bars = [(str(donor), 0, weight) for donor, weight in shown.items()]
        bars += [("", len(rest), rest.sum())] if len(rest) else []
        parts.append(pd.DataFrame(bars, columns=["donor", "others", "weight"]).assign(name=name))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def fit_frame(cf: Counterfactual) -> pd.DataFrame:
    """Return the frame of one fit, whose weights may be even; empty without weights."""
    if cf.weights is None:
        return pd.DataFrame()
    weights = cf.weights.melt(var_name="donor", value_name="weight")
    return weights_frame({cf.method: weights[weights["weight"] != 0]}, np.inf)


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return bars of the largest weights by method, and of all other donors together."""
    picture, axes, parts = panels(frame, 0.0, 0.7, BAR_HEIGHT)
    for number, (axis, rows) in enumerate(zip(axes, parts, strict=True)):
        places = np.arange(len(rows))[::-1]
        axis.barh(places, rows["weight"], color=colour(number), height=0.7)
        labels = [
            say("figure.donor_weights.others", n=int(n)) if n else shorten(donor)
            for donor, n in zip(rows["donor"], rows["others"], strict=True)
        ]
        axis.set_yticks(places, labels)
        axis.axvline(0.0, color=INK, linewidth=0.8)
        quiet(axis)
    percent_axis(axes[-1].xaxis)
    axes[-1].set_xlabel(say("figure.donor_weights.weight"))
    return picture


SCHEMA = FrameSchema(
    "donor_weights",
    "one row per donor with a large weight, and one for all others, per method",
    Column("name", "text", "", "Name of the design and method."),
    Column("donor", "text", "", "Donor; empty for all others."),
    Column("others", "int", "donors", "How many other donors the row stands for; 0 for a single donor."),
    Column("weight", "float", "fraction", "Weight; negative weights extrapolate."),
)
NEEDS = "weights is None, because the method weighs no donors. Fit one that does, such as SyntheticControl."
FIGURE = Figure("donor_weights", 61, SCHEMA, draw, names="name", panels=3, of=fit_frame, needs=NEEDS)
