"""Table: designs, methods and kinds of threshold that no other beats in bias and detection together."""

import pandas as pd

from ssinfer.report.analysis import Analysis
from ssinfer.report.table import DETECTION_RATE, FALSE_PAYMENT_RATE, LABEL, NoTable, ReportTable, TableColumn
from ssinfer.thresholds.kind import KINDS


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return the Pareto set; the contract group's own bias is left out if the group is too small to be shown."""
    if analysis.choice is None:
        return NoTable(analysis.why_no_choice)
    table = analysis.choice.pareto
    if not len(table):
        return NoTable()
    table = analysis.labelled(table[~table["dominated"]])
    priors = table["prior"].map(lambda prior: f", {prior} prior" if prior else "")
    table = table.assign(threshold_name=table["kind"].map(lambda kind: KINDS.find(kind).label) + priors)
    return table.assign(abs_bias_case=float("nan")) if analysis.hidden else table


def remarks(analysis: Analysis, _rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the definition of the Pareto set."""
    tried = 0 if analysis.choice is None else len(analysis.choice.pareto)
    return (
        (
            f"The Pareto set of {tried} combinations of design, method and kind of threshold: no other combination is "
            "at least as good in every measure and better in one. Every threshold is multiplied by one factor, so that "
            "all pay about 5% of contracts without savings. The factor is learned on other regions and years. ± is one "
            "standard error, with the factor learned again. Placebos like the contract group are in the same tenth of "
            "spending, of last year's growth, or of socio-economic status."
        ),
    )


TABLE = ReportTable(
    name="pareto",
    section="which-threshold",
    order=50,
    caption="Designs that no other design beats in every measure",
    columns=(
        LABEL,
        TableColumn("Threshold", "threshold_name"),
        TableColumn("Bias in the group's own earlier years (%, absolute)", "abs_bias_case", "percent", 1),
        TableColumn("Persistent bias of a unit (SD, %)", "bias_sd_between", "percent", 1),
        TableColumn("Largest bias among placebos like the group (%, absolute)", "abs_bias_selected", "percent", 1),
        FALSE_PAYMENT_RATE,
        TableColumn(DETECTION_RATE.head, "detection_rate", "percent"),
    ),
    rows=rows,
    remarks=remarks,
)
