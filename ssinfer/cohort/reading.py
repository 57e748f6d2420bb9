"""Reads the parts of a Cohort from a long frame with one row per person, unit and period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.cohort.columns import pair_rows
from ssinfer.errors import CohortError, DataError
from ssinfer.input_table import label_column, number_column, plain_value, read_table
from ssinfer.periods import read_periods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.typing import Positions


def read_persons(
    data: Any,
    keys: tuple[str, str, str],
    values: tuple[str, str],
    region: str | None,
    covariates: Sequence[str],
) -> dict[str, Any]:
    """Return the fields of a Cohort. `keys`: columns person, unit, period; `values`: spending, insured_years."""
    person, unit, period = keys
    constant = [*([] if region is None else [region]), *covariates]
    frame = read_table(data, (*keys, *values, *constant), CohortError)
    absent = int(frame[[*keys]].isna().any(axis=1).sum())
    if absent:
        raise CohortError(f"{absent} rows have no label in {person!r}, {unit!r} or {period!r}. Name or drop them.")
    frame = frame.assign(**{name: label_column(frame[name], CohortError) for name in (*keys, *constant)})
    frame = frame.sort_values([person, unit], kind="stable")  # no digit depends on the order of rows
    periods, columns = _periods(frame[period])
    pairs, first = pair_rows(frame[person], frame[unit])
    cell = pairs * len(periods) + columns
    _refuse_repeats(frame[[*keys]], cell)
    spending, insured_years = np.zeros((2, len(first), len(periods)))
    for grid, name in zip((spending, insured_years), values, strict=True):
        grid.flat[cell] = number_column(frame[name], CohortError)
    for name in constant:
        _refuse_changes(frame[name], frame[person], pairs, first)
    persons = frame.iloc[first]
    return {
        "person": persons[person].to_numpy(),
        "unit": persons[unit].to_numpy(),
        "periods": periods,
        "spending": spending,
        "insured_years": insured_years,
        "region": None if region is None else persons[region].to_numpy(),
        "covariates": {name: persons[name].to_numpy() for name in covariates},
    }


def _periods(column: pd.Series[Any]) -> tuple[tuple[Any, ...], Positions]:
    """Return the periods, ascending, and per row of the frame the number of its period."""
    try:
        periods = read_periods(dict.fromkeys(plain_value(label) for label in pd.unique(column))).labels
    except DataError as error:
        raise CohortError(f"Column {column.name!r}: {error}") from None
    number = {label: position for position, label in enumerate(periods)}
    codes, labels = pd.factorize(column)
    return periods, np.array([number[plain_value(label)] for label in labels], dtype=np.intp)[codes]


def _refuse_repeats(keys: pd.DataFrame, cell: Positions) -> None:
    counts = np.bincount(cell)
    if counts.max() > 1:
        person, unit, period = map(plain_value, keys.iloc[int(np.flatnonzero(counts[cell] > 1)[0])])
        raise CohortError(
            f"Person {person!r} has more than one row in unit {unit!r} for period {period!r} "
            f"({int((counts > 1).sum())} such cells). Add up their rows first."
        )


def _refuse_changes(column: pd.Series[Any], person: pd.Series[Any], pairs: Positions, first: Positions) -> None:
    changes = column.to_numpy() != column.iloc[first].to_numpy()[pairs]
    changes &= ~(column.isna().to_numpy() & column.isna().iloc[first].to_numpy()[pairs])
    if changes.any():
        row = int(np.flatnonzero(changes)[0])
        raise CohortError(
            f"{column.name!r} of person {plain_value(person.iloc[row])!r} changes over periods "
            f"({plain_value(column.iloc[first[pairs[row]]])!r}, then {plain_value(column.iloc[row])!r}). "
            "A covariate is a baseline value: keep the one at attribution."
        )
