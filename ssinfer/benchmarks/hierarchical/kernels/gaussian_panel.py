"""Gaussian panel: likelihood and predictions of a hierarchical panel with all effects integrated out.

For unit i (of N) over T periods, with R known loadings u_i and common effects f_r,

    y_i = Z_i f + e_i,   Z_i f = Σ_r u_ir f_r,   f_r ~ N(0, G_r) (T x T),   e_i ~ N(0, S_i) independent over units,
    S_i = K + diag(noise_i)  as in ``unit_terms``.

The cost is O(N T³ + N R² T² + R³ T³): linear in the number of units.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtri

from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LOG_2PI, UnitTerms
from ssinfer.typing import Floats, Positions


@dataclass(frozen=True, eq=False)
class Marginal:
    """Log marginal likelihood, and the posterior N(mean, root root') of the common effects f given all seen cells."""

    log_likelihood: float
    mean: Floats  # (R T,), ordered loading by loading
    root: Floats  # (R T, R T)

    def at(self, loadings: Floats) -> tuple[Floats, Floats]:
        """Return mean (I, T) and root (I, T, R T) of Z_i f for the loadings (I, R) of some units."""
        width = loadings.shape[1]
        mean = loadings @ self.mean.reshape(width, -1)
        return mean, (loadings @ self.root.reshape(width, -1)).reshape(*mean.shape, -1)


def marginal(terms: UnitTerms, loadings: Floats, common: Floats) -> Marginal:
    """Return the marginal likelihood; `common` (R, T, T) are Cholesky factors of the G_r, and `loadings` are (N, R)."""
    width, periods = common.shape[:2]
    if width == 1:
        single = loadings[:, 0]
        precision = np.tensordot(single**2, terms.inverse, axes=1)[None, :, None, :]
    else:
        pairs = (loadings[:, :, None] * loadings[:, None, :]).reshape(len(loadings), -1)
        flat = pairs.T @ terms.inverse.reshape(len(loadings), -1)
        precision = flat.reshape(width, width, periods, periods).transpose(0, 2, 1, 3)
    score = loadings.T @ terms.weighted  # (R, T)
    # I + L' A L with L = blockdiag(common) is well conditioned for all prior variances
    right = np.matmul(precision.transpose(0, 2, 1, 3), common[None])  # (R, R', T, T')
    inner = np.matmul(common.transpose(0, 2, 1)[:, None], right).transpose(0, 2, 1, 3)
    size = width * periods
    factor = np.linalg.cholesky(inner.reshape(size, size) + np.eye(size))
    pulled = np.matmul(common.transpose(0, 2, 1), score[:, :, None]).reshape(size)
    whiten = np.tril(dtrtri(factor, lower=1)[0])
    half = whiten @ pulled
    root = np.matmul(common, whiten.T.reshape(width, periods, size)).reshape(size, size)
    log_determinant = float(terms.log_determinant.sum()) + 2.0 * float(np.log(np.diag(factor)).sum())
    quadratic = float(terms.quadratic.sum()) - float(half @ half)
    value = -0.5 * (float(terms.cells.sum()) * LOG_2PI + log_determinant + quadratic)
    return Marginal(value, root @ half, root)


def leave_cells_out(
    mean_with: Floats, spread: Floats, terms: UnitTerms, without: UnitTerms, cells: Positions
) -> tuple[Floats, Floats, Floats]:
    """Remove sealed cells B (P,) from the posterior N(mean_with, spread) of Z_i f, exactly, one unit at a time.

    Returns mean (I, T), covariance (I, T, T) and the change (I,) of the log likelihood. With H = Z_i V Z_i' = `spread`
    and F = (S_i⁻¹)_{.B} (S_i⁻¹)_BB^(-1/2), removing B takes F F' from S_i⁻¹: Z_i V₋ Z_i' = H + H F (I - F'HF)⁻¹ F'H
    and |G⁻¹ + A₋| = |G⁻¹ + A| |I - F'HF|. The terms `without` lack the sealed cells.
    """
    delta = terms.weighted - without.weighted
    columns = terms.inverse[:, :, cells]  # (I, T, P)
    half = np.linalg.cholesky(columns[:, cells])
    factor = np.linalg.solve(half, columns.transpose(0, 2, 1)).transpose(0, 2, 1)  # F
    moved = np.matmul(spread, factor)  # H F
    inner = np.eye(len(cells)) - np.matmul(factor.transpose(0, 2, 1), moved)
    base = mean_with - np.matmul(spread, delta[:, :, None])[:, :, 0]  # Z V (b - u δ)
    pulled = np.matmul(factor.transpose(0, 2, 1), base[:, :, None])
    solved = np.linalg.solve(inner, np.concatenate([moved.transpose(0, 2, 1), pulled], axis=2))
    covariance = spread + np.matmul(moved, solved[:, :, :-1])
    mean = base + np.matmul(moved, solved[:, :, -1:])[:, :, 0]
    # b₋'V₋b₋ = b'Vb - 2 δ'Z m + δ'Hδ + |.|², term by term; the determinant likewise
    drop = (
        -2.0 * np.einsum("it,it->i", delta, mean_with)
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
    terms: UnitTerms,
    y: Floats,
    structure: Floats,
    shared: Floats,
    noise: Floats,
    cells: Positions,
) -> tuple[Floats, Floats]:
    """Predict `cells` (P,) of I units from their other cells and the posterior of Z_i f: (I, 2 P) and (I, 2 P, 2 P).

    The expected part (without shock and noise) comes first, then the outcome. `terms` and y (I, T) lack these cells.
    """
    n_cells = len(cells)
    both = np.concatenate([structure[..., cells, :], shared[..., cells, :]], axis=-2)
    gain = np.matmul(both, terms.inverse)  # zero columns where unseen
    design = np.eye(y.shape[1])[np.tile(cells, 2)] - gain
    centre = np.matmul(design, mean[:, :, None])[:, :, 0] + np.matmul(gain, y[:, :, None])[:, :, 0]
    prior = np.empty((len(y), 2 * n_cells, 2 * n_cells))
    prior[:] = np.tile(structure[..., cells[:, None], cells], (2, 2))
    prior[:, n_cells:, n_cells:] = shared[..., cells[:, None], cells]
    outcome = np.arange(n_cells, 2 * n_cells)
    prior[:, outcome, outcome] += noise[:, cells]
    spread = prior - np.matmul(gain, both.swapaxes(-1, -2))
    spread += np.matmul(np.matmul(design, covariance), design.transpose(0, 2, 1))
    return centre, (spread + spread.transpose(0, 2, 1)) / 2
