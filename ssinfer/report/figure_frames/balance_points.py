"""Frame of the love plot: standardised mean differences before and after matching or weighting."""

import math

import pandas as pd

from ssinfer.benchmarks.matched.balance.measures import AFTER, SMD
from ssinfer.report.analysis import Analysis
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.report.tables.balance import balanced_pairs, judged_limits

MAX_COVARIATES = 30


def frame(analysis: Analysis) -> pd.DataFrame:
    """Return one row per comparison of persons and covariate, the largest difference before first."""
    parts = []
    for pair, cf in balanced_pairs(analysis):
        table = cf.inference["balance"].to_dataframe()[[SMD, SMD + AFTER]].abs()
        table = table.sort_values(SMD, ascending=False).head(MAX_COVARIATES).set_axis(["before", "after"], axis=1)
        limit = judged_limits(cf).get("smd", {"limit": math.nan})["limit"]
        table = table.rename_axis("covariate").reset_index()
        parts.append(table.assign(design=analysis.label(pair), limit=float(limit)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


FRAME = ReportFigure(name="balance", section="balance-section", order=20, frame=frame, data="savings.nc")
