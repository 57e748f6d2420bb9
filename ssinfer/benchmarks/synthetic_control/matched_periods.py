"""Matched periods: the contrasts of the baseline that a synthetic control reproduces."""

from typing import Literal

import numpy as np

from ssinfer.errors import DesignError
from ssinfer.typing import Floats, Positions

Season = Literal["same-quarter", "whole-year"]


def match_periods(
    pre: Positions, post: Positions, n_periods: int, periods_per_year: int, season: Season | None, intercept: bool
) -> tuple[Floats, Floats]:
    """Return the contrasts that are matched, and the operator that carries an intercept over to all periods.

    The weights reproduce ``match @ Y`` (R, T). ``offset @ (y - Y w)`` is the offset per period, with offset (T, T) zero
    without an intercept. DesignError if the baseline holds no complete year, or lacks a season of performance.

    Season None matches each period. "same-quarter" matches the baseline quarters that occur in performance, each with
    its own mean if there is an intercept. "whole-year" matches the means of complete baseline years. `pre` and `post`
    are columns without masked periods; a mask moves no quarter to another season.
    """
    offset = np.zeros((n_periods, n_periods))
    if season == "whole-year":
        year = (pre - post[0]) // periods_per_year
        years = [pre[year == label] for label in np.unique(year)]
        complete = [columns for columns in years if columns.size == periods_per_year]
        if not complete:
            raise DesignError(
                f"The baseline has no complete year of {periods_per_year} unmasked periods before the performance "
                "period. Lengthen it, or match periods instead of whole years."
            )
        match = np.zeros((len(complete), n_periods))
        for r, columns in enumerate(complete):
            match[r, columns] = 1.0 / periods_per_year
        if intercept:
            offset[:] = match.mean(axis=0)
            match = match - match.mean(axis=0)
        return match, offset
    used = pre
    if season == "same-quarter":
        used = pre[np.isin(pre % periods_per_year, post % periods_per_year)]
        absent = np.setdiff1d(post % periods_per_year, pre % periods_per_year)
        if absent.size:
            raise DesignError(
                f"{absent.size} season of the performance period never occurs in the unmasked baseline. Lengthen the "
                "baseline, or use season='whole-year'."
            )
    match = np.zeros((used.size, n_periods))
    match[np.arange(used.size), used] = 1.0
    if intercept:
        cycle = periods_per_year if season == "same-quarter" else 1
        for label in np.unique(used % cycle):
            same_season = used % cycle == label
            mean = match[same_season].mean(axis=0)
            match[same_season] -= mean
            offset[np.arange(n_periods) % cycle == label] = mean
    return match, offset
