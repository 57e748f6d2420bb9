"""Figure: measured savings of placebo contracts, by design, with the thresholds of the contract group."""

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import chain
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from ssinfer.backtesting.frames import by_pair
from ssinfer.backtesting.result import BacktestResult
from ssinfer.errors import SsinferError
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import INK, LINES, PAID, SOFT, UNPAID, figure, percent_axis, quiet, shorten
from ssinfer.level import check_level
from ssinfer.printed import percent
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say
from ssinfer.thresholds.kind import KINDS, ThresholdKey
from ssinfer.thresholds.names import kind_name, plain_key
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds
from ssinfer.typing import Floats, Integers

type Item = tuple[str, str, str, float]  # item, name, what it learns from, rate

PLACEBO, THRESHOLD, MEASURED = "placebo contract", "threshold", "contract group"
LABEL_HEIGHT = 0.18  # of a threshold's label, as a share of the highest bar
FIRST_PANEL, OTHER_PANEL = 1.0 + 3.3 * LABEL_HEIGHT, 1.12  # heights; the first panel carries the labels
SHARE_SHOWN = 0.995
N_BINS = 48
WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}  # behind words that lines may cross


def placebos_frame(placebos: Mapping[str, pd.DataFrame], groups: Mapping[str, list[Item]]) -> pd.DataFrame:
    """Return the placebos by name of the design, with the lines of the contract group (`group_items`)."""
    parts = []
    for name, rows in placebos.items():
        try:
            thresholds = cross_fitted_placebo_thresholds(rows, check_level(COMPARISON_KEY.level), COMPARISON_KEY.side)
        except SsinferError:
            thresholds = np.full(len(rows), np.nan)
        rates = rows["savings_rate"].to_numpy(dtype=float)
        columns = {"rate": rates, "judged": ~np.isnan(thresholds), "paid": rates >= thresholds}
        part = pd.DataFrame({"item": PLACEBO, "name": "", "learns_from": "", **columns})
        group = [(*item, False, False) for item in groups[name]]
        of_design = [part, *([pd.DataFrame(group, columns=part.columns)] if group else [])]
        parts.append(pd.concat(of_design, ignore_index=True).assign(design=name))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def result_frame(result: BacktestResult) -> pd.DataFrame:
    """Return the estimated placebos of a backtest, by design and method, without lines of a contract group."""
    placebos = dict(by_pair(result.placebos, role="placebo", status="ok"))
    return placebos_frame(placebos, defaultdict(list))


