"""Groups of rows with the same label: dense codes, sums per group, and the start of each group's run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats, Integers


def dense_codes(labels: NDArray[Any]) -> tuple[Integers, int]:
    """Return codes 0 ... G - 1 in the labels' order, and their number G.

    Small integers are counted, not sorted: a million rows then take milliseconds.

    Examples
    --------
    >>> codes, count = dense_codes(np.array([7, 2, 7, 9]))
    >>> codes.tolist(), count
    ([1, 0, 1, 2], 3)
    """
    if labels.dtype.kind in "iu" and len(labels) and labels.min() >= 0 and labels.max() < 4 * len(labels) + 1_000:
        present = np.zeros(int(labels.max()) + 1, dtype=bool)
        present[labels] = True
        number = np.cumsum(present) - 1
        return np.asarray(number[labels], dtype=np.int64), int(number[-1]) + 1
    known, codes = np.unique(labels, return_inverse=True)
    return np.asarray(codes, dtype=np.int64), len(known)


def group_sums(codes: Integers, values: Floats, count: int, weights: Floats | None = None) -> Floats:
    """Return the sum over the rows of each group (count, q).

    Parameters
    ----------
    codes, values : array (n,), (n, q)
        Group of each row, from 0, and its values.
    count : int
        Number of groups.
    weights : array (n,), optional
        Weight of each row; equal by default.

    Examples
    --------
    >>> group_sums(np.array([0, 1, 0]), np.array([[1.0], [5.0], [2.0]]), 2).tolist()
    [[3.0], [5.0]]
    """
    columns = values.T if weights is None else (weights * column for column in values.T)
    return np.stack([np.bincount(codes, weights=column, minlength=count) for column in columns], axis=1)


def run_starts(codes: Integers, count: int) -> Integers:
    """Return the start of each group's run after rows are sorted by code, and the end (count + 1,).

    Examples
    --------
    >>> run_starts(np.array([2, 0, 2]), 3).tolist()
    [0, 1, 1, 3]
    """
    return np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=count))])
