"""Table: credible and confidence thresholds of the same design, one above the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.figures.numbers import ABSENT
from ssinfer.report.analysis import ALL_SIZES, rows_of
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.table import NoTable, ReportTable, TableColumn
from ssinfer.report.text.names import model_kinds, plain_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ssinfer.report.analysis import Analysis


def rows_by(analysis: Analysis, *, by_size: bool) -> pd.DataFrame | NoTable:
    """Return one-sided thresholds of models by design, method, level and kind.

    Only designs and methods that have a threshold of the first kind (credible) are listed.

    Parameters
    ----------
    analysis : Analysis
    by_size : bool
        Whether to list the classes of size instead of all placebos together.
    """
    backtest = analysis.result.backtest
    if backtest is None or not len(backtest.thresholds):
        return NoTable()
    frame = backtest.thresholds
    frame = frame[(frame["size_class"] != ALL_SIZES) == by_size]
    kinds = model_kinds()
    records: list[dict[str, Any]] = []
    for pair in analysis.pairs:
        thresholds = rows_of(frame, pair)
        if not len(thresholds) or not (thresholds["kind"] == kinds[0].name).any():
            continue
        for size in pd.unique(thresholds["size_class"]):
            part = thresholds[thresholds["size_class"] == size]
            if not class_is_visible(part["n_units"].max()):
                continue
            for level in sorted(pd.unique(part["level"].dropna()), reverse=True):
                for kind in kinds:
                    labels = {"label": analysis.label(pair), "size": size, "promised": 1 - level}
                    same = part[plain_key(kind, level).rows(part)]
                    values = dict(same.iloc[0]) if len(same) else {}
                    records.append({**values, **labels, "threshold_name": f"{kind.name.capitalize()} {100 * level:g}%"})
    return pd.DataFrame(records)


def rows(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return the thresholds over placebos of all sizes."""
    return rows_by(analysis, by_size=False)


def remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[str]:
    """Return how to read the table, and a warning if two kinds were judged on different placebos."""
    yield (
        "One-sided, flat prior. Each placebo has its own threshold: means ± one standard error over blocks of "
        f"neighbouring units. {ABSENT}: the method has no such threshold. Methods without a credible threshold are not "
        "listed. Undeserved payment: expected payment if nothing was saved. Unpaid saving: payment due less payment "
        "made, expected over the true savings of the study above zero."
    )
    n_rows = rows.groupby(["label", "size", "promised"], sort=False)["n_rows"]
    if (n_rows.min() < n_rows.max()).any():
        yield (
            "If two thresholds of the same level have different numbers of placebo contracts, the method gave some "
            "contracts only one of them. Their rows then describe different groups."
        )


COLUMNS = (
    TableColumn("Threshold", "threshold_name"),
    TableColumn("Promised false payment rate (%)", "promised", "percent"),
    TableColumn("Threshold (% of benchmark)", "threshold", "percent", error="threshold_se"),
    TableColumn("False payment rate (%)", "false_payment_rate", "percent", error="false_payment_rate_se"),
    TableColumn(
        "Detection rate at a true saving of 3% (%)", "detection_rate_3", "percent", error="detection_rate_3_se"
    ),
    TableColumn(
        "Undeserved payment ({currency} per insured-year)", "expected_overpayment_money", "number",
        error="expected_overpayment_money_se",
    ),
    TableColumn(
        "Unpaid saving ({currency} per insured-year)", "expected_underpayment_money", "number",
        error="expected_underpayment_money_se",
    ),
    TableColumn("Placebo contracts", "n_rows", "number"),
)  # fmt: skip

TABLE = ReportTable(
    name="kinds",
    section="which-threshold",
    order=30,
    caption="Credible and confidence thresholds",
    columns=(TableColumn("Design", "label"), *COLUMNS),
    rows=rows,
    remarks=remarks,
)
