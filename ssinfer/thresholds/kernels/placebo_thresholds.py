"""Placebo thresholds learned from other blocks of neighbours and other origins, once or in every bootstrap replicate.

At each origin it is the ceil(level (m + 1))-th order statistic of the standardised savings of the m units outside the
block; a row has the mean over the other origins (where none has one, its own), times its standard error.
"""

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats, Positions


@compiled
def _order_statistic_outside(
    z: Floats, block: Positions, rows: Positions, weight: Floats, b: int, m: float, level: float
) -> float:
    """Return the order statistic of the m units of `rows` (largest first) outside block b; NaN where m is too small."""
    rank = np.ceil(level * (m + 1) - 1e-9)
    if rank > m or rank < 1:
        return np.nan
    highest, lowest = np.nan, np.nan
    for row in rows[::-1]:
        if block[row] != b and weight[block[row]] > 0:
            lowest = z[row]
            break
    seen = 0.0
    for row in rows:
        if block[row] == b or weight[block[row]] == 0:
            continue
        if np.isnan(highest):
            highest = z[row]
            if highest - lowest <= 1e-12 * max(1.0, abs(highest)):
                return np.nan  # all savings are equal: they are not m placebos
        seen += weight[block[row]]
        if seen >= m - rank + 1 - 1e-9:
            return float(z[row])
    return np.nan


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
    inside = np.empty(n_blocks)
    for k in range(n_replicates):
        for o in range(n_origins):
            rows = order[starts[o] : starts[o + 1]]
            inside[:] = 0.0
            total = 0.0
            for row in rows:
                inside[block[row]] += weights[k, block[row]]
                total += weights[k, block[row]]
            for b in range(n_blocks):
                learned[b, o] = _order_statistic_outside(z, block, rows, weights[k], b, total - inside[b], level)
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
