"""Table: the measured saving of each design and the true saving, if claims were simulated."""

import math

import pandas as pd

from ssinfer.figures.numbers import plain
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import LABEL, NoTable, ReportTable, TableColumn


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design and method with a measured saving."""
    claims = analysis.result.claims
    if claims is None or not claims.truth or analysis.hidden:
        return NoTable()
    records = []
    for pair in analysis.pairs:
        row, truth = analysis.saving(pair), claims.truth.get(pair[0])
        if row is None or truth is None:
            continue
        rate, lower, upper = float(row["savings_rate"]), *(row[end] / row["benchmark"] for end in ("lower", "upper"))
        known = math.isfinite(lower) and math.isfinite(upper)
        records.append(
            {
                "label": analysis.label(pair),
                "true": truth.rate,
                "measured": rate,
                "interval": f"{plain(100 * lower, 1)} to {plain(100 * upper, 1)}" if known else "none",
                "difference": rate - truth.rate,
                "covered": lower <= truth.rate <= upper if known else None,
            }
        )
    return pd.DataFrame(records)


TABLE = ReportTable(
    name="truth",
    section="known-truth",
    order=10,
    caption="Measured and true saving",
    columns=(
        LABEL,
        TableColumn("True saving (% of spending without contract)", "true", "percent", 1),
        TableColumn("Measured saving (% of benchmark)", "measured", "percent", 1),
        TableColumn("95% interval (%)", "interval", "cell"),
        TableColumn("Measured less true (percentage points)", "difference", "percent", 1),
        TableColumn("The interval contains the true saving", "covered", "yes or no"),
    ),
    rows=rows,
    notes=(
        (
            "This is one simulated contract, and all designs share its random errors. The differences are therefore "
            "mostly chance, and in the same direction. The backtest below shows the average error of each design and "
            "its spread."
        ),
        (
            "Truncated designs have another true saving: the part of the saving that lies below the caps of the claims "
            "with the contract."
        ),
    ),
)