def group_items(thresholds: pd.DataFrame, saving: float | None, decides: Mapping[str, Any] | None) -> list[Item]:
    """Return the saving of the contract group and its thresholds: where it settles, only the one that `decides`."""
    items: dict[str, Item] = {}
    if decides is not None and decides["rate"] is not None:
        learns_from = KINDS.find(decides["kind"]).learns_from if decides["kind"] in KINDS.names() else "size"
        items["decides"] = (THRESHOLD, kind_name(decides["kind"]), learns_from, decides["rate"])
    for kind in () if items or not len(thresholds) else KINDS.entries():
        if kind.name == COMPARISON_KEY.kind:
            key = COMPARISON_KEY
        elif kind.learns_from == "fit" and kind.has_level and kind.pays:
            key = plain_key(kind, 0.95, "two-sided")
        elif kind.learns_from == "size":
            key = ThresholdKey(kind.name)
        else:
            continue
        rates = thresholds.loc[key.rows(thresholds), "rate"]
        if len(rates) and math.isfinite(rates.iloc[0]):
            line = (THRESHOLD, kind_name(kind.name), kind.learns_from, float(rates.iloc[0]))
            items.setdefault(kind.learns_from, line)
    if saving is not None:
        items[MEASURED] = (MEASURED, "", "", saving)
    return [*items.values()]


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return histograms of placebo savings rates, one design below the other on one axis."""
    panels = [part for _, part in frame.groupby("design", sort=False)]
    rates = frame["rate"].to_numpy()
    of_placebos = (frame["item"] == PLACEBO).to_numpy()
    reach = float(np.quantile(np.abs(rates[of_placebos]), SHARE_SHOWN))
    reach = 1.05 * max(reach, *np.abs(rates[~of_placebos & np.isfinite(rates)]), 1e-6)
    edges = np.linspace(-reach, reach, N_BINS + 1)
    picture = figure(1.4 + 1.2 * len(panels))
    lines = [part[(part["item"] == THRESHOLD) & np.isfinite(part["rate"])] for part in panels]
    sources = [{*part["learns_from"]} for part in lines]  # each is named where it stands first
    new = [found - {*chain.from_iterable(sources[:number])} for number, found in enumerate(sources)]
    tall = [FIRST_PANEL if named or not panel else OTHER_PANEL for panel, named in enumerate(new)]
    heights = [height / OTHER_PANEL for height in tall]
    axes = picture.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    counts = [_counts(part, edges) for part in panels]
    top = max(int((unpaid + paid).max()) for unpaid, paid in counts)
    for panel, (axis, part, (unpaid, paid)) in enumerate(zip(axes, panels, counts, strict=True)):
        axis.add_collection(_bars(edges, np.zeros(N_BINS, dtype=int), unpaid, UNPAID))
        axis.add_collection(_bars(edges, unpaid, unpaid + paid, PAID))
        axis.axvline(0.0, color=INK, linewidth=0.9, zorder=3)
        axis.set_ylim(0, tall[panel] * top)
        axis.set_yticks([])
        quiet(axis)
        placebos = part[part["item"] == PLACEBO]
        axis.text(0.0, 0.98, shorten(part["design"].iloc[0], 40), transform=axis.transAxes, va="top", weight="bold")
        axis.annotate(
            say("figure.placebo_savings.n", n=len(placebos)), (0.0, 0.98), xycoords="axes fraction", xytext=(0, -15),
            textcoords="offset points", va="top", color=SOFT,
        )  # fmt: skip
        axis.text(0.98 * reach, 0.55 * top, _share(placebos), va="bottom", ha="right", color=PAID, zorder=5, bbox=WHITE)
        known = part[np.isfinite(part["rate"])]
        _draw_thresholds(axis, lines[panel], top, new[panel], 0.012 * reach)
        for rate in known.loc[known["item"] == MEASURED, "rate"]:
            axis.plot([rate], [0.05 * top], marker="v", markersize=9, color=INK, markeredgecolor="white", zorder=6)
            words: Any = {"ha": "center", "va": "bottom", "weight": "bold", "zorder": 6, "bbox": WHITE}
            axis.text(rate, 0.2 * top, say("figure.placebo_savings.measured", rate=rate), **words)
    axes[-1].set_xlim(-reach, reach)
    percent_axis(axes[-1].xaxis)
    axes[-1].set_xlabel(say("figure.placebo_savings.rate"))
    return picture


def _counts(part: pd.DataFrame, edges: Floats) -> tuple[Integers, Integers]:
    """Return counts of unpaid and of paid placebos; the outermost bars count the values beyond the axis."""
    placebos = part[part["item"] == PLACEBO]
    rates, paid = placebos["rate"].clip(edges[0], edges[-1]).to_numpy(), placebos["paid"].to_numpy()
    return np.histogram(rates[~paid], edges)[0], np.histogram(rates[paid], edges)[0]


def _bars(edges: Floats, below: Integers, above: Integers, ink: str) -> PolyCollection:
    """Return the bars of a histogram that are not empty as one artist, which is quicker than one artist per bar."""
    shown = np.flatnonzero(above > below)
    left, right = edges[shown], edges[shown] + 0.92 * (edges[1] - edges[0])
    x = np.stack([left, left, right, right], axis=1)
    y = np.stack([below[shown], above[shown], above[shown], below[shown]], axis=1)
    return PolyCollection(list(np.stack([x, y], axis=2)), facecolor=ink, edgecolor="none")


def _draw_thresholds(axis: Axes, lines: pd.DataFrame, top: float, named: set[str], gap: float) -> None:
    """Draw one vertical line per threshold, with a label if its source is `named`; the leftmost label is highest."""
    rates: Any = lines.loc[lines["learns_from"].isin(named), "rate"].tolist()
    for text, source, rate in zip(lines["name"], lines["learns_from"], lines["rate"], strict=True):
        dashes, ink = LINES.get(source, LINES["fit"])
        height = (1.0 + LABEL_HEIGHT * (1 + sum(other > rate for other in rates))) * top if source in named else top
        axis.vlines(rate, 0, height, color=ink, linestyle=dashes, linewidth=1.4, zorder=4)
        if source in named:
            axis.text(rate + gap, height, f"{text}: {percent(rate)}", color=ink, va="top", ha="left")


def _share(placebos: pd.DataFrame) -> str:
    judged = placebos.loc[placebos["judged"], "paid"]
    if not len(judged):
        return say("figure.placebo_savings.no_threshold")
    name = f"{'paid' if judged.any() else 'none_paid'}{'' if len(judged) == len(placebos) else '_of'}"
    return say(f"figure.placebo_savings.{name}", share=float(judged.mean()), judged=len(judged))


SCHEMA = FrameSchema(
    "placebo_savings",
    "one row per placebo contract, per threshold, and per measured saving of the contract group, by design",
    Column("design", "text", "", "Name of the design."),
    Column("item", "text", "", f"{PLACEBO!r}, {THRESHOLD!r} or {MEASURED!r}."),
    Column("name", "text", "", "Name of the threshold; empty for other items."),
    Column("learns_from", "text", "", "Source of the threshold: 'placebos', 'fit' or 'size'."),
    Column("rate", "float", "fraction of the benchmark", "Measured savings rate, or threshold."),
    Column("judged", "bool", "", "Whether a placebo has a cross-fitted placebo threshold."),
    Column("paid", "bool", "", "Whether a placebo reaches its threshold."),
)
NEEDS = "no placebo has an estimate. The column reason of placebos says why; choose other placebos or another method."
FIGURE = Figure("placebo_savings", 10, SCHEMA, draw, names="design", panels=6, of=result_frame, needs=NEEDS)
