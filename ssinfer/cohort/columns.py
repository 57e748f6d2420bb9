"""Columns of a Cohort: read from a long frame, checked, and selected by rows."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.errors import CohortError
from ssinfer.input_table import label_column, number_column, plain_value, read_table
from ssinfer.names import match_names
from ssinfer.panel import ascending_timeline, period_column
from ssinfer.typing import Booleans, Floats, Positions

type Labels = NDArray[Any]

# A quarter of 92 days is 0.2521 of a year of 365 days. Two insured-years in one period of a year are a mistake.
MAX_INSURED_YEARS = 1.01


def person_labels(values: Any, n: int, name: str, *, text: bool = True) -> Labels:
    """Return read-only labels (n,), as text unless `text` is false; missing labels are refused."""
    labels = _one_per_person(values, n, name, name, "Attribute or exclude them first.")
    return _read_only(_as_text(labels) if text else labels.copy())


def covariate_column(values: Any, n: int, name: str) -> Labels:
    """Return a read-only covariate (n,), numbers or labels; missing values are refused."""
    remedy = "Give a label such as 'unknown', impute it, or leave the persons out and count them."
    labels = _one_per_person(values, n, name, f"Covariate {name!r}", remedy)
    return _read_only(labels.astype(np.float64) if labels.dtype.kind in "biuf" else _as_text(labels))


def _one_per_person(values: Any, n: int, name: str, what: str, remedy: str) -> Labels:
    """Return labels of one kind; text, as cohorts hold and millions of persons share it, is returned as it is."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise CohortError(f"{what} has shape {array.shape}; one value per person is ({n},).")
    if absent := int(pd.isna(array).sum()):
        raise CohortError(f"{what} is missing for {absent} persons. {remedy}")
    return array if _is_text(array) else label_column(pd.Series(array, name=name), CohortError).to_numpy()


def _is_text(array: Labels) -> bool:
    return array.dtype == object and set(map(type, array)) <= {str}


def _as_text(array: Labels) -> Labels:
    return np.array(array if _is_text(array) else [str(plain_value(label)) for label in array], dtype=object)


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
    ascending_timeline(periods, CohortError)
    pairs, first = pair_rows(person, unit)
    if len(first) < len(pairs):
        raise CohortError(f"{len(pairs) - len(first):,} rows repeat a person in a unit. Add up their rows.")
    wrong = np.argwhere(~((insured_years >= 0) & (insured_years <= MAX_INSURED_YEARS)))
    if len(wrong):
        raise CohortError(
            f"insured_years has {len(wrong):,} cells outside 0 to 1, the first in period {periods[wrong[0, 1]]!r}. "
            "They are fractions of a year: check for overlapping spans."
        )
    if np.isinf(spending).any():
        raise CohortError("Spending holds infinite values. Correct them at the source.")
    stray = np.argwhere((insured_years == 0) & ~(spending == 0))
    if len(stray):
        raise CohortError(
            f"{len(stray):,} cells have spending of persons who are not insured, the first in period "
            f"{periods[stray[0, 1]]!r}. Exclude and count such claims first, or correct the enrolment."
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
    unknown = int((~np.isin(wanted, person)).sum())
    if unknown:
        raise CohortError(f"{unknown:,} of the persons are not in the cohort. Choose from its persons.")
    return np.isin(person, wanted)


def read_persons(
    data: Any, keys: tuple[str, str, str], values: tuple[str, str], region: str | None, covariates: Sequence[str]
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
    periods, columns = period_column(frame[period], CohortError)
    pairs, first = pair_rows(frame[person], frame[unit])
    cell = pairs * len(periods) + columns
    repeated = int((np.bincount(cell) > 1).sum())
    if repeated:
        raise CohortError(f"{repeated:,} persons have more than one row in a unit and period. Add up their rows first.")
    spending, insured_years = np.zeros((2, len(first), len(periods)))
    for grid, name in zip((spending, insured_years), values, strict=True):
        grid.flat[cell] = number_column(frame[name], CohortError)
    for name in constant:
        column, at_first = frame[name].to_numpy(), frame[name].iloc[first].to_numpy()[pairs]
        changes = (column != at_first) & ~(pd.isna(column) & pd.isna(at_first))
        if changes.any():
            raise CohortError(
                f"{name!r} of {frame[person][changes].nunique():,} persons changes over periods. A covariate is a "
                "baseline value: keep the one at attribution."
            )
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
