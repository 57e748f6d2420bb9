"""Long frames read as the parts of a Cohort: a row per person (in a unit), a column per period, every mistake named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.cohort.columns import number_column, person_rows, plain_label
from ssinfer.errors import CohortError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Places = NDArray[np.intp]


def read_persons(
    frame: pd.DataFrame,
    person: str,
    unit: str,
    period: str,
    spending: str,
    insured_years: str,
    region: str | None,
    covariates: Sequence[str],
) -> dict[str, Any]:
    """Return the fields of a Cohort behind a long frame (`Cohort.from_frame` says what the frame must hold)."""
    fixed = [*([] if region is None else [region]), *covariates]
    _refuse_gaps(frame, (person, unit, period), (spending, insured_years, *fixed))
    periods, places = _periods(frame[period])
    rows, first = person_rows(frame[person], frame[unit])
    cell = rows * len(periods) + places
    size = len(first) * len(periods)
    _refuse_repeats(frame[[person, unit, period]], cell, size)
    grids = []
    for name in (spending, insured_years):
        values = np.zeros(size)
        values[cell] = number_column(frame[name])
        grids.append(values.reshape(len(first), len(periods)))
    for name in fixed:
        _refuse_changes(frame[name], frame[person], rows, first)
    return {
        "person": frame[person].iloc[first].to_numpy(),
        "unit": frame[unit].iloc[first].astype(str).to_numpy(),
        "periods": periods,
        "spending": grids[0],
        "insured_years": grids[1],
        "region": None if region is None else frame[region].iloc[first].to_numpy(),
        "covariates": {name: frame[name].iloc[first].to_numpy() for name in covariates},
    }


def _refuse_gaps(frame: pd.DataFrame, keys: tuple[str, str, str], others: tuple[str, ...]) -> None:
    for name in (*keys, *others):
        if name not in frame.columns:
            raise CohortError(f"The frame has no column {name!r}. {did_you_mean(name, frame.columns)}")
    if frame.empty:
        raise CohortError("The frame has no rows. Pass a long frame with a row per person and period.")
    absent = frame[list(keys)].isna().any(axis=1)
    if absent.any():
        person, unit, period = keys
        raise CohortError(
            f"{int(absent.sum())} rows have no label in {person!r}, {unit!r} or {period!r}. Name or drop them."
        )


def _periods(column: pd.Series[Any]) -> tuple[tuple[Any, ...], Places]:
    """Return the periods, ascending, and per row of the frame the place of its period."""
    try:
        periods = tuple(plain_label(label) for label in sorted(pd.unique(column)))
    except TypeError:
        kinds = " and ".join(sorted({type(label).__name__ for label in column}))
        raise CohortError(f"Column {column.name!r} mixes {kinds}, which cannot be sorted. Use one type.") from None
    order = {label: place for place, label in enumerate(periods)}
    codes, labels = pd.factorize(column)
    return periods, np.array([order[plain_label(label)] for label in labels], dtype=np.intp)[codes]


def _refuse_repeats(keys: pd.DataFrame, cell: Places, size: int) -> None:
    counts = np.bincount(cell, minlength=size)
    if counts.max() > 1:
        person, unit, period = keys.iloc[int(np.flatnonzero(counts[cell] > 1)[0])]
        raise CohortError(
            f"Person {person!r} has more than one row in unit {unit!r} for period {period!r} "
            f"({int((counts > 1).sum())} such cells). Add up their rows first."
        )


def _refuse_changes(column: pd.Series[Any], person: pd.Series[Any], rows: Places, first: Places) -> None:
    changes = column.to_numpy() != column.iloc[first].to_numpy()[rows]
    changes &= ~(column.isna().to_numpy() & column.isna().iloc[first].to_numpy()[rows])
    if changes.any():
        at = int(np.flatnonzero(changes)[0])
        raise CohortError(
            f"{column.name!r} of person {person.iloc[at]!r} changes over periods ({column.iloc[first[rows[at]]]!r}, "
            f"then {column.iloc[at]!r}). A covariate is a baseline value: keep the one at attribution."
        )
