"""Placebo thresholds learned from other blocks of neighbours and other origins, once or in every bootstrap replicate.

At each origin it is the ceil(level (m + 1))-th order statistic of the standardised savings of the m units outside the
block; a row has the mean over the other origins (where none has one, its own), times its standard error.
"""

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats, Positions


@compiled
def _place_outside(z: Floats, block: Positions, rows: Positions, seen: Floats, b: int, m: float, level: float) -> int:
    """Return the place in `rows` of the order statistic of m units outside block b; -1 if too few, or all are equal.

    `rows` are the drawn ones, largest first, and `seen` is the number of units up to each.
    """
    rank = np.ceil(level * (m + 1) - 1e-9)
    if rank > m or rank < 1:
        return -1
    highest, lowest = 0, rows.size - 1
    while block[rows[highest]] == b:
        highest += 1
    while block[rows[lowest]] == b:
        lowest -= 1
    largest = z[rows[highest]]
    if largest - z[rows[lowest]] <= 1e-12 * max(1.0, abs(largest)):
        return -1  # all savings are equal: they are not m placebos
    inside = 0.0
    for place in range(rows.size):
        if block[rows[place]] == b:
            inside += seen[place] - (seen[place - 1] if place else 0.0)
        elif seen[place] - inside >= m - rank + 1 - 1e-9:
            return place
    return -1


def placebo_thresholds(
    z: Floats, scale: Floats, block: Positions, origin: Positions, weights: Floats, level: float
) -> Floats:
    """Return thresholds (K, R) of savings `z` (R,) times their `scale`, by `weights` (K, blocks); NaN: few units."""
    order = np.lexsort((-z, origin))  # by origin, then largest first
    starts = np.searchsorted(origin[order], np.arange(origin.max() + 2))
    return _thresholds(z, scale, block, origin, weights, order, starts, level)


@compiled
def _thresholds(
    z: Floats,
    scale: Floats,
    block: Positions,
    origin: Positions,
    weights: Floats,
    order: Positions,
    starts: Positions,
    level: float,
) -> Floats:
    """Return the thresholds, given the order of rows and where each origin begins."""
    n_replicates, n_blocks = weights.shape
    n_origins = starts.size - 1
    out = np.empty((n_replicates, z.size))
    learned = np.empty((n_blocks, n_origins))
    first, inside = np.empty(n_blocks, dtype=np.intp), np.empty(n_blocks, dtype=np.intp)
    drawn, units = np.empty(z.size, dtype=np.intp), np.empty(z.size)
    for k in range(n_replicates):
        for o in range(n_origins):
            first[:], inside[:] = z.size, 0
            n, total = 0, 0
            for row in order[starts[o] : starts[o + 1]]:
                b, weight = block[row], int(weights[k, block[row]])
                if weight > 0:
                    first[b] = min(first[b], n)
                    inside[b] += weight
                    total += weight
                    drawn[n], units[n] = row, total
                    n += 1
            rows, seen = drawn[:n], units[:n]
            places = np.full(inside.max() + 1, -2)  # by the number of units inside a block: where all are outside
            for b in range(n_blocks):
                m = total - inside[b]
                if places[inside[b]] == -2:
                    places[inside[b]] = _place_outside(z, block, rows, seen, -1, m, level)
                place = places[inside[b]]
                if first[b] <= place or (n and block[rows[n - 1]] == b):
                    place = _place_outside(z, block, rows, seen, b, m, level)
                learned[b, o] = z[rows[place]] if place >= 0 else np.nan
        for row in range(z.size):
            value, count = 0.0, 0
            for o in range(n_origins):
                if o != origin[row] and not np.isnan(learned[block[row], o]):
                    value += learned[block[row], o]
                    count += 1
            if count == 0:
                value, count = learned[block[row], origin[row]], 1
            out[k, row] = scale[row] * value / count
    return out
