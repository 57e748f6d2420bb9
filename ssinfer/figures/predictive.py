"""Figure: the posterior predictive check, the spread of the data among those of data that the model draws."""

from collections.abc import Mapping

import matplotlib.figure
import numpy as np
import pandas as pd

from ssinfer.figures.figure import Figure
from ssinfer.figures.style import INK, colour, panels, percent_axis, quiet
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

ROW_HEIGHT = 1.4  # of one design and method, inches
BINS = 40


def predictive_frame(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of predictive.parquet by name, with their number."""
    parts = [rows.assign(name=name, n_replicates=len(rows)) for name, rows in tables.items()]
    return pd.concat(parts, ignore_index=True)[[*FIGURE.schema.header()]] if parts else pd.DataFrame()


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one histogram of replicates per design and method, with the data as a dashed line."""
    picture, axes, parts = panels(frame, 0.6, ROW_HEIGHT)
    edges = np.histogram_bin_edges(frame[["spread", "observed"]].to_numpy(), BINS)
    for number, (axis, rows) in enumerate(zip(axes, parts, strict=True)):
        observed = float(rows["observed"].iloc[0])
        axis.hist(rows["spread"], edges, color=colour(number))
        axis.axvline(observed, 0.0, 0.8, color=INK, linestyle=(0, (4, 2)), linewidth=1.5)
        said = say("figure.predictive.above", observed=observed, share=float((rows["spread"] >= observed).mean()))
        axis.set_ylim(0.0, 1.3 * axis.get_ylim()[1])
        axis.text(0.005, 0.97, said, ha="left", va="top", transform=axis.transAxes)
        axis.set_yticks([])
        percent_axis(axis.xaxis)
        quiet(axis)
    axes[-1].set_xlabel(say("figure.predictive.spread"))
    return picture


SCHEMA = FrameSchema(
    "predictive",
    "one row per replicate of the data, per method",
    Column("name", "text", "", "Name of the design and method."),
    Column("spread", "float", "fraction", "SD over units and periods of spending over the unit's mean."),
    Column("observed", "float", "fraction", "The same of the data."),
    Column("n_replicates", "int", "", "Replicates of this design and method."),
)
FIGURE = Figure("predictive", 66, SCHEMA, draw, names="name", panels=4)
