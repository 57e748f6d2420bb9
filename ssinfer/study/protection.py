"""Protection of hidden cells: the interval that published sums allow for each, and further cells to hide."""

import numpy as np

from ssinfer.typing import Booleans, Floats

LEAST_DISTANCE = 0.2  # of either end of the interval of a hidden value from the value, as a share of it


def feasible_interval(values: Floats, sums: Booleans, hidden: Booleans, cell: int) -> tuple[float, float]:
    r"""Return the smallest and the largest value of a hidden cell (the i-th) that published sums allow.

    Minimum and maximum of :math:`x_i` subject to :math:`\sum_{j \in s} x_j = \sum_{j \in s} v_j` for each sum s. The
    v are `values` (cell,), and `sums` (sum, cell) says which cells a sum adds up. Visible cells, and cells whose value
    is 0, are known; x is not negative, unless some v is (Fischetti and Salazar 2001, doi 10.1287/mnsc.47.7.1008.9803).
    """
    from scipy.optimize import linprog  # noqa: PLC0415  (slow to import, and seldom needed)

    unknown = np.flatnonzero(hidden & (values != 0))
    scale, relations = np.abs(values[unknown]).max(), sums[:, unknown].astype(float)
    goal, right = (unknown == cell).astype(float), relations @ values[unknown] / scale
    bounds = (0, None) if (values >= 0).all() else (None, None)
    ends = [linprog(sign * goal, A_eq=relations, b_eq=right, bounds=bounds) for sign in (1, -1)]
    lowest, highest = (scale * (-np.inf if end.fun is None else end.fun) for end in ends)
    return lowest, -highest


def protect(values: Floats, sums: Booleans, sensitive: Booleans, cost: Floats, at_least: int = 1) -> Booleans | None:
    """Return the cells to hide: the sensitive ones, and others (complementary suppression) until those are protected.

    A cell is protected if each end of its interval is at least `LEAST_DISTANCE` of its value away. Every column of
    `values` (cell, column) is published with the same `sums` (sum, cell). Of the cells that can protect, the one with
    the smallest `cost` is hidden first. At least `at_least` are hidden, or none. None: they cannot be protected.
    """
    hidden = sensitive.copy()
    while hidden.any():
        exposed = next((i for i in np.flatnonzero(sensitive) if not _protected(values, sums, hidden, int(i))), None)
        if exposed is None and hidden.sum() >= at_least:
            break
        able = ~hidden
        if exposed is not None:
            able = able & sums[sums[:, exposed]].any(axis=0)
            large = able & (np.abs(values) >= LEAST_DISTANCE * np.abs(values[exposed])).all(axis=1)
            able = large if large.any() else able
        if not able.any():
            return None
        hidden[np.flatnonzero(able)[np.argmin(cost[able])]] = True
    return hidden


def _protected(values: Floats, sums: Booleans, hidden: Booleans, cell: int) -> bool:
    """Return whether a hidden cell is protected in every column."""
    alike = hidden & (sums == sums[:, [cell]]).all(axis=0)
    alike[cell] = False
    for column, margin in zip(values.T, LEAST_DISTANCE * np.abs(values[cell]), strict=True):
        # A cell in the same sums can take or give the difference.
        if margin > 0 and sums[:, cell].any() and not (np.abs(column[alike]) >= margin).any():
            low, high = feasible_interval(column, sums, hidden, cell)
            if min(column[cell] - low, high - column[cell]) < margin * (1 - 1e-6):
                return False
    return True
