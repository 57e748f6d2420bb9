r"""Marginal Gaussian panel: the likelihood and predictions of a hierarchical panel with all effects integrated out.

For unit i (of N) over T periods, with R known loadings u_i and common effects f_r,

    y_i = Z_i f + e_i,   Z_i f = Σ_r u_ir f_r,   f_r ~ N(0, G_r) (T x T),   e_i ~ N(0, S_i) independent over units,
    S_i = K + diag(noise_i).

K holds level, trend, season and shock of a unit; noise_i sampling variances. Missing cells carry no weight. Everything
costs O(N T³ + N R² T² + R³ T³): linear in units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.lapack import dtrtri

from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats


LOG_2PI = float(np.log(2 * np.pi))
LANES = 16  # units worked on side by side, so that the inner loops fill the processor's vectors


@dataclass(frozen=True, eq=False)
class UnitTerms:
    """Per unit: log |S_i|, S_i⁻¹ (zero in missing cells), S_i⁻¹ y_i, y_i' S_i⁻¹ y_i, number of observed cells."""

    log_determinant: Floats  # (N,)
    inverse: Floats  # (N, T, T)
    weighted: Floats  # (N, T)
    quadratic: Floats  # (N,)
    cells: Floats  # (N,)

    def of(self, rows: NDArray[np.intp]) -> UnitTerms:
        """Return the terms of some units."""
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
    """Fill work[1] (T, T, LANES) with the inverse Cholesky factors of shared + scale noise, for units from `start`."""
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
            # a pivot that is not positive makes the determinant NaN, which the caller refuses
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
    """Fill the arrays of UnitTerms but the last, of S_i = shared + scale noise."""
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
    """Return the terms of every unit.

    Parameters
    ----------
    shared : (T, T)
        K.
    noise, seen, y : (N, T)
        Sampling variance; 1 where observed, else 0; outcome. `noise` and `y` must be finite everywhere.

    Raises
    ------
    numpy.linalg.LinAlgError
        A covariance is not positive definite to rounding.
    """
    units, periods = y.shape
    determinant, inverse = np.empty(units), np.empty((units, periods, periods))
    weighted, quadratic = np.empty((units, periods)), np.empty(units)
    unit_blocks(shared, noise, 1.0, seen, y, determinant, inverse, weighted, quadratic)
    if not np.isfinite(determinant).all():
        message = "a unit's covariance is singular to rounding"
        raise np.linalg.LinAlgError(message)
    return UnitTerms(determinant, inverse, weighted, quadratic, seen.sum(axis=1))


@dataclass(frozen=True, eq=False)
class Marginal:
    """Log marginal likelihood and the common effects' posterior given all observed cells.

    The posterior of f is N(mean, root root'), mean (R T,), root (R T, R T), ordered loading by loading.
    """

    log_likelihood: float
    mean: Floats
    root: Floats

    def at(self, loadings: Floats) -> tuple[Floats, Floats]:
        """Return mean (I, T) and root (I, T, R T) of Z_i f for rows of loadings (I, R)."""
        width = loadings.shape[1]
        mean = loadings @ self.mean.reshape(width, -1)
        periods = mean.shape[1]
        root = (loadings @ self.root.reshape(width, -1)).reshape(len(loadings), periods, -1)
        return mean, root


def marginal(terms: UnitTerms, loadings: Floats, common: Floats) -> Marginal:
    """Combine the units.

    Parameters
    ----------
    terms : UnitTerms
    loadings : (N, R)
    common : (R, T, T)
        Lower Cholesky factors of the prior covariances G_r.
    """
    width, periods = common.shape[:2]
    if width == 1:
        single = loadings[:, 0]
        precision = np.tensordot(single**2, terms.inverse, axes=1)[None, :, None, :]
    else:
        pairs = (loadings[:, :, None] * loadings[:, None, :]).reshape(len(loadings), -1)
        flat = pairs.T @ terms.inverse.reshape(len(loadings), -1)
        precision = flat.reshape(width, width, periods, periods).transpose(0, 2, 1, 3)
    score = loadings.T @ terms.weighted  # (R, T)
    # I + L' A L, with L = blockdiag(common): well conditioned whatever the prior variances
    right = np.matmul(precision.transpose(0, 2, 1, 3), common[None])  # (R, R', T, T')
    inner = np.matmul(common.transpose(0, 2, 1)[:, None], right).transpose(0, 2, 1, 3)
    size = width * periods
    system = inner.reshape(size, size) + np.eye(size)
    factor = np.linalg.cholesky(system)
    pulled = np.matmul(common.transpose(0, 2, 1), score[:, :, None]).reshape(size)
    whiten = np.tril(dtrtri(factor, lower=1)[0])
    half = whiten @ pulled
    root = np.matmul(common, whiten.T.reshape(width, periods, size)).reshape(size, size)
    log_determinant = float(terms.log_determinant.sum()) + 2.0 * float(np.log(np.diag(factor)).sum())
    quadratic = float(terms.quadratic.sum()) - float(half @ half)
    value = -0.5 * (float(terms.cells.sum()) * LOG_2PI + log_determinant + quadratic)
    return Marginal(value, root @ half, root)


