"""Credible beside confidence: what each threshold of a model promises, pays and finds, one above the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.figures.numbers import ABSENT, column_with_errors, count, plain
from ssinfer.report.data import Table
from ssinfer.report.disclosure import class_is_visible
from ssinfer.report.tables.backtest import measured
from ssinfer.report.text.pairs import label_of, pairs_of, rows_of

if TYPE_CHECKING:
    from ssinfer.study.result import StudyResult

NAN = float("nan")
SIDE_BY_SIDE = ("credible", "confidence")


def kinds_table(result: StudyResult, *, by_size: bool = False) -> Table | None:
    """Return credible above confidence thresholds, one-sided, by design, method and level.

    Rows are of designs and methods that have a credible threshold; None where none has. With `by_size` those of the
    classes of size, otherwise those of all placebos.
    """
    if result.backtest is None or not len(result.backtest.thresholds):
        return None
    frame = result.backtest.thresholds
    frame = frame[(frame["side"] == "one-sided") & frame["prior"].isin(["", "flat"])]
    frame = frame[(frame["size_class"] != "all") == by_size]
    labels: list[tuple[str, ...]] = []
    found: list[pd.Series[Any]] = []
    for pair in pairs_of(result):
        mine = rows_of(frame, pair)
        if not len(mine) or not (mine["kind"] == "credible").any():
            continue
        for size in pd.unique(mine["size_class"]):
            part = mine[mine["size_class"] == size]
            if not class_is_visible(part["n_units"].max()):
                continue
            for level in sorted(pd.unique(part["level"].dropna()), reverse=True):
                for kind in SIDE_BY_SIDE:
                    same = part[(part["kind"] == kind) & (part["level"] == level)]
                    labels.append((label_of(result, pair), str(size), f"{kind.capitalize()} {100 * level:g}%"))
                    found.append(same.iloc[0] if len(same) else pd.Series({"level": level}, dtype=float))
    if not labels:
        return None
    columns = [
        *(list(column) for place, column in enumerate(zip(*labels, strict=True)) if place != 1 or by_size),
        [plain(100 * (1 - float(row["level"])), 0) for row in found],
        *(measured(found, name, f"{name}_se") for name in ("threshold", "false_payment_rate", "detection_rate_3")),
        *(
            column_with_errors([row.get(name, NAN) for row in found], [row.get(f"{name}_se", NAN) for row in found])
            for name in ("expected_overpayment_money", "expected_underpayment_money")
        ),
        [count(row.get("n_rows", NAN)) for row in found],
    ]
    heads = (
        "Design",
        *(("Insured-years",) if by_size else ()),
        "Threshold",
        "False payments promised (%)",
        "Threshold (% of benchmark)",
        "False payments (%)",
        "Detects a true 3% (%)",
        f"Undeserved bonus ({result.currency} per insured-year)",
        f"Unpaid saving ({result.currency} per insured-year)",
        "Placebo contracts",
    )
    notes: tuple[str, ...] = (
        (
            "One-sided, flat prior; placebos' own gates, means ± one standard error by blocks of neighbouring units. "
            f"{ABSENT}: the method has no such threshold; methods without a credible threshold are not listed. "
            "Undeserved bonus: expected where nothing was saved. Unpaid saving: what is due less what is paid, "
            "expected over the study's true savings above zero."
        ),
    )
    both = [tuple(row.get("n_rows", NAN) for row in pair) for pair in zip(found[::2], found[1::2], strict=True)]
    if any(one != other for one, other in both if one == one and other == other):  # noqa: PLR0124  (both are known)
        notes = (
            *notes,
            (
                "Where the two stand on different numbers of placebo contracts, the method gave some of them one "
                "threshold and not the other: the rows are then of different groups, and compare less strictly."
            ),
        )
    numeric = (*(False,) * (3 if by_size else 2), *(True,) * 7)
    caption = "Credible beside confidence" + (", by size of the placebo units" if by_size else "")
    rows = tuple(zip(*columns, strict=True))
    return Table("kinds-by-size" if by_size else "kinds", caption, heads, numeric, rows, notes)
