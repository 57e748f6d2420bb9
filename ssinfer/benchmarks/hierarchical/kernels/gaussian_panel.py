r"""Gaussian panel: likelihood and predictions of a hierarchical panel with all effects integrated out.

For unit i (of N) over T periods, with R known loadings u_i and common effects f_r,

    y_i = Z_i f + e_i,   Z_i f = Σ_r u_ir f_r,   f_r ~ N(0, G_r) (T x T),   e_i ~ N(0, S_i) independent over units,
    S_i = K + diag(noise_i)  as in ``unit_terms``.

The cost is O(N T³ + N R² T² + R³ T³): linear in the number of units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.lapack import dtrtri

from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LOG_2PI

if TYPE_CHECKING:
    from ssinfer.benchmarks.hierarchical.kernels.unit_terms import UnitTerms
    from ssinfer.typing import Floats, Positions


@dataclass(frozen=True, eq=False)
class Marginal:
    """Log marginal likelihood, and the posterior N(mean, root root') of the common effects f given all observed cells.

    mean (R T,) and root (R T, R T) are ordered loading by loading.
    """

    log_likelihood: float
    mean: Floats
    root: Floats

    def at(self, loadings: Floats) -> tuple[Floats, Floats]:
        """Return mean (I, T) and root (I, T, R T) of Z_i f for the loadings (I, R) of some units."""
        width = loadings.shape[1]
        mean = loadings @ self.mean.reshape(width, -1)
        periods = mean.shape[1]
        root = (loadings @ self.root.reshape(width, -1)).reshape(len(loadings), periods, -1)
        return mean, root


def marginal(terms: UnitTerms, loadings: Floats, common: Floats) -> Marginal:
    """Return the marginal likelihood of all units, and the posterior of the common effects.

    `loadings` are (N, R). `common` (R, T, T) are lower Cholesky factors of the prior covariances G_r.
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
    # I + L' A L with L = blockdiag(common) is well conditioned for all prior variances
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
    fit: Marginal, terms: UnitTerms, without: UnitTerms, rows: Positions, loadings: Floats, cells: Positions
) -> tuple[Floats, Floats, Floats]:
    r"""Remove each unit's sealed cells from a fit that used them, one unit at a time, exactly.

    Let V be the posterior covariance of f from all cells, B the sealed cells, F = (S_i⁻¹)_{.B} (S_i⁻¹)_BB^(-1/2), and
    H = Z_i V Z_i'. Then S_i⁻¹(all) - S_i⁻¹(without) = F F'. The posterior without the cells has
    Z_i V₋ Z_i' = H + H F (I - F'HF)⁻¹ F'H, and |G⁻¹ + A₋| = |G⁻¹ + A| |I - F'HF|.

    Parameters
    ----------
    fit, terms : Marginal, UnitTerms
        From all cells of all N units, including the sealed cells.
    without : UnitTerms
        Of the units in `rows` without their sealed cells.
    rows, loadings : array (I,), (I, R)
        The units and their loadings.
    cells : array (P,)
        The sealed cells B, the same for each unit.

    Returns
    -------
    mean, covariance : array (I, T), (I, T, T)
        Of Z_i f without the sealed cells of i.
    log_likelihood : array (I,)
        Of all cells except the sealed cells of i.
    """
    mean_with, root_with = fit.at(loadings)
    covariance_with = np.matmul(root_with, root_with.transpose(0, 2, 1))
    mean, covariance, change = downdate(mean_with, covariance_with, terms.of(rows), without, cells)
    return mean, covariance, fit.log_likelihood + change


def downdate(
    mean_with: Floats, spread: Floats, terms: UnitTerms, without: UnitTerms, cells: Positions
) -> tuple[Floats, Floats, Floats]:
    """Remove sealed cells from the posterior of Z_i f: see `leave_cells_out`. Rows are units, or units at many nodes.

    Parameters
    ----------
    mean_with, spread : array (I, T), (I, T, T)
        Mean and covariance H of Z_i f from all cells.
    terms, without : UnitTerms
        Of these rows from all cells, and without their sealed cells.
    cells : array (P,)
        The sealed cells.

    Returns
    -------
    mean, covariance, change : array (I, T), (I, T, T), (I,)
        Without the cells, and the change of the log likelihood.
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
    r"""Predict the cells at `cells` of I units from their observed cells and the posterior of Z_i f.

    Parameters
    ----------
    mean, covariance : array (I, T), (I, T, T)
        Of Z_i f, from the data without the predicted cells.
    terms : UnitTerms
        Of the I units without the predicted cells.
    y, noise : array (I, T)
        Outcome, 0 where unseen; sampling variance, also of the predicted cells.
    structure, shared : array (T, T) or (I, T, T)
        Covariance of level, trend and season only (the *expected* part), and K.
    cells : array (P,)

    Returns
    -------
    mean, covariance : array (I, 2 P), (I, 2 P, 2 P)
        First the expected part (common effects and structure), then the outcome with shock and noise.
    """
    units, periods = y.shape
    n_cells = len(cells)
    both = np.concatenate([structure[..., cells, :], shared[..., cells, :]], axis=-2)
    gain = np.matmul(both, terms.inverse)  # zero columns where unseen
    pick = np.zeros((2 * n_cells, periods))
    pick[np.arange(2 * n_cells), np.tile(cells, 2)] = 1.0
    design = pick[None] - gain
    centre = np.matmul(design, mean[:, :, None])[:, :, 0] + np.matmul(gain, y[:, :, None])[:, :, 0]
    prior = np.empty((units, 2 * n_cells, 2 * n_cells))
    prior[:] = np.tile(structure[..., cells[:, None], cells], (2, 2))
    prior[:, n_cells:, n_cells:] = shared[..., cells[:, None], cells]
    outcome = np.arange(n_cells, 2 * n_cells)
    prior[:, outcome, outcome] += noise[:, cells]
    spread = prior - np.matmul(gain, both.swapaxes(-1, -2))
    spread += np.matmul(np.matmul(design, covariance), design.transpose(0, 2, 1))
    return centre, (spread + spread.transpose(0, 2, 1)) / 2
