"""Bayesian bootstrap of persons within practices, for ratios of weighted sums over matched lines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ssinfer.kernels.compile import compiled, threads
from ssinfer.kernels.groups import dense_codes, group_sums, run_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

    Codes = NDArray[np.int64]


_STREAMS = 8
_CHUNK = 32  # draws at a time: the weights of a practice's persons then stay in the processor's cache


class _Layout(NamedTuple):
    """Lines sorted by (block, group), so that a block's numbers stay in the processor's cache over all draws.

    A *cell* is a run of lines with the same block and group. m lines, C cells, B blocks.

    Attributes
    ----------
    size : (B,) persons of each block
    cells : (B + 1,) first cell of each block
    lines : (C + 1,) first line of each cell
    group : (C,) group of each cell
    place : (m,) place of the line's person within its block
    value : (m, 2q) weighted money, then weighted insured-years
    """

    size: Codes
    cells: Codes
    lines: Codes
    group: Codes
    place: Codes
    value: Floats


def _lay_out(
    person: Codes, group: Codes, weight: Floats, money: Floats, years: Floats, block: Codes, n_groups: int
) -> _Layout:
    n_blocks = int(block.max()) + 1
    starts = run_starts(block, n_blocks)
    by_block = np.argsort(block, kind="stable")
    place = np.empty(len(block), dtype=np.int64)
    place[by_block] = np.arange(len(block)) - np.repeat(starts[:-1], np.diff(starts))
    cell, count = dense_codes(block[person] * n_groups + group)
    order = np.argsort(cell, kind="stable")
    lines = run_starts(cell, count)
    first = order[lines[:-1]]
    cells = run_starts(block[person[first]], n_blocks)
    person, weight = person[order], weight[order]
    value = np.concatenate([money[person], years[person]], axis=1) * weight[:, None]
    return _Layout(np.diff(starts), cells, lines, group[first], place[person], value)


@compiled
def _draw_sums(
    size: Codes,
    cells: Codes,
    lines: Codes,
    group: Codes,
    place: Codes,
    value: Floats,
    n_groups: int,
    n_draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Return draws of weighted sums (n_groups, 2q, n_draws)."""
    width = value.shape[1]
    out = np.zeros((n_groups, width, n_draws))
    e = np.empty((size.max(), _CHUNK))
    part = np.empty((width, _CHUNK))
    scale = np.empty(_CHUNK)
    for b in range(len(size)):
        if size[b] == 0:
            continue
        stretch = np.sqrt((size[b] + 1.0) / max(size[b] - 1.0, 1.0))
        for start in range(0, n_draws, _CHUNK):
            length = min(_CHUNK, n_draws - start)
            scale[:] = 0.0
            for i in range(size[b]):
                for d in range(length):
                    e[i, d] = rng.standard_exponential()
                    scale[d] += e[i, d]
            for d in range(length):
                scale[d] = size[b] / scale[d]
            for i in range(size[b]):
                for d in range(length):
                    e[i, d] = 1.0 + stretch * (e[i, d] * scale[d] - 1.0)
            for cell in range(cells[b], cells[b + 1]):
                part[:] = 0.0
                for line in range(lines[cell], lines[cell + 1]):
                    for column in range(width):
                        for d in range(length):  # draws innermost: no sum is reordered when this runs in vectors
                            part[column, d] += value[line, column] * e[place[line], d]
                for column in range(width):
                    for d in range(length):
                        out[group[cell], column, start + d] += part[column, d]
    return out


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

    A practice's total weight is fixed: differences between practices enter elsewhere, once. The draws are cut into
    eight streams, children of `rng`, that run in threads: the result does not depend on the number of processors.

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
    person, group, block = (np.asarray(codes, dtype=np.int64) for codes in (person, group, block))
    layout = _lay_out(person, group, weight, money, years, block, n_groups)
    children = rng.spawn(_STREAMS)
    counts = [n_draws // _STREAMS + (place < n_draws % _STREAMS) for place in range(_STREAMS)]

    def stream(place: int) -> Floats:
        return np.asarray(_draw_sums(*layout, n_groups, counts[place], children[place]))

    with ThreadPoolExecutor(max_workers=min(_STREAMS, threads())) as pool:
        sums = np.concatenate(list(pool.map(stream, range(_STREAMS))), axis=2)
    above, below = np.split(sums.transpose(2, 0, 1), 2, axis=2)
    there = group_sums(group, years[person], n_groups, weight) > 0
    ratios = np.divide(above, below, out=np.full(above.shape, np.nan), where=np.broadcast_to(there, above.shape))
    return np.asarray(ratios)


def pool_small_blocks(codes: Codes, smallest: int = 10) -> Codes:
    """Return block numbers 0, 1, ... in which practices with fewer than `smallest` persons share one block.

    Within a practice of few persons a Dirichlet weight hardly varies; together they form a block that does. A pool
    that is itself too small joins the largest practice.

    Examples
    --------
    >>> pool_small_blocks(np.array([7, 7, 7, 5, 9]), smallest=2)
    array([0, 0, 0, 1, 1])
    """
    blocks, count = dense_codes(codes)
    counts = np.bincount(blocks, minlength=count)
    large = counts >= smallest
    if large.all():
        return blocks
    if not large.any():
        return np.zeros(len(codes), dtype=np.int64)
    number = np.where(large, np.cumsum(large) - 1, large.sum())
    if counts[~large].sum() < smallest:
        largest = int(np.argmax(counts))
        # Numbered as the largest practice; the others keep ascending numbers.
        number[~large] = number[largest]
    return np.asarray(number[blocks], dtype=np.int64)
