"""Groups of rows with the same label: dense codes, sums per group, and the start of each group's run."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssinfer.typing import Floats, Integers


def dense_codes(labels: NDArray[Any]) -> tuple[Integers, int]:
    """Return codes 0 ... G - 1 in the labels' order, and their number G."""
    # small integers are counted, not sorted: a million rows then take milliseconds
    if labels.dtype.kind in "iu" and len(labels) and labels.min() >= 0 and labels.max() < 4 * len(labels) + 1_000:
        present = np.zeros(int(labels.max()) + 1, dtype=bool)
        present[labels] = True
        number = np.cumsum(present) - 1
        return np.asarray(number[labels], dtype=np.int64), int(number[-1]) + 1
    known, codes = np.unique(labels, return_inverse=True)
    return np.asarray(codes, dtype=np.int64), len(known)


def group_sums(codes: Integers, values: Floats, count: int, weights: Floats | None = None) -> Floats:
    """Return the (weighted) sum over the rows of each group (count, q), given group codes from 0 and values (n, q)."""
    columns = values.T if weights is None else (weights * column for column in values.T)
    return np.stack([np.bincount(codes, weights=column, minlength=count) for column in columns], axis=1)


def run_starts(codes: Integers, count: int) -> Integers:
    """Return the start of each group's run after rows are sorted by code, and the end (count + 1,)."""
    return np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=count))])
