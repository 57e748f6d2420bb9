"""Validates the parts of a Cohort when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.cohort.columns import pair_rows, plain_label
from ssinfer.errors import CohortError, DataError
from ssinfer.periods import read_periods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

# A quarter of 92 days is 0.2521 of a year of 365 days. Two insured-years in one period of a year are a mistake.
MAX_INSURED_YEARS = 1.01


def check_persons(
    person: NDArray[Any], unit: NDArray[Any], periods: tuple[Any, ...], spending: Floats, insured_years: Floats
) -> None:
    """Refuse periods that do not ascend, a person twice in a unit, and impossible insured-years or spending.

    Parameters
    ----------
    person, unit : (n,)
    periods : (T,)
    spending : (n, T)
        Money per period.
    insured_years : (n, T)
        Fraction of a year.
    """
    try:
        ascending = read_periods(periods).labels == tuple(periods)
    except DataError as error:
        raise CohortError(str(error)) from None
    if not ascending:
        raise CohortError(f"Periods must ascend without repeats, got {list(periods)[:6]}.")
    pairs, first = pair_rows(person, unit)
    if len(first) < len(pairs):
        row = int(np.flatnonzero(pd.Series(pairs).duplicated().to_numpy())[0])
        raise CohortError(f"Person {plain_label(person[row])!r} occurs twice in unit {unit[row]!r}. Add up their rows.")
    wrong = np.argwhere(~((insured_years >= 0) & (insured_years <= MAX_INSURED_YEARS)))
    if len(wrong):
        row, column = wrong[0]
        raise CohortError(
            f"insured_years of person {plain_label(person[row])!r} in period {periods[column]!r} is "
            f"{insured_years[row, column]} ({len(wrong)} such cells); allowed: 0 to 1, fractions of a year. "
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
