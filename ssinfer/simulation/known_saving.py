"""Computes the known true saving of simulated claims, for the persons and the truncation of an extract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.claims.backend.calendar import Calendar
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import ClaimsError

type Cents = NDArray[np.int64]


@dataclass(frozen=True)
class KnownSaving:
    """True saving of a unit over its performance periods, in currency: in all, per insured-year, and as a rate."""

    total: float
    per_insured_year: float
    rate: float


def known_saving(
    persons: pd.DataFrame,
    cohort: Cohort,
    unit: str,
    performance: Sequence[Any],
    caps: Mapping[int, float] | None = None,
    rate: float | None = None,
) -> KnownSaving:
    r"""Return the true saving of a unit.

    With :math:`y_{it}` the counted spending of person i and :math:`d_{it}` the saving of the contract on it,

    .. math:: S = \sum_{i, t} (k(y + d)_{it} - k(y)_{it}), \qquad \text{rate} = S / \sum_{i,t} k(y + d)_{it},

    over the unit's persons and performance periods. k truncates the calendar year of a person at `caps` (calendar year
    to currency per insured-year), as :class:`~ssinfer.claims.Truncation` does. The caps are those of the claims
    **with** the contract: the estimand of a truncated design. With `rate`, the saving of every line as a fraction, the
    cohort may hold some categories only: :math:`d = y \, rate / (1 - rate)`, without the rounding of lines. `persons`
    are those of :meth:`ssinfer.datasets.SimulatedClaims.persons`; `cohort` has every unit a person was in, spending not
    truncated.
    """
    calendar = Calendar.of(cohort.periods)
    rows = np.flatnonzero(np.isin(cohort.person, cohort.person[cohort.unit == unit]))
    cents = np.rint(cohort.spending[rows] * 100).astype(np.int64)
    lengths = calendar.year_days
    days = np.rint(cohort.insured_years[rows] * lengths).astype(np.int64)
    of_unit = cohort.unit[rows] == unit

    column_of = {str(period): column for column, period in enumerate(cohort.periods)}
    row_of = pd.Series(np.flatnonzero(of_unit), index=cohort.person[rows][of_unit])
    saved = persons[persons["period"].isin(list(column_of)) & persons["person"].isin(row_of.index)]
    cell = row_of.loc[saved["person"]].to_numpy(), saved["period"].map(column_of).to_numpy(dtype=np.intp)
    off = np.zeros_like(cents)
    if rate is None:
        np.add.at(off, cell, (saved["cents_without"] - saved["cents"]).to_numpy(dtype=np.int64))
    else:
        off[cell] = np.rint(cents[cell] * rate / (1 - rate))
    if (off[days == 0] != 0).any():
        raise ClaimsError(
            f"The simulation has savings of persons of {unit!r} in periods in which the extract does not count them. "
            "The true saving is known only for an open population of all persons under contract."
        )
    without, spent = cents + off, cents
    if caps is not None:
        who = pd.factorize(cohort.person[rows])[0]
        without, spent = (_capped(values, days, who, caps, calendar) for values in (without, spent))
    columns = cohort.columns(performance)
    benchmark, saving = (int(values[of_unit][:, columns].sum()) for values in (without, without - spent))
    years = float((days[of_unit][:, columns] / lengths[columns]).sum())
    return KnownSaving(saving / 100, saving / 100 / years, saving / benchmark)


def _capped(cents: Cents, days: Cents, who: NDArray[np.intp], caps: Mapping[int, float], calendar: Calendar) -> Cents:
    """Return cents (row, period) after truncation of each person's calendar years."""
    kept = cents.copy()
    years = np.array(calendar.year)
    for year in np.unique(years):
        columns = np.flatnonzero(years == year)
        total = np.bincount(who, weights=cents[:, columns].sum(axis=1))[who]
        insured = np.bincount(who, weights=days[:, columns].sum(axis=1))[who]
        limit = np.floor(round(100 * caps[int(year)]) * insured / calendar.year_days[columns[0]])
        over = total > limit
        part = cents[np.ix_(over, columns)] * limit[over, None] / total[over, None]
        kept[np.ix_(over, columns)] = np.floor(part).astype(np.int64)
    return kept