def leave_cells_out(
    whole: Marginal,
    terms: UnitTerms,
    without: UnitTerms,
    rows: NDArray[np.intp],
    loadings: Floats,
    cells: NDArray[np.intp],
) -> tuple[Floats, Floats, Floats]:
    r"""Take each unit's sealed cells out of a fit that used them, one unit at a time, exactly.

    With V the posterior covariance of f from all cells, B the sealed ones, F = (S_i⁻¹)_{.B} (S_i⁻¹)_BB^(-1/2), so that
    S_i⁻¹(all) - S_i⁻¹(without) = F F', and H = Z_i V Z_i',
    the posterior without the cells has Z_i V₋ Z_i' = H + H F (I - F'HF)⁻¹ F'H, and |G⁻¹ + A₋| = |G⁻¹ + A| |I - F'HF|.

    Parameters
    ----------
    whole : Marginal
        From all cells, including the sealed ones of the units in `rows`.
    terms, without : UnitTerms
        Of all N units from all cells, and of the units in `rows` without their sealed cells.
    rows : (I,)
    loadings : (I, R)
        Of the units in `rows`.
    cells : (P,)
        The sealed cells B, the same for each unit.

    Returns
    -------
    mean : (I, T) of Z_i f without the sealed cells of i
    covariance : (I, T, T) of the same
    log_likelihood : (I,) of all cells but the sealed ones of i
    """
    at_mean, at_root = whole.at(loadings)
    spread = np.matmul(at_root, at_root.transpose(0, 2, 1))
    mean, covariance, change = downdate(at_mean, spread, terms.of(rows), without, cells)
    return mean, covariance, whole.log_likelihood + change


def downdate(
    at_mean: Floats, spread: Floats, terms: UnitTerms, without: UnitTerms, cells: NDArray[np.intp]
) -> tuple[Floats, Floats, Floats]:
    """Take sealed cells out of the mean (I, T) and covariance H (I, T, T) of Z_i f; see `leave_cells_out`.

    Returns mean, covariance and what it does to the log likelihood (I,). Rows may be units, or units at many nodes.
    """
    delta = terms.weighted - without.weighted
    ahead = terms.inverse[:, :, cells]  # (I, T, P)
    half = np.linalg.cholesky(ahead[:, cells])
    factor = np.linalg.solve(half, ahead.transpose(0, 2, 1)).transpose(0, 2, 1)  # F
    moved = np.matmul(spread, factor)  # H F
    inner = np.eye(len(cells)) - np.matmul(factor.transpose(0, 2, 1), moved)
    base = at_mean - np.matmul(spread, delta[:, :, None])[:, :, 0]  # Z V (b - u δ)
    pulled = np.matmul(factor.transpose(0, 2, 1), base[:, :, None])
    solved = np.linalg.solve(inner, np.concatenate([moved.transpose(0, 2, 1), pulled], axis=2))
    covariance = spread + np.matmul(moved, solved[:, :, :-1])
    mean = base + np.matmul(moved, solved[:, :, -1:])[:, :, 0]
    # b₋'V₋b₋ = b'Vb - 2 δ'Z m + δ'Hδ + |.|², term by term; the determinant likewise
    drop = (
        -2.0 * np.einsum("it,it->i", delta, at_mean)
        + np.einsum("it,its,is->i", delta, spread, delta)
        + np.einsum("itk,itk->i", pulled, solved[:, :, -1:])
    )
    quadratic = without.quadratic - terms.quadratic - drop
    determinant = without.log_determinant - terms.log_determinant + np.linalg.slogdet(inner)[1]
    fewer = without.cells - terms.cells
    return mean, covariance, -0.5 * (fewer * LOG_2PI + determinant + quadratic)


def predict(
    mean: Floats,
    covariance: Floats,
    own: UnitTerms,
    y: Floats,
    structure: Floats,
    shared: Floats,
    noise: Floats,
    cells: NDArray[np.intp],
) -> tuple[Floats, Floats]:
    r"""Predict the cells at `cells` of I units from their own observed cells and the posterior of Z_i f.

    Parameters
    ----------
    mean, covariance : (I, T) and (I, T, T)
        Of Z_i f, from the data without the cells to be predicted.
    own : UnitTerms
        Of the I units without those cells.
    y : (I, T), 0 where unseen
    structure : (T, T), or (I, T, T)
        Covariance of level, trend and season alone: the *expected* part.
    shared, noise : K (T, T) or (I, T, T), and the sampling variance (I, T), also of the predicted cells
    cells : (P,)

    Returns
    -------
    mean : (I, 2 P), covariance : (I, 2 P, 2 P)
        First the expected part (common effects and structure), then the outcome with shock and noise.
    """
    units, periods = y.shape
    ahead = len(cells)
    both = np.concatenate([structure[..., cells, :], shared[..., cells, :]], axis=-2)
    gain = np.matmul(both, own.inverse)  # zero columns where unseen
    pick = np.zeros((2 * ahead, periods))
    pick[np.arange(2 * ahead), np.tile(cells, 2)] = 1.0
    design = pick[None] - gain
    centre = np.matmul(design, mean[:, :, None])[:, :, 0] + np.matmul(gain, y[:, :, None])[:, :, 0]
    prior = np.empty((units, 2 * ahead, 2 * ahead))
    prior[:] = np.tile(structure[..., cells[:, None], cells], (2, 2))
    prior[:, ahead:, ahead:] = shared[..., cells[:, None], cells]
    outcome = np.arange(ahead, 2 * ahead)
    prior[:, outcome, outcome] += noise[:, cells]
    spread = prior - np.matmul(gain, both.swapaxes(-1, -2))
    spread += np.matmul(np.matmul(design, covariance), design.transpose(0, 2, 1))
    return centre, (spread + spread.transpose(0, 2, 1)) / 2
