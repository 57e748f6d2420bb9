"""Frame of the figure of the contract group: spending and benchmarks by period."""

import numpy as np
import pandas as pd

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.figures.case import BASELINE, NO_WINDOW, PERFORMANCE
from ssinfer.panel import Panel
from ssinfer.report.analysis import Analysis
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.sentences import say

MAX_BENCHMARKS = 6


def frame(analysis: Analysis) -> pd.DataFrame:
    """Return observed spending, and the benchmarks on the chosen design's spending; of more than six, its own."""
    fits = analysis.result.counterfactuals
    if not fits:
        return pd.DataFrame()
    first = analysis.main if analysis.main in fits else next(iter(fits))
    panel = analysis.result.panel_of(first[0])
    pairs = [pair for pair in analysis.pairs if pair in fits and analysis.result.panel_of(pair[0]) is panel]
    if len(pairs) > MAX_BENCHMARKS:
        pairs = [pair for pair in pairs if pair[0] == first[0]]
    parts = [_observed(panel, analysis.result.designs[first[0]])]
    parts += [_benchmark(fits[pair], panel).assign(design=analysis.label(pair)) for pair in pairs]
    kinds = sorted({fits[pair].uncertainty for pair in pairs} & {"posterior", "sampling"})
    interval = say(".".join(["figure.case.interval", *filter(None, ["_".join(kinds)])]))
    labels = {"contract_group": analysis.group, "currency": analysis.result.currency}
    return pd.concat(parts, ignore_index=True).assign(**labels, interval=interval)


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


def _benchmark(cf: Counterfactual, panel: Panel) -> pd.DataFrame:
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
    periods, known = cf.fitted["period"].values.tolist(), panel.insured_years
    cells = np.ix_(panel.rows(cf.benchmark["unit"].values.tolist()), panel.columns(periods))
    fitted = np.average(cf.fitted.values, axis=0, weights=None if known is None else known[cells])
    columns = {"period": [*map(str, periods)], "window": BASELINE, "masked": False, "lower": np.nan, "upper": np.nan}
    return pd.concat([pd.DataFrame({**columns, "value": fitted}), performance], ignore_index=True)


FRAME = ReportFigure(name="case", section="case-section", order=30, frame=frame, data="paths.csv")
