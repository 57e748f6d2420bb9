"""Bayesian bootstrap of persons within practices, for ratios of weighted sums over the lines of a comparison."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from ssinfer.kernels.compile import compiled, threads
from ssinfer.kernels.groups import dense_codes, group_sums, run_starts
from ssinfer.typing import Floats, Integers

STREAMS = 8
DRAWS_AT_A_TIME = 32  # the weights of a practice's persons then stay in the processor's cache
MIN_PERSONS_PER_BLOCK = 10  # with few persons a Dirichlet weight hardly varies


class _Layout(NamedTuple):
    """m lines sorted by (block, group), so that a block stays in cache: B blocks, C cells of one block and group."""

    size: Integers  # (B,): persons of each block
    cells: Integers  # (B + 1,): first cell of each block
    lines: Integers  # (C + 1,): first line of each cell
    group: Integers  # (C,): group of each cell
    member: Integers  # (m,): number of the line's person within its block
    value: Floats  # (m, 2q): weighted money, then weighted insured-years


def _lay_out(
    person: Integers, group: Integers, weight: Floats, money: Floats, years: Floats, block: Integers, n_groups: int
) -> _Layout:
    n_blocks = int(block.max()) + 1
    starts = run_starts(block, n_blocks)
    by_block = np.argsort(block, kind="stable")
    member = np.empty(len(block), dtype=np.int64)
    member[by_block] = np.arange(len(block)) - np.repeat(starts[:-1], np.diff(starts))
    cell, count = dense_codes(block[person] * n_groups + group)
    order = np.argsort(cell, kind="stable")
    lines = run_starts(cell, count)
    first = order[lines[:-1]]
    cells = run_starts(block[person[first]], n_blocks)
    person, weight = person[order], weight[order]
    value = np.concatenate([money[person], years[person]], axis=1) * weight[:, None]
    return _Layout(np.diff(starts), cells, lines, group[first], member[person], value)


@compiled
def _draw_sums(layout: _Layout, n_groups: int, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw weighted sums (n_groups, 2q, n_draws)."""
    size, cells, lines, group, member, value = layout
    width = value.shape[1]
    out = np.zeros((n_groups, width, n_draws))
    e = np.empty((size.max(), DRAWS_AT_A_TIME))
    part = np.empty((width, DRAWS_AT_A_TIME))
    scale = np.empty(DRAWS_AT_A_TIME)
    for b in range(len(size)):
        if size[b] == 0:
            continue
        stretch = np.sqrt((size[b] + 1.0) / max(size[b] - 1.0, 1.0))
        for start in range(0, n_draws, DRAWS_AT_A_TIME):
            length = min(DRAWS_AT_A_TIME, n_draws - start)
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
                        for d in range(length):  # draws innermost: vector instructions then reorder no sum
                            part[column, d] += value[line, column] * e[member[line], d]
                for column in range(width):
                    for d in range(length):
                        out[group[cell], column, start + d] += part[column, d]
    return out


def bootstrap_ratios(
    person: Integers,
    group: Integers,
    weight: Floats,
    money: Floats,
    years: Floats,
    block: Integers,
    n_groups: int,
    n_draws: int,
    rng: np.random.Generator,
    *,
    n_threads: int | None = None,
) -> Floats:
    r"""Draw ratios R = sum(w e money) / sum(w e years) per group and column (n_draws, n_groups, q).

    Each draw gives person i a Dirichlet weight within its block (practice) of m persons (Rubin 1981,
    doi:10.1214/aos/1176345338). It is stretched so that its variance is that of the unbiased sample variance:

    .. math:: e_i = 1 + \sqrt{\tfrac{m+1}{m-1}} \left(\frac{E_i}{\bar E_{b(i)}} - 1\right), \quad E_i \sim \text{Exp}(1)

    A practice's total weight is fixed: differences between practices enter elsewhere, once. The draws are divided among
    eight streams, children of `rng`, whatever the number of threads. `person`, `group` and `weight` are those of each
    line; `money` and `years` (n, q) and `block` (n,), of two persons at least, are those of each person.
    """
    person, group, block = (np.asarray(codes, dtype=np.int64) for codes in (person, group, block))
    layout = _lay_out(person, group, weight, money, years, block, n_groups)
    children = rng.spawn(STREAMS)
    counts = [n_draws // STREAMS + (number < n_draws % STREAMS) for number in range(STREAMS)]

    def stream(number: int) -> Floats:
        return np.asarray(_draw_sums(layout, n_groups, counts[number], children[number]))

    with ThreadPoolExecutor(max_workers=min(STREAMS, n_threads or threads())) as pool:
        sums = np.concatenate(list(pool.map(stream, range(STREAMS))), axis=2)
    above, below = np.split(sums.transpose(2, 0, 1), 2, axis=2)
    insured = group_sums(group, years[person], n_groups, weight) > 0
    ratios = np.divide(above, below, out=np.full(above.shape, np.nan), where=np.broadcast_to(insured, above.shape))
    return np.asarray(ratios)


def pool_small_blocks(codes: Integers, smallest: int = MIN_PERSONS_PER_BLOCK) -> Integers:
    """Return block numbers: practices below `smallest` persons share a block or, if too few, join the largest one."""
    blocks, count = dense_codes(codes)
    counts = np.bincount(blocks, minlength=count)
    large = counts >= smallest
    if large.all():
        return blocks
    if not large.any():
        return np.zeros(len(codes), dtype=np.int64)
    number = np.where(large, np.cumsum(large) - 1, large.sum())
    if counts[~large].sum() < smallest:
        number[~large] = number[int(np.argmax(counts))]
    return np.asarray(number[blocks], dtype=np.int64)
