"""Frame of the love plot: standardised mean differences before and after matching or weighting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from ssinfer.benchmarks.matched.balance.limits import as_gates
from ssinfer.benchmarks.matched.balance.table import love_plot_data
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.tables.balance import balanced_pairs

if TYPE_CHECKING:
    from ssinfer.report.analysis import Analysis

MAX_COVARIATES = 30


def frame(analysis: Analysis) -> pd.DataFrame:
    """Return one row per comparison of persons and covariate, the largest difference before first."""
    parts = []
    for pair, cf in balanced_pairs(analysis):
        points = love_plot_data(cf.inference["balance"].to_dataframe())
        wide = points.pivot(index="covariate", columns="when", values="absolute_smd")
        wide = wide.loc[pd.unique(points["covariate"])[:MAX_COVARIATES], ["before", "after"]].reset_index()
        limits = as_gates(getattr(analysis.result.methods[pair[1]], "gates", None))
        limit = math.nan if limits is None or limits.smd is None else limits.smd
        denominator = "standard deviation of the treated persons"
        parts.append(wide.assign(design=analysis.label(pair), limit=limit, denominator=denominator))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


FRAME = ReportFigure(name="balance", section="balance-section", order=20, frame=frame)
