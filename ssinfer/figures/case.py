"""Figure: spending of the contract group and its benchmarks, in baseline and performance periods."""

from collections.abc import Mapping
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import INK, SOFT, WINDOWS, colour, figure, marker, shorten, spread
from ssinfer.panel import Panel
from ssinfer.printed import money, plain
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say

BASELINE, PERFORMANCE, NO_WINDOW = "baseline", "performance", ""
MAX_OFFSET = 0.2  # between benchmarks of one period, in periods
MAX_CHARACTERS = 66  # of all tick labels together
MAX_BENCHMARKS = 6


def case_frame(
    panel: Panel, design: Design, fits: Mapping[str, Counterfactual], *, contract_group: str, currency: str
) -> pd.DataFrame:
    """Return observed spending of the treated units, and the benchmarks by name, which are on the panel's spending."""
    benchmarks = [_benchmark(cf, _weights(cf, panel)).assign(design=name) for name, cf in fits.items()]
    return _labelled([_observed(panel, design), *benchmarks], fits, contract_group, currency)


def fit_frame(cf: Counterfactual, currency: str) -> pd.DataFrame:
    """Return the frame of one fit without its panel: units of the baseline weigh as in the performance periods.

    Masked periods, and those between the windows, are left out.
    """
    years = cf.insured_years.values
    with np.errstate(invalid="ignore"):
        pooled = np.where(years > 0, cf.spending.values * years, 0.0).sum(axis=0) / years.sum(axis=0)
    parts = [(PERFORMANCE, cf.spending["period"].values.tolist(), pooled)]
    if cf.fitted is not None and cf.observed_baseline is not None:
        baseline = years.sum(axis=1) @ cf.observed_baseline.values / years.sum()
        parts.insert(0, (BASELINE, cf.fitted["period"].values.tolist(), baseline))
    labels: Any = {"design": "", "masked": False, "lower": np.nan, "upper": np.nan}
    observed = [pd.DataFrame({"period": [*map(str, at)], "window": name, "value": y}) for name, at, y in parts]
    group = shorten(", ".join(cf.design.treated), 26)
    if np.isfinite(spent := cf.pooled_spending):
        amounts = {
            "saving": money(cf.level - spent, currency, 2 if cf.level < 100 else 0),
            "rate": 1 - spent / cf.level,
        }
        group = say("figure.case.saving", group=group, **amounts)
    benchmark = _benchmark(cf, years.sum(axis=1, keepdims=True)).assign(design=cf.method)
    return _labelled([pd.concat(observed).assign(**labels), benchmark], {cf.method: cf}, group, currency)


def _labelled(
    parts: list[pd.DataFrame], fits: Mapping[str, Counterfactual], contract_group: str, currency: str
) -> pd.DataFrame:
    """Return the parts as one frame, with the names of group, currency and interval."""
    kinds = sorted({cf.uncertainty for cf in fits.values()} & {"posterior", "sampling"})
    interval = say(".".join(["figure.case.interval", *filter(None, ["_".join(kinds)])]))
    labels = {"contract_group": contract_group, "currency": currency, "interval": interval}
    return pd.concat(parts, ignore_index=True).assign(**labels)


def _observed(panel: Panel, design: Design) -> pd.DataFrame:
    """Return the pooled spending of the treated units until the last performance period."""
    rows = design.treated_rows(panel)
    size = int(panel.columns(design.performance).max()) + 1
    spending = panel.spending[rows, :size]
    years = np.ones(spending.shape) if panel.insured_years is None else panel.insured_years[rows, :size]
    with np.errstate(invalid="ignore"):
        pooled = (spending * years).sum(axis=0) / years.sum(axis=0)  # NaN where a unit has none
    window, masked = np.full(size, NO_WINDOW, dtype=object), np.zeros(size, dtype=bool)
    window[panel.columns(design.baseline)] = BASELINE
    window[panel.columns(design.performance)] = PERFORMANCE
    masked[panel.columns(design.masked) if design.masked else []] = True
    columns = {"design": "", "period": [*map(str, panel.periods[:size])], "window": window, "masked": masked}
    return pd.DataFrame({**columns, "value": pooled, "lower": np.nan, "upper": np.nan})


def _weights(cf: Counterfactual, panel: Panel) -> Any:
    """Return the insured-years of the units in the baseline periods of a fit; one per cell if they are unknown."""
    if cf.fitted is None or panel.insured_years is None:
        return 1.0
    units, periods = (cf.fitted[name].values.tolist() for name in ("unit", "period"))
    return panel.insured_years[np.ix_(panel.rows(units), panel.columns(periods))]


