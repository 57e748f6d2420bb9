"""Which rows of a Cohort a selection keeps, and which become one when persons are attributed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.cohort.columns import plain_label
from ssinfer.errors import CohortError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def chosen(
    person: NDArray[Any], unit: NDArray[Any], units: Iterable[object] | None, persons: Iterable[object] | Mask | None
) -> Mask:
    """Return which rows are of some units and some persons (n,); an unknown unit or person, or nobody, is refused."""
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
        raise CohortError("Nobody is left after the selection. Widen it.")
    return keep


def _of_persons(person: NDArray[Any], wanted: NDArray[Any]) -> Mask:
    if wanted.dtype == bool:
        if wanted.shape != person.shape:
            raise CohortError(f"The mask has shape {wanted.shape}; one value per person is {person.shape}.")
        return wanted
    unknown = wanted[~np.isin(wanted, person)]
    if len(unknown):
        raise CohortError(f"{len(unknown)} persons are not in the cohort, first {plain_label(unknown[0])!r}.")
    return np.isin(person, wanted)


def joined_rows(person: NDArray[Any], unit: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, per row, its (person, unit) by number (n,), and per pair the row of its first appearance."""
    persons, (units, labels) = pd.factorize(person)[0].astype(np.int64), pd.factorize(unit)
    codes = pd.factorize(persons * len(labels) + units)[0]
    return np.asarray(codes, dtype=np.intp), np.unique(codes, return_index=True)[1]
