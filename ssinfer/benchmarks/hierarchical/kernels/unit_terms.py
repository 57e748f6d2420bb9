"""UnitTerms: covariance S_i = K + diag(noise_i) of each unit, inverted over the observed cells of T periods."""

from dataclasses import dataclass

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats, Positions

LOG_2PI = float(np.log(2 * np.pi))
LANES = 16  # units that the inner loops treat together, so that they fill the vector registers of the processor
SINGULAR = "the covariance of a unit is singular to rounding error"


@dataclass(frozen=True, eq=False)
class UnitTerms:
    """Terms of the Gaussian density of N units over T periods; all terms are zero in missing cells."""

    log_determinant: Floats  # (N,): log |S_i|
    inverse: Floats  # (N, T, T): S_i⁻¹
    weighted: Floats  # (N, T): S_i⁻¹ y_i
    quadratic: Floats  # (N,): y_i' S_i⁻¹ y_i
    cells: Floats  # (N,): number of observed cells

    def of(self, rows: Positions) -> "UnitTerms":
        """Return the terms of the units in `rows`."""
        return UnitTerms(
            self.log_determinant[rows], self.inverse[rows], self.weighted[rows], self.quadratic[rows], self.cells[rows]
        )


@compiled
def whiten_lanes(
    shared: Floats,
    noise: Floats,
    scale: float,
    seen: Floats,
    start: int,
    work: tuple[Floats, Floats, Floats],
    log_determinant: Floats,
) -> None:
    """Fill work[1] (T, T, LANES) with inverse factors of S_i from unit `start` on; without one log |S_i| is NaN."""
    units, periods = seen.shape
    width = min(LANES, units - start)
    factor, whiten, total = work
    log_determinant[:] = 0.0
    for t in range(periods):
        for s in range(t + 1):
            for b in range(width):
                both = seen[start + b, t] * seen[start + b, s]
                factor[t, s, b] = both * shared[t, s]
        for b in range(width):
            here = seen[start + b, t]
            factor[t, t, b] += here * scale * noise[start + b, t] + (1.0 - here)
    # Cholesky, column by column
    for j in range(periods):
        for k in range(j):
            for b in range(width):
                factor[j, j, b] -= factor[j, k, b] * factor[j, k, b]
        for b in range(width):
            # a pivot that is not positive makes the determinant NaN, and the caller refuses it
            pivot = factor[j, j, b]
            factor[j, j, b] = np.sqrt(pivot) if pivot > 0.0 else np.nan
            log_determinant[b] += 2.0 * np.log(factor[j, j, b])
        for i in range(j + 1, periods):
            for k in range(j):
                for b in range(width):
                    factor[i, j, b] -= factor[i, k, b] * factor[j, k, b]
            for b in range(width):
                factor[i, j, b] /= factor[j, j, b]
    # whiten = factor⁻¹ (lower)
    for j in range(periods):
        for b in range(width):
            whiten[j, j, b] = 1.0 / factor[j, j, b]
        for i in range(j + 1, periods):
            total[:] = 0.0
            for k in range(j, i):
                for b in range(width):
                    total[b] -= factor[i, k, b] * whiten[k, j, b]
            for b in range(width):
                whiten[i, j, b] = total[b] / factor[i, i, b]


@compiled
def _fill_blocks(
    shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats, blocks: tuple[Floats, Floats, Floats, Floats]
) -> None:
    """Fill the arrays that `unit_blocks` returns."""
    log_determinant, inverse, weighted, quadratic = blocks
    units, periods = y.shape
    whiten, total, lanes = np.zeros((periods, periods, LANES)), np.zeros(LANES), np.zeros(LANES)
    work = (np.zeros((periods, periods, LANES)), whiten, total)
    for m in range(len(scale)):
        for start in range(0, units, LANES):
            width = min(LANES, units - start)
            whiten_lanes(shared[m], noise, scale[m], seen, start, work, lanes)
            for t in range(periods):
                for s in range(t + 1):
                    total[:] = 0.0
                    for k in range(t, periods):
                        for b in range(width):
                            total[b] += whiten[k, t, b] * whiten[k, s, b]
                    for b in range(width):
                        value = total[b] * seen[start + b, t] * seen[start + b, s]
                        inverse[m, start + b, t, s] = inverse[m, start + b, s, t] = value
            for b in range(width):
                row = start + b
                log_determinant[m, row], quadratic[m, row] = lanes[b], 0.0
                for t in range(periods):
                    value = 0.0
                    for s in range(periods):
                        value += inverse[m, row, t, s] * y[row, s]
                    weighted[m, row, t] = value
                    quadratic[m, row] += value * y[row, t]


def unit_blocks(
    shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return log |S_i| (M, N), S_i⁻¹ (M, N, T, T), S_i⁻¹ y_i (M, N, T) and y_i' S_i⁻¹ y_i (M, N) at each of M nodes."""
    nodes, (units, periods) = len(scale), y.shape
    # numpy allocates large arrays in huge pages, compiled code does not
    log_determinant, quadratic = np.empty((nodes, units)), np.empty((nodes, units))
    inverse, weighted = np.empty((nodes, units, periods, periods)), np.empty((nodes, units, periods))
    blocks = (log_determinant, inverse, weighted, quadratic)
    _fill_blocks(shared, noise, scale, seen, y, blocks)
    return blocks


def unit_terms(shared: Floats, noise: Floats, seen: Floats, y: Floats) -> UnitTerms:
    """Return the terms of every unit; numpy.linalg.LinAlgError if a covariance is singular to rounding error."""
    determinant, inverse, weighted, quadratic = unit_blocks(shared[None], noise, np.ones(1), seen, y)
    if not np.isfinite(determinant).all():
        raise np.linalg.LinAlgError(SINGULAR)
    return UnitTerms(determinant[0], inverse[0], weighted[0], quadratic[0], seen.sum(axis=1))
