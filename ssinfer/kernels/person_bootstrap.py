"""Bayesian bootstrap of persons within practices, for ratios of weighted sums over matched lines."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]


_STREAMS = 8


@compiled
def bootstrap_ratios(
    person: Codes,
    group: Codes,
    weight: Floats,
    money: Floats,
    years: Floats,
    block: Codes,
    n_groups: int,
    n_draws: int,
    rng: np.random.Generator,
) -> Floats:
    r"""Return draws of ratios R = sum(w e money) / sum(w e years) per group and column.

    Each draw gives person i a Dirichlet weight within its block (practice) of m persons, stretched so that its
    variance is that of the unbiased sample variance:

    .. math:: e_i = 1 + \sqrt{\tfrac{m+1}{m-1}} \left(\frac{E_i}{\bar E_{b(i)}} - 1\right), \quad E_i \sim \text{Exp}(1)

    A practice's total weight is fixed: differences between practices enter elsewhere, once.

    Parameters
    ----------
    person : (m,) int
        Person (0 ... n - 1) of each line; a person may stand in several lines (matching with replacement).
    group : (m,) int
        Group (0 ... n_groups - 1) of each line, such as the treated practice it serves.
    weight : (m,)
    money, years : (n, q)
        Per person; a group whose years are 0 in a column gives NaN there.
    block : (n,) int
        Practice of each person, at least two persons each.
    n_groups, n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    array (n_draws, n_groups, q)

    References
    ----------
    Rubin, D. B. (1981). The Bayesian bootstrap. Annals of Statistics 9, 130-134. doi:10.1214/aos/1176345338
    """
    n, q = money.shape
    n_blocks = block.max() + 1
    size = np.zeros(n_blocks)
    for i in range(n):
        size[block[i]] += 1.0
    stretch = np.sqrt((size + 1.0) / np.maximum(size - 1.0, 1.0))
    out = np.empty((n_draws, n_groups, q))
    e = np.empty(n)
    total = np.empty(n_blocks)
    above = np.empty((n_groups, q))
    below = np.empty((n_groups, q))
    for draw in range(n_draws):
        total[:] = 0.0
        for i in range(n):
            e[i] = rng.standard_exponential()
            total[block[i]] += e[i]
        for i in range(n):
            b = block[i]
            e[i] = 1.0 + stretch[b] * (e[i] * size[b] / total[b] - 1.0)
        above[:] = 0.0
        below[:] = 0.0
        for line in range(len(person)):
            i, g = person[line], group[line]
            w = weight[line] * e[i]
            for column in range(q):
                above[g, column] += w * money[i, column]
                below[g, column] += w * years[i, column]
        for g in range(n_groups):
            for column in range(q):
                out[draw, g, column] = above[g, column] / below[g, column] if below[g, column] > 0.0 else np.nan
    return out


def pool_small_blocks(codes: Codes, smallest: int = 10) -> Codes:
    """Return block numbers 0, 1, ... in which practices with fewer than `smallest` persons share one block.

    Within a practice of few persons a Dirichlet weight hardly varies; together they form a block that does. A pool
    that is itself too small joins the largest practice.

    Examples
    --------
    >>> pool_small_blocks(np.array([7, 7, 7, 5, 9]), smallest=2)
    array([0, 0, 0, 1, 1])
    """
    _, blocks, counts = np.unique(codes, return_inverse=True, return_counts=True)
    large = counts >= smallest
    if large.all():
        return np.asarray(blocks, dtype=np.int64)
    if not large.any():
        return np.zeros(len(codes), dtype=np.int64)
    number = np.where(large, np.cumsum(large) - 1, large.sum())
    if counts[~large].sum() < smallest:
        largest = int(np.argmax(counts))
        # Numbered as the largest practice; the others keep ascending numbers.
        number[~large] = number[largest]
    return np.asarray(number[blocks], dtype=np.int64)


def bootstrap_in_threads(
    person: Codes,
    group: Codes,
    weight: Floats,
    money: Floats,
    years: Floats,
    block: Codes,
    n_groups: int,
    n_draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Return :func:`bootstrap_ratios`, the draws cut into eight streams that run in threads.

    The streams are children of `rng`: the result does not depend on the number of processors.
    """
    person, group, block = (np.ascontiguousarray(codes, dtype=np.int64) for codes in (person, group, block))
    weight, money, years = (np.ascontiguousarray(values, dtype=np.float64) for values in (weight, money, years))
    children = rng.spawn(_STREAMS)
    counts = [n_draws // _STREAMS + (place < n_draws % _STREAMS) for place in range(_STREAMS)]

    def stream(place: int) -> Floats:
        return bootstrap_ratios(person, group, weight, money, years, block, n_groups, counts[place], children[place])

    with ThreadPoolExecutor(max_workers=min(_STREAMS, os.cpu_count() or 1)) as pool:
        return np.concatenate(list(pool.map(stream, range(_STREAMS))))
