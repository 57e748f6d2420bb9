"""Table of thresholds for groups of intact practices and for groups of random insured persons."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.printed import column_with_errors
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable, TableColumn

GROUP_NAMES = {
    "practices": "single practices",
    "random, as practices": "random insured, in groups of the practices' sizes",
    "bundles": "bundles of intact practices from any region",
    "regional bundles": "bundles of intact practices from one region",
    "random": "random insured, in groups of the bundles' size",
}


def _rows(analysis: Analysis) -> pd.DataFrame:
    groups = analysis.result.intact_groups
    if groups is None or groups.table is None:
        return pd.DataFrame()
    frame = groups.table
    errors = frame["ratio_se"].where(frame["ratio_se"] > 0)
    ratios = column_with_errors(frame["ratio"].tolist(), errors.tolist())
    cells = [cell if error > 0 else "1" for cell, error in zip(ratios, frame["ratio_se"], strict=True)]
    return frame.assign(name=frame["kind"].map(GROUP_NAMES), ratio_cell=cells)


def _remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[str]:
    groups = analysis.result.intact_groups
    windows, seed = ("", "") if groups is None else (", ".join(groups.windows), groups.seed)
    yield (
        "All groups have the same simple benchmark: their own baseline spending, trended by the growth of all insured. "
        f"Thresholds are normal (1.645 SD), averaged over windows that begin in {windows}. Only insured persons "
        f"outside the contract are used. Groups were drawn 20 times (seed {seed}); single practices are not drawn. ± "
        "is one standard error over groups."
    )


TABLES = ReportTable(
    name="intact-groups",
    section="intact",
    order=10,
    caption="Intact practices and random insured",
    columns=(
        TableColumn("Groups, all without savings", "name"),
        TableColumn("Groups", "groups", "number"),
        TableColumn("Insured per group", "insured", "number"),
        TableColumn("SD of the placebo saving (%)", "sd", "percent", 1),
        TableColumn("Threshold, one-sided 95% (%)", "threshold", "percent", 1),
        TableColumn("Threshold divided by the threshold for random insured", "ratio_cell", "cell"),
    ),
    rows=_rows,
    remarks=_remarks,
)
