"""Table: credible and confidence thresholds by size of the placebo units."""

from dataclasses import replace
from functools import partial

from ssinfer.report.tables import model_thresholds

TABLE = replace(
    model_thresholds.TABLE,
    name="kinds-by-size",
    order=40,
    caption="Credible and confidence thresholds by size of the placebo units",
    rows=partial(model_thresholds.rows, by_size=True),
    folded=True,
)
