"""Figure: the parameters of a Bayesian benchmark, before and after the data."""

from collections.abc import Mapping
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, SOFT, colour, panels, quiet, shorten
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import parameter_name, say

ROW_HEIGHT = 0.42  # of one parameter, inches
MAX_PARAMETERS = 12  # per method


def parameters_frame(inference: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the median and the 90% interval of each parameter in SD of its prior, from the groups of each fit."""
    records = []
    for name, groups in inference.items():
        prior, posterior = (groups.get(group, {}) for group in ("prior", "posterior"))
        for parameter in sorted(map(str, set(prior) & set(posterior)))[:MAX_PARAMETERS]:
            before = prior[parameter].values.ravel()
            centre, scale = np.median(before), before.std()
            for is_posterior, draws in ((False, before), (True, posterior[parameter].values.ravel())):
                lower, median, upper = (np.quantile(draws, [0.05, 0.5, 0.95]) - centre) / scale
                label = {"name": name, "parameter": parameter, "posterior": is_posterior}
                records.append({**label, "median": median, "lower": lower, "upper": upper})
    return pd.DataFrame(records)


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return prior (grey) and posterior intervals of each parameter, in SD of its prior."""
    picture, axes, parts = panels(frame, 0.7, 0.35, ROW_HEIGHT / 2)
    for number, (axis, part) in enumerate(zip(axes, parts, strict=True)):
        parameters = part["parameter"].unique().tolist()
        for place, parameter in enumerate(reversed(parameters)):
            for posterior, lift, ink in ((False, 0.15, SOFT), (True, -0.15, colour(number))):
                row = part[(part["parameter"] == parameter) & (part["posterior"] == posterior)].iloc[0]
                axis.plot([row["lower"], row["upper"]], [place + lift] * 2, color=ink, linewidth=2)
                axis.plot(row["median"], place + lift, color=ink, marker="o" if posterior else "s", markersize=5)
        axis.set_yticks(np.arange(len(parameters)), [shorten(parameter_name(each)) for each in reversed(parameters)])
        axis.set_ylim(-0.6, len(parameters) - 0.4)
        axis.grid(axis="x", color=FAINT, linewidth=0.6)
        quiet(axis)
    axes[-1].set_xlabel(say("figure.prior_posterior.scale"))
    return picture


SCHEMA = FrameSchema(
    "prior_posterior",
    "one row per parameter, before and after the data, per method",
    Column("name", "text", "", "Name of the design and method."),
    Column("parameter", "text", "", "Parameter of the model."),
    Column("posterior", "bool", "", "Whether the row is of the posterior; else of the prior."),
    Column("median", "float", "SD of the prior", "Median, less that of the prior."),
    Column("lower", "float", "SD of the prior", "5th percentile, less the median of the prior."),
    Column("upper", "float", "SD of the prior", "95th percentile, less the median of the prior."),
)
FIGURE = Figure("prior_posterior", 64, SCHEMA, draw, names="name", panels=1)
