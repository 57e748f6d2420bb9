"""What a Cohort reads from long frames: labels, numbers and covariates per person, cells, sums over units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import CohortError
from ssinfer.kernels.groups import group_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

    Labels = NDArray[Any]


def plain_label(label: Any) -> Any:
    """Return a numpy scalar as the Python value."""
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
    array.setflags(write=False)
    return array


def label_column(values: Any, n: int, name: str, *, text: bool = True) -> Labels:
    """Return read-only labels, one per person; missing ones are refused."""
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


def covariate_column(values: Any, n: int, name: str) -> NDArray[Any]:
    """Return a read-only covariate, numbers or labels, one value per person."""
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
    return group_sums(rows, values, n_units)
