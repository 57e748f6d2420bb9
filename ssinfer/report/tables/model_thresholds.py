"""Table: credible and confidence thresholds of the same design, one above the other."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ssinfer.figures.numbers import ABSENT
from ssinfer.report.analysis import ALL_SIZES, Analysis, rows_of
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.table import DETECTION_RATE, FALSE_PAYMENT_RATE, LABEL, NoTable, ReportTable, TableColumn
from ssinfer.report.text.names import model_kinds, plain_key


def rows(analysis: Analysis, *, by_size: bool = False) -> pd.DataFrame | NoTable:
    """Return one-sided thresholds by design, method, level and kind, over all placebos or by class of size.

    Only designs and methods that have a threshold of the first kind (credible) are listed.
    """
    backtest, kinds = analysis.result.backtest, model_kinds()
    records: list[dict[str, Any]] = []
    for pair in analysis.pairs:
        thresholds = rows_of(None if backtest is None else backtest.thresholds, pair)
        if not len(thresholds) or not (thresholds["kind"] == kinds[0].name).any():
            continue
        for size, part in thresholds.groupby("size_class", sort=False):
            if (size != ALL_SIZES) != by_size or not class_is_visible(part["n_units"].max()):
                continue
            for level in sorted(pd.unique(part["level"].dropna()), reverse=True):
                for kind in kinds:
                    same = part[plain_key(kind, level).rows(part)]
                    labels = {"size": size} if by_size else {}
                    labels |= {"label": analysis.label(pair), "promised": 1 - level}
                    labels |= {"threshold_name": f"{kind.name.capitalize()} {100 * level:g}%"}
                    records.append({**(dict(same.iloc[0]) if len(same) else {}), **labels})
    return pd.DataFrame(records)


def remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[str]:
    """Return a warning if two thresholds of a level were judged on different placebos."""
    keys = [name for name in ("label", "size", "promised") if name in rows.columns]
    n_rows = rows.groupby(keys, sort=False)["n_rows"]
    if (n_rows.min() < n_rows.max()).any():
        yield (
            "If two thresholds of the same level have different numbers of placebo contracts, the method gave some "
            "contracts only one of them. Their rows then describe different groups."
        )


TABLE = ReportTable(
    name="kinds",
    section="which-threshold",
    order=30,
    caption="Credible and confidence thresholds",
    columns=(
        LABEL,
        TableColumn("Insured-years", "size"),
        TableColumn("Threshold", "threshold_name"),
        TableColumn("Promised false payment rate (%)", "promised", "percent", 0),
        TableColumn("Threshold (% of benchmark)", "threshold", "percent"),
        FALSE_PAYMENT_RATE,
        DETECTION_RATE,
        TableColumn("Undeserved payment ({currency} per insured-year)", "expected_overpayment_money", "number"),
        TableColumn("Unpaid saving ({currency} per insured-year)", "expected_underpayment_money", "number"),
        TableColumn("Placebo contracts", "n_rows", "number"),
    ),
    rows=rows,
    notes=(
        (
            "One-sided, flat prior. Each placebo has its own threshold: means ± one standard error over blocks of "
            f"neighbouring units. {ABSENT}: the method has no such threshold. Methods without a credible threshold are "
            "not listed. Undeserved payment: expected payment if nothing was saved. Unpaid saving: payment due less "
            "payment made, expected over the true savings of the study above zero."
        ),
    ),
    remarks=remarks,
)
