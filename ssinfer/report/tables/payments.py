"""Table: the cross-fitted placebo threshold of each design, and its payments."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.figures.numbers import count
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import DETECTION_RATE, FALSE_PAYMENT_RATE, LABEL, NoTable, ReportTable, TableColumn
from ssinfer.thresholds.placebo import COMPARISON_KEY


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design and method, in the order of detection."""
    records = []
    for pair in analysis.ranked_pairs:
        backtested = analysis.backtested(pair)
        row = backtested[COMPARISON_KEY.rows(backtested)].iloc[0]
        n_rows, without = row["n_rows"], row["n_without_threshold"]
        case = None if analysis.hidden else analysis.threshold(pair)
        records.append(
            {
                **row,
                "label": analysis.label(pair),
                "judged": f"{count(n_rows)} of {count(n_rows + without)}" if without else count(n_rows),
                "case_rate": None if case is None else case["rate"],
                "case_money": None if case is None else case["money"],
            }
        )
    return pd.DataFrame(records)


def remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[str]:
    """Return the definition of the threshold, and why some placebos have none."""
    yield (
        "Cross-fitted placebo threshold: one-sided 95%. The threshold of each placebo comes from other regions and "
        "other origins. Designs are in the order of their detection rate at a true saving of 3%. The threshold alone "
        "would reward a benchmark that is too low; the detection rate at equal false payment rates does not."
    )
    if rows["n_without_threshold"].any():
        yield (
            "If only some placebo contracts are judged, the others have fewer than 19 placebos outside their own "
            "region, which is too few for a 95% threshold."
        )


TABLE = ReportTable(
    name="payments",
    section="comparison",
    order=40,
    caption="Payments under the cross-fitted placebo threshold, by design",
    columns=(
        LABEL,
        TableColumn("Placebo contracts", "judged", "cell"),
        TableColumn("Threshold, mean of placebos (%)", "threshold", "percent"),
        TableColumn("Threshold less mean placebo saving (%)", "threshold_less_bias", "percent"),
        TableColumn("Threshold for the contract group (%)", "case_rate", "percent", 1),
        TableColumn("In money per insured-year", "case_money", "money"),
        FALSE_PAYMENT_RATE,
        DETECTION_RATE,
        TableColumn("Detection rate at a true saving of 5% (%)", "detection_rate_5", "percent"),
    ),
    rows=rows,
    remarks=remarks,
)
