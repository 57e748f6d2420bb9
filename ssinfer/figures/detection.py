"""Figure: the probability of payment, by true saving (a backtest) or by number of insured (a scenario)."""

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, NullFormatter

from ssinfer.backtesting.frames import by_pair
from ssinfer.backtesting.result import BacktestResult
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import FAINT, SOFT, Z, colour, marker, panels, percent_axis
from ssinfer.printed import count
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.names import threshold_name
from ssinfer.thresholds.planning.power import power_table
from ssinfer.thresholds.planning.scenario import Scenario

SAVINGS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.10)
SIZES = np.geomspace(1_000, 500_000, 55).round()


def scenario_frame(scenario: Scenario) -> pd.DataFrame:
    """Return the payments of a scenario by number of insured and true saving."""
    table = power_table(scenario, SIZES.tolist(), [scenario.years], SAVINGS)
    rates = table[[f"detection_rate_{100 * saving:g}" for saving in SAVINGS]].to_numpy()
    lines = np.repeat([say("figure.detection.true", rate=saving) for saving in SAVINGS], len(SIZES))
    columns = {"line": lines, "position": np.tile(SIZES, len(SAVINGS)), "rate": rates.T.ravel()}
    name = say("figure.detection.years", n=scenario.years)
    return pd.DataFrame({"name": name, "by": "insured", **columns, "standard_error": np.nan})


def frame_of(shown: BacktestResult | Scenario) -> pd.DataFrame:
    """Return the frame of a scenario, or of one-sided thresholds of a backtest at their highest level."""
    if isinstance(shown, Scenario):
        return scenario_frame(shown)
    parts = []
    for name, rows in by_pair(shown.detection, size_class="all", side="one-sided"):
        keys = [ThresholdKey.of({**row}) for _, row in rows.iterrows()]
        names = [threshold_name(key, short=True) for key in keys]
        kept = [not key.informed and key.level in (None, rows["level"].max()) for key in keys]
        old = {"injected": "position", "detection_rate": "rate", "detection_rate_se": "standard_error"}
        parts.append(rows.rename(columns=old).assign(name=name, line=names, by="saving")[kept])
    return pd.concat(parts)[[*SCHEMA.header()]] if parts else pd.DataFrame()


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return one panel per design and method, with one line per threshold, or per true saving."""
    by = frame["by"].iloc[0]
    picture, axes, parts = panels(frame, 0.9, 2.6)
    for axis, part in zip(axes, parts, strict=True):
        for number, (name, line) in enumerate(part.groupby("line", sort=False)):
            style = {"color": colour(number), "linewidth": 1.6, "label": name, "clip_on": False}
            axis.plot(line["position"], line["rate"], marker=marker(number) if by == "saving" else None, **style)
            half = Z * np.nan_to_num(line["standard_error"].to_numpy())
            ends = np.clip([line["rate"] - half, line["rate"] + half], 0.0, 1.0)
            axis.fill_between(line["position"], *ends, color=colour(number), alpha=0.12, linewidth=0)
        axis.set_ylim(0.0, 1.0)
        percent_axis(axis.yaxis)
        axis.grid(color=FAINT, linewidth=0.6)
        axis.set_ylabel(say("figure.detection.rate"))
        axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, labelcolor=SOFT)
    percent_axis(axes[-1].xaxis)
    if by == "insured":
        axes[-1].set_xscale("log")
        axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
        axes[-1].xaxis.set_minor_formatter(NullFormatter())
    axes[-1].set_xlabel(say(f"figure.detection.{by}"))
    return picture


SCHEMA = FrameSchema(
    "detection",
    "one row per line and position, by design and method",
    Column("name", "text", "", "Name of the design and method, or the years of a scenario."),
    Column("line", "text", "", "Name of the threshold, or the true saving."),
    Column("by", "text", "", "'saving' or 'insured': what the position is."),
    Column("position", "float", "fraction, or persons", "True saving, or number of insured."),
    Column("rate", "float", "fraction of contracts", "Share of contracts paid."),
    Column("standard_error", "float", "fraction of contracts", "Standard error of the rate; NaN if unknown."),
)
NEEDS = "detection has no rows, because too few placebos have an estimate. Backtest more placebos or origins."
FIGURE = Figure("detection", 32, SCHEMA, draw, names="name", panels=3, of=frame_of, needs=NEEDS)
