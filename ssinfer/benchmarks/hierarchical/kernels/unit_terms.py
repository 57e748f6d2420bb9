"""UnitTerms: covariance S_i = K + diag(noise_i) of each unit, inverted over the observed cells of T periods."""

from dataclasses import dataclass, fields

import numpy as np

from ssinfer.kernels.cholesky import cholesky, inverse
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats, Positions

LOG_2PI = float(np.log(2 * np.pi))
SINGULAR = "the covariance of a unit is singular to rounding error"

#: log |S| (M, N), S⁻¹ (M, N, T, T), S⁻¹ y (M, N, T) and y' S⁻¹ y (M, N).
type Blocks = tuple[Floats, Floats, Floats, Floats]


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
        return UnitTerms(*(getattr(self, field.name)[rows] for field in fields(self)))


@compiled
def _fill_blocks(shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats, blocks: Blocks) -> None:
    """Fill the arrays that `unit_blocks` returns; all are NaN where a covariance is singular to rounding error."""
    log_determinant, inverted, weighted, quadratic = blocks
    periods = y.shape[1]
    factor = np.empty((periods, periods))
    for m in range(len(scale)):
        for i in range(len(y)):
            for t in range(periods):
                for s in range(t + 1):
                    factor[t, s] = seen[i, t] * seen[i, s] * shared[m, t, s]
                factor[t, t] += seen[i, t] * scale[m] * noise[i, t] + (1.0 - seen[i, t])
            block = inverted[m, i]
            if cholesky(factor):
                inverse(factor, block)
                log_determinant[m, i] = 2.0 * np.log(np.diag(factor)).sum()
            else:
                block[:] = log_determinant[m, i] = np.nan
            quadratic[m, i] = 0.0
            for t in range(periods):
                block[t] *= seen[i, t] * seen[i]
                weighted[m, i, t] = (block[t] * y[i]).sum()
                quadratic[m, i] += weighted[m, i, t] * y[i, t]


def unit_blocks(shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats) -> Blocks:
    """Return the terms of N units at each of M nodes."""
    shape = (len(scale), *y.shape)
    # numpy allocates large arrays in huge pages, compiled code does not
    blocks = (np.empty(shape[:2]), np.empty((*shape, shape[-1])), np.empty(shape), np.empty(shape[:2]))
    _fill_blocks(shared, noise, scale, seen, y, blocks)
    return blocks


def unit_terms(shared: Floats, noise: Floats, seen: Floats, y: Floats) -> UnitTerms:
    """Return the terms of every unit; numpy.linalg.LinAlgError if a covariance is singular to rounding error."""
    blocks = unit_blocks(shared[None], noise, np.ones(1), seen, y)
    if not np.isfinite(blocks[0]).all():
        raise np.linalg.LinAlgError(SINGULAR)
    determinant, inverted, weighted, quadratic = (array[0] for array in blocks)
    return UnitTerms(determinant, inverted, weighted, quadratic, seen.sum(axis=1))
