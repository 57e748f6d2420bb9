"""Which contrasts of the baseline a synthetic control matches: periods, seasons or years, with or without level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.errors import DesignError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

Season = Literal["same-quarter", "whole-year"]


def matching_rows(
    pre: Places, post: Places, T: int, periods_per_year: int, season: Season | None, intercept: bool
) -> tuple[Floats, Floats]:
    """Return the rows that are matched and the level that is carried over.

    Parameters
    ----------
    pre, post : arrays
        Columns of baseline and performance, masked periods left out; columns count periods, so that a mask
        moves no quarter into another's place.
    T : int
        Periods of the panel.
    periods_per_year : int
        4 for quarters, 12 for months, 1 for years.
    season : None, "same-quarter" or "whole-year"
        None matches each period; "same-quarter" only the baseline quarters that occur in performance (each with its
        own mean if there is an intercept); "whole-year" the means of complete baseline years, counted back from
        the first performance period.
    intercept : bool
        Match deviations from the baseline mean.

    Returns
    -------
    match : array (R, T)
        ``match @ Y`` is what the weights reproduce.
    level : array (T, T)
        ``level @ (y - Y w)`` is the offset per period; zero without an intercept.
    """
    cycle = periods_per_year
    level = np.zeros((T, T))
    if season == "whole-year":
        year = (pre - post[0]) // cycle
        blocks = [pre[year == label] for label in np.unique(year)]
        whole = [block for block in blocks if block.size == cycle]
        if not whole:
            raise DesignError(
                f"The baseline has no complete year of {cycle} unmasked periods before the performance period. "
                "Lengthen it, or match periods instead of whole years."
            )
        match = np.zeros((len(whole), T))
        for r, block in enumerate(whole):
            match[r, block] = 1.0 / cycle
        if intercept:
            level[:] = match.mean(axis=0)
            match = match - match.mean(axis=0)
        return match, level
    used = pre
    if season == "same-quarter":
        used = pre[np.isin(pre % cycle, post % cycle)]
        absent = np.setdiff1d(post % cycle, pre % cycle)
        if absent.size:
            raise DesignError(
                f"{absent.size} season of the performance period never occurs in the unmasked baseline. Lengthen the "
                "baseline, or use season='whole-year'."
            )
    match = np.zeros((used.size, T))
    match[np.arange(used.size), used] = 1.0
    if intercept:
        group = used % cycle if season == "same-quarter" else np.zeros(used.size, dtype=np.intp)
        for label in np.unique(group):
            inside = group == label
            mean = match[inside].mean(axis=0)
            match[inside] -= mean
            level[np.arange(T) % cycle == label if season == "same-quarter" else slice(None)] = mean
    return match, level
