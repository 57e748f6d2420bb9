"""Wide panels, with one column per period, as long frames."""

import re
from collections.abc import Iterator

import pandas as pd

from ssinfer.errors import DataError
from ssinfer.finding import Finding
from ssinfer.periods import read_periods
from ssinfer.periods.spelling import candidates

LEAST_PERIODS = 3


def long_frame(frame: pd.DataFrame, period: str, spending: str) -> tuple[pd.DataFrame, Finding] | None:
    """Return a wide frame with one row per unit and period; None if it is not wide.

    A column is one of a period if its name is a period, or a period and a name: "2018", "kosten 2018Q2", "2018_costs".
    Columns of a period alone become `spending`, others have their name. Other columns are repeated in every period.
    """
    found: dict[str, dict[str, str]] = {}
    for column in map(str, frame.columns):
        measure, label = max(_splits(column), key=lambda pair: len(pair[1]), default=("", ""))
        if label:
            found.setdefault(measure or spending, {})[label] = column
    measures = {name: columns for name, columns in found.items() if len(columns) >= LEAST_PERIODS}
    labels = list(dict.fromkeys(label for columns in measures.values() for label in columns))
    try:
        if not labels or read_periods(labels).per_year is None:
            return None
    except DataError:
        return None
    held = {column for columns in measures.values() for column in columns.values()}
    kept = frame[[name for name in frame.columns if name not in held]]
    empty = pd.Series(float("nan"), index=frame.index)
    parts = [
        kept.assign(
            **{period: label}, **{name: frame.get(columns.get(label), empty) for name, columns in measures.items()}
        )
        for label in labels
    ]
    numbers = {"n": len(labels), "first": labels[0], "last": labels[-1], "measures": tuple(measures)}
    return pd.concat(parts, ignore_index=True), Finding("reader.wide", numbers, refuses=False)


def _splits(column: str) -> Iterator[tuple[str, str]]:
    """Return each way to read a name of a column as another name, perhaps empty, and a period."""
    plain = column.strip().replace("_", " ")
    if next(candidates(plain), None):
        yield "", plain
    for gap in re.finditer(r"[ -]+", plain):
        before, after = plain[: gap.start()], plain[gap.end() :]
        for name, label in ((before, after), (after, before)):
            if name and next(candidates(label), None) and not next(candidates(name), None):
                yield name, label
