"""Columns of a Cohort: labels, numbers, covariates and cells per person, their checks, and selections of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import CohortError, DataError
from ssinfer.input_table import label_column, plain_value
from ssinfer.names import match_names
from ssinfer.periods import read_periods

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ssinfer.typing import Booleans, Floats, Positions

    Labels = NDArray[Any]

# A quarter of 92 days is 0.2521 of a year of 365 days. Two insured-years in one period of a year are a mistake.
MAX_INSURED_YEARS = 1.01


def cell_grid(values: Any, shape: tuple[int, int], name: str) -> Floats:
    """Return a read-only array (person, period)."""
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise CohortError(f"{name} has shape {array.shape}; persons x periods is {shape}. Pass one value per cell.")
    return _read_only(array)


def person_labels(values: Any, n: int, name: str, *, text: bool = True) -> Labels:
    """Return read-only labels (n,), as text unless `text` is false; missing labels are refused."""
    array = _one_per_person(values, n, name, "Attribute or exclude them first.")
    labels = label_column(pd.Series(array, name=name), CohortError).to_numpy()
    return _read_only(_as_text(labels) if text else labels.copy())


def covariate_column(values: Any, n: int, name: str) -> Labels:
    """Return a read-only covariate (n,), numbers or labels; missing values are refused."""
    remedy = "Give a label such as 'unknown', impute it, or leave the persons out and count them."
    array = _one_per_person(values, n, f"Covariate {name!r}", remedy)
    plain = label_column(pd.Series(array, name=name), CohortError).to_numpy()
    return _read_only(plain.astype(np.float64) if plain.dtype.kind in "biuf" else _as_text(plain))


def _one_per_person(values: Any, n: int, name: str, remedy: str) -> Labels:
    array = np.asarray(values)
    if array.shape != (n,):
        raise CohortError(f"{name} has shape {array.shape}; one value per person is ({n},).")
    absent = int(pd.isna(array).sum())
    if absent:
        raise CohortError(f"{name} is missing for {absent} persons. {remedy}")
    return array


def _as_text(array: Labels) -> Labels:
    return np.array([str(plain_value(label)) for label in array], dtype=object)


def _read_only[T: NDArray[Any]](array: T) -> T:
    array.setflags(write=False)
    return array


def pair_rows(person: Any, unit: Any) -> tuple[Positions, Positions]:
    """Return, per row, the number of its (person, unit) by first appearance, and the row where each first appears."""
    units, names = pd.factorize(unit)
    codes, _ = pd.factorize(pd.factorize(person)[0].astype(np.int64) * len(names) + units)
    return np.asarray(codes, dtype=np.intp), np.flatnonzero(~pd.Series(codes).duplicated().to_numpy())


def check_persons(
    person: Labels, unit: Labels, periods: tuple[Any, ...], spending: Floats, insured_years: Floats
) -> None:
    """Refuse periods that do not ascend, a person twice in a unit, and impossible insured-years or spending (n, T)."""
    try:
        ascending = read_periods(periods).labels == tuple(periods)
    except DataError as error:
        raise CohortError(str(error)) from None
    if not ascending:
        raise CohortError(f"Periods must ascend without repeats, got {list(periods)[:6]}.")
    pairs, first = pair_rows(person, unit)
    if len(first) < len(pairs):
        row = int(np.flatnonzero(pd.Series(pairs).duplicated().to_numpy())[0])
        raise CohortError(f"Person {plain_value(person[row])!r} occurs twice in unit {unit[row]!r}. Add up their rows.")
    wrong = np.argwhere(~((insured_years >= 0) & (insured_years <= MAX_INSURED_YEARS)))
    if len(wrong):
        row, column = wrong[0]
        raise CohortError(
            f"insured_years of person {plain_value(person[row])!r} in period {periods[column]!r} is "
            f"{insured_years[row, column]} ({len(wrong)} such cells); allowed: 0 to 1, fractions of a year. "
            "Check for overlapping spans."
        )
    if np.isinf(spending).any():
        raise CohortError("Spending holds infinite values. Correct them at the source.")
    stray = np.argwhere((insured_years == 0) & ~(spending == 0))
    if len(stray):
        row, column = stray[0]
        raise CohortError(
            f"Person {plain_value(person[row])!r} has spending {spending[row, column]} in period "
            f"{periods[column]!r} without being insured ({len(stray)} such cells). Exclude and count such "
            "claims first, or correct the enrolment."
        )


def selected_rows(
    person: Labels, unit: Labels, units: Iterable[object] | None, persons: Iterable[object] | Booleans | None
) -> Positions:
    """Return the rows of some units and some persons (identifiers or a mask); None selects all."""
    keep = np.ones(len(person), dtype=bool)
    if units is not None:
        known = dict.fromkeys(pd.unique(unit))
        keep &= np.isin(unit, match_names(units, known, "The cohort has no unit", CohortError))
    if persons is not None:
        keep &= _of_persons(person, np.asarray(persons if isinstance(persons, np.ndarray) else list(persons)))
    if not keep.any():
        raise CohortError("No person is left after the selection. Widen it.")
    return np.flatnonzero(keep)


def _of_persons(person: Labels, wanted: Labels) -> Booleans:
    if wanted.dtype == bool:
        if wanted.shape != person.shape:
            raise CohortError(f"The mask has shape {wanted.shape}; one value per person is {person.shape}.")
        return wanted
    unknown = wanted[~np.isin(wanted, person)]
    if len(unknown):
        raise CohortError(f"{len(unknown)} persons are not in the cohort, first {plain_value(unknown[0])!r}.")
    return np.isin(person, wanted)
