"""Figure: the distribution of the pooled saving, with thresholds."""

import math
from collections.abc import Mapping
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from ssinfer.errors import ParameterError
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import INK, SOFT, UNPAID, colour, figure, percent_axis, quiet, shorten
from ssinfer.printed import percent
from ssinfer.savings import Savings, refuse_rate
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.names import threshold_name
from ssinfer.thresholds.threshold import Threshold


def savings_frame(savings: Savings, thresholds: Any) -> pd.DataFrame:
    """Return the draws of the pooled saving over its mean benchmark, and the thresholds; empty without uncertainty."""
    pooled = savings.pooled()
    refuse_rate(mean := float(pooled.benchmark.mean()), "over all units and periods")
    if isinstance(thresholds, Mapping):
        named = [*thresholds.items()]
    else:
        listed = [] if thresholds is None else [thresholds] if np.ndim(thresholds) == 0 else thresholds
        named = [(_name(each), each) for each in listed]
    frame: Any = pd.DataFrame({"name": "", "rate": (pooled.draws / mean).values.ravel(), "kind": savings.uncertainty})
    for name, each in named:
        try:
            rate = float(each)
        except (TypeError, ValueError):
            rate = math.nan
        if math.isnan(rate) or 1 <= abs(rate) < math.inf:
            raise ParameterError(
                f"thresholds holds {each!r}; a Threshold or a fraction of the benchmark (0.02 for 2%) is needed, or a "
                "mapping of names to these. compare_thresholds lists those of a fit."
            )
        frame.loc[len(frame)] = [str(name), rate, savings.uncertainty]
    shown: pd.DataFrame = frame if savings.uncertainty != "none" else frame[:0]
    return shown


def _name(threshold: Any) -> str:
    if not isinstance(threshold, Threshold):
        return say("figure.saving.threshold")
    prior = (threshold.prior or "").partition(",")[0]  # its name, without numbers
    return threshold_name(ThresholdKey(threshold.kind, threshold.level, threshold.side, prior), short=True)


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return a histogram of the saving; darker: its 95% interval. Lines: zero, the mean, and each threshold."""
    picture = figure(3.2)
    axis, rates = picture.subplots(), frame.loc[frame["name"] == "", "rate"].to_numpy()
    low, high = np.quantile(rates, [0.025, 0.975])
    edges = np.histogram_bin_edges(rates, 60).tolist()
    axis.hist(rates, edges, color=UNPAID, alpha=0.5)
    axis.hist(rates[(rates >= low) & (rates <= high)], edges, color=UNPAID)
    axis.axvline(0.0, color=INK, linewidth=0.9)
    interval = say("range", low=percent(low, decimals=1), high=percent(high, decimals=1))
    measured = say("figure.saving.measured", interval=interval, rate=rates.mean())
    axis.axvline(rates.mean(), color=INK, linewidth=1.8, label=measured)
    lines = frame.loc[frame["name"] != "", ["name", "rate"]].itertuples(index=False, name=None)
    for number, (name, rate) in enumerate(lines, 1):
        at, printed = (rate, percent(rate, decimals=1)) if math.isfinite(rate) else (math.nan, "∞")
        dashes: Any = {"linestyle": (0, (4, 2)), "linewidth": 1.6, "label": f"{shorten(name, 40)}: {printed}"}
        axis.axvline(at, color=colour(number), **dashes)
    axis.set_yticks([])
    quiet(axis)
    percent_axis(axis.xaxis)
    axis.set_xlabel(say(f"figure.saving.{frame['kind'].iloc[0]}"))
    picture.legend(loc="outside upper left", ncols=2, frameon=False, labelcolor=SOFT)
    return picture


SCHEMA = FrameSchema(
    "saving",
    "one row per draw of the saving, and one per threshold",
    Column("name", "text", "", "Name of the threshold; empty for draws."),
    Column("rate", "float", "fraction of the mean benchmark", "Saving, or threshold; infinite if nothing is paid."),
    Column("kind", "text", "", "'posterior' or 'sampling': what the draws are of."),
)
NEEDS = "uncertainty is 'none', a point without a distribution. Use a method with draws; summary() has the point."
FIGURE = Figure("saving", 12, SCHEMA, draw, of=savings_frame, needs=NEEDS)
