"""Frames of the evidence of the design that settles: weights, paths with placebos, prior and posterior."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.report.analysis import Analysis, Pair, rows_of
from ssinfer.report.figure_frame import ReportFigure

MAX_DONORS = 8  # bars per method
MAX_PLACEBOS = 150  # paths per method
EVEN = 0.5  # effective donors of all donors, from which no picture of the weights is needed
MAX_PARAMETERS = 12  # per method


def _pairs(analysis: Analysis) -> list[Pair]:
    """Return the methods of the design that settles, first the one that settles; none of a hidden group."""
    if analysis.hidden:
        return []
    same = [pair for pair in analysis.pairs if pair[0] == analysis.main[0]]
    return sorted(same, key=lambda pair: pair != analysis.main)


def _by_pair(analysis: Analysis, name: str) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of a table of the folder by the label of the pair."""
    table = analysis.result.tables.get(name)
    parts = [(analysis.label(pair), rows_of(table, pair)) for pair in _pairs(analysis)]
    return [(label, rows) for label, rows in parts if len(rows)]


def weights(analysis: Analysis) -> pd.DataFrame:
    """Return the largest weights by method, and the sum of all others."""
    parts, by_pair = [], _by_pair(analysis, "weights.csv")
    donors = max((rows["donor"].nunique() for _, rows in by_pair), default=0)
    for label, rows in by_pair:
        mean = rows.groupby("donor", sort=False)["weight"].mean()
        mean = mean.loc[mean.abs().sort_values(ascending=False, kind="stable").index]
        if 1 / (mean**2).sum() > EVEN * donors:
            continue
        shown, rest = mean[:MAX_DONORS], mean[MAX_DONORS:]
        bars = [(str(donor), 0, weight) for donor, weight in shown.items()]
        bars += [("", len(rest), rest.sum())] if len(rest) else []
        parts.append(pd.DataFrame(bars, columns=["donor", "others", "weight"]).assign(name=label))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def paths(analysis: Analysis) -> pd.DataFrame:
    """Return the gap of the contract group by period, and those of placebo contracts of the same design and method."""
    parts, keys = [], ["unit", "origin"]
    placebos = dict(_by_pair(analysis, "placebo_paths.parquet"))
    for label, own in _by_pair(analysis, "paths.csv"):
        for placebo, rows in ((False, own), (True, placebos.get(label, own[:0]))):
            marked = rows.assign(before=rows["phase"] == "baseline")
            groups = marked.groupby(keys, sort=False, observed=True)
            step = groups.cumcount() - groups["before"].transform("sum")
            gap = (1.0 - rows["observed"] / rows["benchmark"]).astype(float)
            path = rows[keys].astype(str).assign(step=step, of_placebo=placebo, name=label, gap=gap)
            parts.append(path[groups.ngroup() < MAX_PLACEBOS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def parameters(analysis: Analysis) -> pd.DataFrame:
    """Return the median and the 90% interval of each parameter in SD of its prior, before and after the data."""
    records = []
    for pair in _pairs(analysis):
        fit = analysis.result.counterfactuals.get(pair)
        groups: dict[str, Any] = {} if fit is None else dict(fit.inference)
        prior, posterior = (groups.get(name, {}) for name in ("prior", "posterior"))
        for parameter in sorted(map(str, set(prior) & set(posterior)))[:MAX_PARAMETERS]:
            before = prior[parameter].values.ravel()
            centre, scale = np.median(before), before.std()
            for is_posterior, draws in ((False, before), (True, posterior[parameter].values.ravel())):
                lower, median, upper = (np.quantile(draws, [0.05, 0.5, 0.95]) - centre) / scale
                record = {"median": median, "lower": lower, "upper": upper}
                label = {"name": analysis.label(pair), "parameter": parameter, "posterior": is_posterior}
                records.append({**label, **record})
    return pd.DataFrame(records)


FRAME = (
    ReportFigure(name="donor_weights", section="evidence", order=10, frame=weights, data="weights.csv"),
    ReportFigure(name="baseline_path", section="evidence", order=20, frame=paths, data="placebo_paths.parquet"),
    ReportFigure(name="prior_posterior", section="evidence", order=40, frame=parameters, data="savings.nc"),
)
