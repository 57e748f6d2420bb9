"""UnitTerms: covariance S_i = K + diag(noise_i) of each unit, inverted cell by cell over T periods.

K (T, T) contains level, trend, season and shock of a unit; noise_i are its sampling variances. Missing cells have no
weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from ssinfer.typing import Floats, Positions


LOG_2PI = float(np.log(2 * np.pi))
LANES = 16  # units that the inner loops treat together, so that they fill the vector registers of the processor
SINGULAR = "the covariance of a unit is singular to rounding error"


@dataclass(frozen=True, eq=False)
class UnitTerms:
    """Terms of the Gaussian density of N units over T periods; all terms are zero in missing cells.

    log_determinant (N,): log |S_i|. inverse (N, T, T): S_i⁻¹. weighted (N, T): S_i⁻¹ y_i. quadratic (N,):
    y_i' S_i⁻¹ y_i. cells (N,): number of observed cells.
    """

    log_determinant: Floats
    inverse: Floats
    weighted: Floats
    quadratic: Floats
    cells: Floats

    def of(self, rows: Positions) -> UnitTerms:
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
    """Fill work[1] (T, T, LANES) with the inverse Cholesky factors of shared + scale noise, for units from `start`.

    Parameters
    ----------
    shared, scale : array (T, T), float
        K, and the factor of the sampling variances.
    noise, seen : array (N, T)
        Sampling variance at scale 1; 1 where observed, else 0.
    start : int
        First of the units.
    work : tuple of arrays (T, T, LANES), (T, T, LANES), (LANES,)
        Overwritten.
    log_determinant : array (LANES,)
        Overwritten by log |S_i|; NaN where S_i is not positive definite.
    """
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
def unit_blocks(
    shared: Floats,
    noise: Floats,
    scale: float,
    seen: Floats,
    y: Floats,
    log_determinant: Floats,
    inverse: Floats,
    weighted: Floats,
    quadratic: Floats,
) -> None:
    """Fill the arrays of UnitTerms for S_i = shared + scale noise, except the number of cells.

    Parameters
    ----------
    shared, noise, scale, seen
        As for `whiten_lanes`.
    y : array (N, T)
        Outcome.
    log_determinant, inverse, weighted, quadratic
        As in `UnitTerms`; overwritten.
    """
    units, periods = y.shape
    whiten = np.zeros((periods, periods, LANES))
    total = np.zeros(LANES)
    lanes = np.zeros(LANES)
    work = (np.zeros((periods, periods, LANES)), whiten, total)
    for start in range(0, units, LANES):
        width = min(LANES, units - start)
        whiten_lanes(shared, noise, scale, seen, start, work, lanes)
        for t in range(periods):
            for s in range(t + 1):
                total[:] = 0.0
                for k in range(t, periods):
                    for b in range(width):
                        total[b] += whiten[k, t, b] * whiten[k, s, b]
                for b in range(width):
                    value = total[b] * seen[start + b, t] * seen[start + b, s]
                    inverse[start + b, t, s] = value
                    inverse[start + b, s, t] = value
        for b in range(width):
            row = start + b
            log_determinant[row] = lanes[b]
            quadratic[row] = 0.0
            for t in range(periods):
                value = 0.0
                for s in range(periods):
                    value += inverse[row, t, s] * y[row, s]
                weighted[row, t] = value
                quadratic[row] += value * y[row, t]


def unit_terms(shared: Floats, noise: Floats, seen: Floats, y: Floats) -> UnitTerms:
    """Return the terms of every unit, or raise numpy.linalg.LinAlgError if a covariance is singular to rounding error.

    Parameters
    ----------
    shared : array (T, T)
        K.
    noise, seen, y : array (N, T)
        Sampling variance; 1 where observed, else 0; outcome. `noise` and `y` must be finite everywhere.
    """
    units, periods = y.shape
    determinant, inverse = np.empty(units), np.empty((units, periods, periods))
    weighted, quadratic = np.empty((units, periods)), np.empty(units)
    unit_blocks(shared, noise, 1.0, seen, y, determinant, inverse, weighted, quadratic)
    if not np.isfinite(determinant).all():
        raise np.linalg.LinAlgError(SINGULAR)
    return UnitTerms(determinant, inverse, weighted, quadratic, seen.sum(axis=1))
