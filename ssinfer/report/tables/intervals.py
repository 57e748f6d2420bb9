"""Table: credible and confidence intervals of the contract group's savings rate, at 95% and 90%."""

import numpy as np
import pandas as pd

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import SsinferError
from ssinfer.figures.numbers import plain
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import LABEL, NoTable, ReportTable, TableColumn

COLUMNS = tuple((level, kind) for level in (0.95, 0.90) for kind in ("credible", "confidence"))


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return both kinds of interval at both levels, one row per design and method."""
    if analysis.hidden:
        return NoTable()
    records = []
    for pair in analysis.pairs:
        if pair in analysis.result.counterfactuals and analysis.saving(pair) is not None:
            cf = analysis.result.counterfactuals[pair]
            intervals = {f"{kind} {level}": rate_interval(cf, kind, level) for level, kind in COLUMNS}
            rate = 1 - cf.pooled_spending / cf.level
            records.append({"label": analysis.label(pair), "rate": rate, **intervals})
    return pd.DataFrame(records)


def rate_interval(cf: Counterfactual, kind: str, level: float) -> str | None:
    """Return the equal-tailed interval of (B - Y) / Bbar in percent; None if the method has no such draws."""
    try:
        draws = cf.pooled(kind)
    except SsinferError:
        return None
    tails = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    low, high = (plain(100 * float(tail - cf.pooled_spending) / cf.level, 1) for tail in tails)
    return f"{low} to {high}"


TABLE = ReportTable(
    name="intervals",
    section="case-section",
    order=20,
    caption="The contract group: credible and confidence intervals of the savings rate",
    columns=(
        LABEL,
        TableColumn("Measured (%)", "rate", "percent", 1),
        *(TableColumn(f"{100 * level:g}%, {kind} (%)", f"{kind} {level}", "cell") for level, kind in COLUMNS),
    ),
    rows=rows,
    notes=(
        (
            "In % of the benchmark, equal-tailed. Credible: from the posterior of the benchmark, which integrates over "
            "every parameter, shock and persistence. Confidence: from the sampling distribution of the same quantity, "
            "with estimates for the parameters. A dash: the method does not give that kind."
        ),
    ),
)
