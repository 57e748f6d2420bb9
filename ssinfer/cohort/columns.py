"""Columns of a Cohort: labels, numbers, covariates and cells per person, and selections of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import CohortError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from ssinfer.typing import Booleans, Floats, Positions

    Labels = NDArray[Any]


def plain_label(label: Any) -> Any:
    """Return a numpy scalar as the Python value."""
    return label.item() if isinstance(label, np.generic) else label


def number_column(column: pd.Series[Any]) -> Floats:
    """Return a column as floats; text is refused."""
    if not pd.api.types.is_numeric_dtype(column):
        numbers = pd.to_numeric(column, errors="coerce")
        bad = column[numbers.isna() & column.notna()]
        if len(bad):
            raise CohortError(
                f"Column {column.name!r} holds text in {len(bad)} rows, first {bad.iloc[0]!r}. Convert it to numbers."
            )
        column = numbers
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def cell_grid(values: Any, shape: tuple[int, int], name: str) -> Floats:
    """Return a read-only array (person, period)."""
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise CohortError(f"{name} has shape {array.shape}; persons x periods is {shape}. Pass one value per cell.")
    return _read_only(array)


def label_column(values: Any, n: int, name: str, *, text: bool = True) -> Labels:
    """Return read-only labels (n,), as text unless `text` is false; missing labels are refused."""
    array = _one_per_person(values, n, name, "Attribute or exclude them first.")
    return _read_only(_as_text(array) if text else array.copy())


def covariate_column(values: Any, n: int, name: str) -> Labels:
    """Return a read-only covariate (n,), numbers or labels; missing values are refused."""
    remedy = "Give a label such as 'unknown', impute it, or leave the persons out and count them."
    array = _one_per_person(values, n, f"Covariate {name!r}", remedy)
    return _read_only(array.astype(np.float64) if array.dtype.kind in "biuf" else _as_text(array))


def _one_per_person(values: Any, n: int, name: str, remedy: str) -> Labels:
    array = np.asarray(values)
    if array.shape != (n,):
        raise CohortError(f"{name} has shape {array.shape}; one value per person is ({n},).")
    absent = int(pd.isna(array).sum())
    if absent:
        raise CohortError(f"{name} is missing for {absent} persons. {remedy}")
    return array


def _as_text(array: Labels) -> Labels:
    return np.array([str(label) for label in array], dtype=object)


def _read_only[T: NDArray[Any]](array: T) -> T:
    array.setflags(write=False)
    return array


def indicator_columns(covariates: Mapping[str, Labels]) -> dict[str, Floats]:
    """Return covariates as numbers (n,): each level of a label becomes an indicator, named ``sex=V``."""
    numbers: dict[str, Floats] = {}
    for name, values in covariates.items():
        if values.dtype.kind == "f":
            numbers[name] = values
        else:
            for level in sorted(pd.unique(values)):
                numbers[f"{name}={level}"] = (values == level).astype(np.float64)
    return numbers


def most_frequent(rows: Positions, labels: Labels, n_units: int) -> Labels:
    """Return the most frequent label of each unit (n_units,); of equally frequent ones the first by sorting."""
    frame = pd.DataFrame({"unit": rows, "label": labels})
    counts = frame.value_counts(["unit", "label"], sort=False).rename("n").reset_index()
    most = counts.sort_values(["unit", "n", "label"], ascending=[True, False, True]).drop_duplicates("unit")
    return most.set_index("unit")["label"].reindex(range(n_units)).to_numpy(dtype=object)


def pair_rows(person: Any, unit: Any) -> tuple[Positions, Positions]:
    """Return, per row, the number of its (person, unit), and per pair the row of its first appearance.

    Pairs are numbered in the order of their first appearance.
    """
    units, names = pd.factorize(unit)
    codes, _ = pd.factorize(pd.factorize(person)[0].astype(np.int64) * len(names) + units)
    return np.asarray(codes, dtype=np.intp), np.flatnonzero(~pd.Series(codes).duplicated().to_numpy())


def selected_rows(
    person: Labels, unit: Labels, units: Iterable[object] | None, persons: Iterable[object] | Booleans | None
) -> Positions:
    """Return the rows of some units and some persons.

    Parameters
    ----------
    person, unit : (n,)
        Person and unit of each row.
    units : sequence of units, or None
    persons : identifiers, a mask (n,), or None
        None selects all.

    Raises
    ------
    CohortError
        A unit or person is unknown, or no row is left.
    """
    keep = np.ones(len(person), dtype=bool)
    if units is not None:
        wanted = [str(label) for label in ([units] if isinstance(units, str) else units)]
        known = dict.fromkeys(pd.unique(unit))
        for label in wanted:
            if label not in known:
                raise CohortError(f"The cohort has no unit {label!r}. {did_you_mean(label, known)}")
        keep &= np.isin(unit, wanted)
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
        raise CohortError(f"{len(unknown)} persons are not in the cohort, first {plain_label(unknown[0])!r}.")
    return np.isin(person, wanted)
