"""What every Cohort must hold, checked once when it is made."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.cohort.columns import plain_label
from ssinfer.errors import CohortError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats


# A quarter of 92 days in a year of 365 is 0.2521 of a year; two insured-years in one period of a year are a mistake.
_MOST_INSURED = 1.01


def check_persons(
    person: NDArray[Any], unit: NDArray[Any], periods: tuple[Any, ...], spending: Floats, insured_years: Floats
) -> None:
    """Refuse periods that do not ascend, a person twice in a unit, impossible insured-years, and stray spending."""
    if any(not earlier < later for earlier, later in itertools.pairwise(periods)):
        raise CohortError(f"Periods must ascend without repeats, got {list(periods)[:6]}.")
    units, labels = pd.factorize(unit)
    pairs = pd.factorize(person)[0].astype(np.int64) * len(labels) + units
    if len(np.unique(pairs)) < len(pairs):
        at = int(np.flatnonzero(pd.Series(pairs).duplicated().to_numpy())[0])
        raise CohortError(f"Person {plain_label(person[at])!r} occurs twice in unit {unit[at]!r}. Add up their rows.")
    wrong = np.argwhere(~((insured_years >= 0) & (insured_years <= _MOST_INSURED)))
    if len(wrong):
        row, column = wrong[0]
        raise CohortError(
            f"insured_years of person {plain_label(person[row])!r} in period {periods[column]!r} is "
            f"{insured_years[row, column]} ({len(wrong)} such cells); allowed: 0 to 1, parts of a year. "
            "Check for overlapping spans."
        )
    if np.isinf(spending).any():
        raise CohortError("Spending holds infinite values. Correct them at the source.")
    stray = np.argwhere((insured_years == 0) & ~(spending == 0))
    if len(stray):
        row, column = stray[0]
        raise CohortError(
            f"Person {plain_label(person[row])!r} has spending {spending[row, column]} in period "
            f"{periods[column]!r} without being insured ({len(stray)} such cells). Exclude and count such "
            "claims first, or correct the enrolment."
        )
