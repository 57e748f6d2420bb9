"""What a cohort accepts: labels, numbers and covariates from a frame, and the refusal of what contradicts itself."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import CohortError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.cohort import Cohort

    Floats = NDArray[np.float64]
    Labels = NDArray[Any]

# A quarter of 92 days in a year of 365 is 0.2521 of a year; two insured-years in one period of a year are a mistake.
_MOST_INSURED = 1.01


def plain_label(label: Any) -> Any:
    """Return a numpy scalar as the Python value, so that labels hash and print alike."""
    return label.item() if isinstance(label, np.generic) else label


def person_rows(person: pd.Series[Any], unit: pd.Series[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, per row of a long frame, its (person, unit), and per (person, unit) the row of its first appearance."""
    persons = pd.factorize(person)[0].astype(np.int64)
    units, names = pd.factorize(unit)
    pair = persons * len(names) + units
    codes, pairs = pd.factorize(pair)
    first = np.full(len(pairs), len(pair), dtype=np.intp)
    np.minimum.at(first, codes, np.arange(len(pair)))
    return np.asarray(codes, dtype=np.intp), first


def numbers(column: pd.Series[Any]) -> Floats:
    """Return a column as floats; text is refused, naming the first offending value."""
    if not pd.api.types.is_numeric_dtype(column):
        found = pd.to_numeric(column, errors="coerce")
        bad = column[found.isna() & column.notna()]
        if len(bad):
            raise CohortError(
                f"Column {column.name!r} holds text in {len(bad)} rows, first {bad.iloc[0]!r}. Convert it to numbers."
            )
        column = found
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def grid(values: Any, shape: tuple[int, int], name: str) -> Floats:
    """Return read-only floats (person, period)."""
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise CohortError(f"{name} has shape {array.shape}; persons x periods is {shape}. Pass one value per cell.")
    array.setflags(write=False)
    return array


def label_array(values: Any, n: int, name: str, *, text: bool = True) -> Labels:
    """Return read-only labels (person,), as text unless told otherwise."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise CohortError(f"{name} has shape {array.shape}; one label per person is ({n},).")
    if pd.isna(array).any():
        raise CohortError(
            f"{name} is missing for {int(pd.isna(array).sum())} persons. Attribute or exclude them first."
        )
    array = np.array([str(label) for label in array], dtype=object) if text else array.copy()
    array.setflags(write=False)
    return array


def covariate_array(values: Any, n: int, name: str) -> NDArray[Any]:
    """Return a read-only covariate (person,): numbers or labels."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise CohortError(f"Covariate {name!r} has shape {array.shape}; one baseline value per person is ({n},).")
    if pd.isna(array).any():
        raise CohortError(
            f"Covariate {name!r} is missing for {int(pd.isna(array).sum())} persons. Give a label such as 'unknown', "
            "impute it, or leave the persons out and count them."
        )
    array = array.astype(np.float64) if array.dtype.kind in "biuf" else np.array([str(v) for v in array], dtype=object)
    array.setflags(write=False)
    return array


def unit_sums(rows: NDArray[np.intp], values: Floats, n_units: int) -> Floats:
    """Return sums over persons (unit, period)."""
    return np.stack([np.bincount(rows, weights=column, minlength=n_units) for column in values.T], axis=1)


def check_cohort(cohort: Cohort) -> None:
    """Refuse a cohort whose parts contradict each other."""
    if any(not earlier < later for earlier, later in itertools.pairwise(cohort.periods)):
        raise CohortError(f"Periods must ascend without repeats, got {list(cohort.periods)[:6]}.")
    pairs = pd.factorize(cohort.person)[0].astype(np.int64) * len(cohort.units) + cohort.unit_rows()
    if len(np.unique(pairs)) < len(pairs):
        at = int(np.flatnonzero(pd.Series(pairs).duplicated().to_numpy())[0])
        raise CohortError(
            f"Person {plain_label(cohort.person[at])!r} occurs twice in unit {cohort.unit[at]!r}. Add up their rows."
        )
    years, money = cohort.insured_years, cohort.spending
    wrong = np.argwhere(~((years >= 0) & (years <= _MOST_INSURED)))
    if len(wrong):
        row, column = wrong[0]
        raise CohortError(
            f"insured_years of person {plain_label(cohort.person[row])!r} in period {cohort.periods[column]!r} is "
            f"{years[row, column]} ({len(wrong)} such cells); allowed: 0 to 1, parts of a year. "
            "Check for overlapping spans."
        )
    if np.isinf(money).any():
        raise CohortError("Spending holds infinite values. Correct them at the source.")
    stray = np.argwhere((years == 0) & ~(money == 0))
    if len(stray):
        row, column = stray[0]
        raise CohortError(
            f"Person {plain_label(cohort.person[row])!r} has spending {money[row, column]} in period "
            f"{cohort.periods[column]!r} without being insured ({len(stray)} such cells). Exclude and count such "
            "claims first, or correct the enrolment."
        )
