"""Table: the designs of the study."""

import pandas as pd

from ssinfer.figures.numbers import quoted
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.table import ReportTable, TableColumn
from ssinfer.report.text.names import comparison_group


def rows(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design."""
    return pd.DataFrame(
        {
            "design": name.replace("_", " "),
            "description": analysis.result.design_labels.get(name, ""),
            "group": comparison_group(design),
            "baseline": span(design.baseline) + (f" (masked: {span(design.masked)})" if design.masked else ""),
            "performance": span(design.performance),
            "case_mix": f"covariate {quoted(design.standard)}" if design.standard else "none",
        }
        for name, design in analysis.result.designs.items()
    )


TABLE = ReportTable(
    name="designs",
    section="comparison",
    order=10,
    caption="The designs that were compared",
    columns=(
        TableColumn("Design", "design"),
        TableColumn("Description", "description"),
        TableColumn("Comparison group", "group"),
        TableColumn("Baseline periods", "baseline"),
        TableColumn("Performance periods", "performance"),
        TableColumn("Case-mix adjustment", "case_mix"),
    ),
    rows=rows,
)
