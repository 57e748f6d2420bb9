"""Truncated spending of persons, and by how much it falls if all spending falls."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ssinfer.cohort.cohort import Cohort
from ssinfer.periods import parse_period
from ssinfer.typing import Floats, Positions

STEP = 1e-6  # saving at which the slope is taken: kinks and rounding are smaller than what is printed


def truncated_spending(cohort: Cohort, spending: Floats, caps: Mapping[int, float] | None) -> Floats:
    """Return spending (n, T) after truncation of each person's calendar years; without `caps` as it is."""
    if caps is None:
        return spending
    kept, years = spending.copy(), np.array([parse_period(period).first_day.year for period in cohort.periods])
    rows, persons = pd.factorize(cohort.person)
    for year in np.unique(years):
        columns = np.flatnonzero(years == year)
        total, insured = (
            np.bincount(rows, weights=values[:, columns].sum(axis=1), minlength=len(persons))[rows]
            for values in (spending, cohort.insured_years)
        )
        limit = caps[int(year)] * insured
        over = total > limit
        kept[np.ix_(over, columns)] *= (limit[over] / total[over])[:, None]
    return kept


def elasticity(cohort: Cohort, caps: Mapping[int, float] | None, window: Positions | None = None) -> float:
    r"""Return the fall of truncated spending per unit of a saving that is spread evenly over all claim lines.

    With y the spending of a person in a period, before truncation, and k its truncation per calendar year,

    .. math:: e = \lim_{h \to 0} \frac{\sum_{t \in W} k(y)_t - k(y - h y 1\{t \ge a\})_t}{h \sum_{t \in W} k(y)_t},

    over all persons and the periods W with these columns (None: all), a the first of them: the saving goes on after W.
    If all lines of each year fall, e is the share of truncated spending of person-years that lie below their cap. It is
    1 if nothing was spent.
    """
    window = np.arange(len(cohort.periods)) if window is None else window
    left = cohort.spending.copy()
    left[:, window.min() :] *= 1 - STEP
    kept, after = (truncated_spending(cohort, each, caps)[:, window].sum() for each in (cohort.spending, left))
    return float((1 - after / kept) / STEP) if kept > 0 else 1.0


def elasticity_before(cohort: Cohort, caps: Mapping[int, float] | None, performance: Positions, per_year: int) -> float:
    """Return the elasticity of the last earlier window like `performance` whose calendar years end before its start.

    Without one, or if nothing is known of its spending (as of the last year at signing), of all periods before the
    calendar year of the start; in the first calendar year, before the start.
    """
    if caps is None:
        return 1.0
    years, start = [parse_period(period).first_day.year for period in cohort.periods], int(performance.min())
    end = years.index(years[start]) or start
    window = performance - per_year * -(-(int(performance.max()) + 1 - end) // per_year)
    earlier = cohort.take(np.arange(len(cohort.person)), np.arange(end))
    known = window.min() >= 0 and np.nansum(earlier.spending[:, window]) > 0
    return elasticity(earlier, caps, window if known else None)
