"""Table: every combination of design, method and threshold that was tried."""

import pandas as pd

from ssinfer.report.analysis import Analysis
from ssinfer.report.table import DETECTION_RATE, LABEL, NoTable, ReportTable, TableColumn
from ssinfer.report.text.names import threshold_name
from ssinfer.thresholds.kind import ThresholdKey


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return all specifications, in the order of misallocation."""
    if analysis.choice is None:
        return NoTable(analysis.why_no_choice)
    table = analysis.labelled(analysis.choice.specifications)
    return table.assign(threshold_name=[threshold_name(ThresholdKey.of(row)) for _, row in table.iterrows()])


def remarks(analysis: Analysis, _rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the definition of misallocation."""
    study = {} if analysis.choice is None else analysis.choice.study
    savings = ", ".join(f"{100 * saving:g}%" for saving in study["savings"])
    return (
        (
            "Misallocation: mean absolute difference between the payment made and the payment due, per insured-year. "
            f"True savings of {savings} have equal weight, and the sharing rate is {100 * study['share']:g}%. These "
            "numbers come from the same placebos that determine the order, so the first row looks better than it is. "
            "Its out-of-fold performance stands in the sentences above."
        ),
    )


TABLE = ReportTable(
    name="specifications",
    section="which-threshold",
    order=60,
    caption="All {n_rows} specifications",
    columns=(
        LABEL,
        TableColumn("Threshold", "threshold_name"),
        TableColumn("Misallocation per insured-year", "misallocation_money", "money", 1),
        TableColumn("False payment rate (%)", "false_payment_rate", "percent", 1),
        TableColumn(DETECTION_RATE.head, "detection_rate_3", "percent", 0),
    ),
    rows=rows,
    remarks=remarks,
    folded=True,
)