def _benchmark(cf: Counterfactual, weights: Any) -> pd.DataFrame:
    """Return the pooled fit by baseline period, and mean and 95% interval of the benchmark by performance period."""
    draws = cf.benchmark.values.reshape(-1, *cf.benchmark.shape[2:])  # (draw, unit, period)
    years = cf.insured_years.values
    with np.errstate(invalid="ignore"):
        by_period = np.where(years > 0, draws * years, 0.0).sum(axis=1) / years.sum(axis=0)  # (draw, period)
    lower, upper = np.full((2, by_period.shape[1]), np.nan)
    if cf.uncertainty != "none":
        lower, upper = np.quantile(by_period, [0.025, 0.975], axis=0)
    columns = {"period": [*map(str, cf.benchmark["period"].values.tolist())], "window": PERFORMANCE, "masked": False}
    performance = pd.DataFrame({**columns, "value": by_period.mean(axis=0), "lower": lower, "upper": upper})
    if cf.fitted is None:
        return performance
    periods = cf.fitted["period"].values.tolist()
    fitted = np.average(cf.fitted.values, axis=0, weights=np.broadcast_to(weights, cf.fitted.shape))
    columns = {"period": [*map(str, periods)], "window": BASELINE, "masked": False, "lower": np.nan, "upper": np.nan}
    return pd.concat([pd.DataFrame({**columns, "value": fitted}), performance], ignore_index=True)


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return spending by period as a line, and benchmarks: their fit in the baseline, then with 95% intervals."""
    picture = figure(4.1)
    axis = picture.subplots()
    observed = frame[frame["design"] == ""]
    benchmarks = frame[frame["design"] != ""]
    periods, spending = observed["period"].tolist(), observed["value"].to_numpy()
    position = {period: number for number, period in enumerate(periods)}
    positions = np.arange(len(periods))
    windows = {name: positions[observed["window"] == name] for name in (BASELINE, PERFORMANCE)}
    n_benchmarks = benchmarks["design"].nunique()
    step = min(MAX_OFFSET, 0.75 / (n_benchmarks + 1))
    edge = len(periods) - 0.5 + (0.45 if n_benchmarks else 0.0)
    spans = {name: (float(at[0]) - 0.5, float(at[-1]) + 0.5) for name, at in windows.items() if len(at)}
    spans[PERFORMANCE] = spans[PERFORMANCE][0], edge
    for name, span in spans.items():
        axis.axvspan(*span, color=WINDOWS[name], linewidth=0)
    for number in positions[observed["masked"]]:
        axis.axvspan(number - 0.5, number + 0.5, facecolor="none", edgecolor=SOFT, hatch="///", linewidth=0, alpha=0.4)
    axis.plot(positions, spending, color=INK, linewidth=1.6, marker="o", markersize=4.5, zorder=5)
    ends: list[tuple[float, str, str]] = []
    for number, (design, part) in enumerate(benchmarks.groupby("design", sort=False)):
        paid = part[part["window"] == PERFORMANCE]
        shift = part["period"].map(position) + step * (number + 1) * (part["window"] == PERFORMANCE)
        axis.plot(shift, part["value"], color=colour(number), linewidth=1.1, zorder=3)
        mean, lower, upper = (paid[name].to_numpy() for name in ("value", "lower", "upper"))
        axis.errorbar(
            shift[paid.index], mean, yerr=np.nan_to_num([mean - lower, upper - mean]),
            fmt=marker(number), color=colour(number), markersize=6, elinewidth=1.8, zorder=4,
        )  # fmt: skip
        ends.append((float(mean[-1]), shorten(str(design)), colour(number)))
    last = float(spending[windows[PERFORMANCE][-1]])
    if np.isfinite(last):
        ends.append((last, say("figure.case.observed"), INK))
    low, high = (float(limit) for limit in np.nanquantile(frame[["value", "lower", "upper"]].to_numpy(), [0, 1]))
    margin = 0.08 * max(high - low, 1e-9 + 0.01 * abs(high))
    bottom, top = low - margin, high + 2.2 * margin
    for height, (_, text, ink) in zip(spread([end[0] for end in ends], 0.06 * (top - bottom)), ends, strict=True):
        weight = "bold" if ink == INK else "normal"
        axis.text(edge + 0.1, height, text, color=ink, va="center", ha="left", weight=weight)
    for name, (left, right) in spans.items():
        text = say(f"figure.case.{name}")
        axis.text((left + right) / 2, top - 0.3 * margin, text, color=SOFT, va="top", ha="center")
    axis.set_xlim(-0.5, edge)
    axis.set_ylim(bottom, top)
    every = -(-len(periods) * (max(map(len, periods)) + 1) // MAX_CHARACTERS)
    axis.set_xticks(positions[::every], periods[::every])
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value, 0)))
    axis.set_ylabel(say("figure.case.spending", currency=frame["currency"].iloc[0]))
    axis.set_xlabel(say("figure.case.period"))
    axis.text(
        0.0, 1.02, shorten(frame["contract_group"].iloc[0], 72), transform=axis.transAxes, weight="bold", va="bottom"
    )
    return picture


SCHEMA = FrameSchema(
    "case",
    "one row per period of observed spending, and one row per design and period",
    Column("contract_group", "text", "", "Name of the contract group."),
    Column("currency", "text", "", "Currency of spending."),
    Column("interval", "text", "", "The interval of the benchmarks in words."),
    Column("design", "text", "", "Name of the design of a benchmark; empty for observed spending."),
    Column("period", "text", "", "Label of the period."),
    Column("window", "text", "", f"{BASELINE!r}, {PERFORMANCE!r} or empty."),
    Column("masked", "bool", "", "Whether the design masks the period."),
    Column("value", "float", "currency per insured-year", "Observed spending, or benchmark (fit or mean)."),
    Column("lower", "float", "currency per insured-year", "Lower end of the 95% interval; NaN if none."),
    Column("upper", "float", "currency per insured-year", "Upper end of the 95% interval; NaN if none."),
)
FIGURE = Figure("case", 60, SCHEMA, draw, names="design", of=fit_frame)
