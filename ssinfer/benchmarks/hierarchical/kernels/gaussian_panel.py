"""Gaussian panel: likelihood and predictions of a hierarchical panel with all effects integrated out.

For unit i (of N) over T periods, with known loadings u_i and common effects f_r in a few blocks,

    y_i = Z_i f + e_i,   Z_i f = Σ_r u_ir f_r,   f_r ~ N(0, L L') (T x T),   e_i ~ N(0, S_i) independent over units,
    S_i = K + diag(noise_i)  as in ``unit_terms``.

All f_r of a block have the same root L. It is applied to the units before the sums over them. With A_i = S_i⁻¹, the
posterior precision of the whitened effects L⁻¹ f_r is

    M[(t,r),(s,q)] = I + Σ_i u_ir u_iq (L' A_i L)[t,s]

A block of R loadings costs O(N T³ + N R² T² + R³ T³): linear in the number of units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.linalg.blas import dtrsm
from scipy.linalg.lapack import dpotrf, dpotri, dtrtrs

from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LOG_2PI, SINGULAR, UnitTerms
from ssinfer.typing import Floats, Positions


@dataclass(frozen=True, eq=False)
class Block:
    """Common effects that share a covariance over periods; their loadings u are (N, R)."""

    loadings: Floats

    @cached_property
    def pairs(self) -> tuple[Floats, Positions]:
        """Products u_r u_q (N, pairs) of the pairs r <= q, and the number of the pair (r, q), of R² numbers."""
        first, second = np.triu_indices(self.loadings.shape[1])
        numbers = np.empty((self.loadings.shape[1],) * 2, dtype=np.intp)
        numbers[first, second] = numbers[second, first] = np.arange(len(first))
        return self.loadings[:, first] * self.loadings[:, second], numbers.ravel()

    def products(self, other: "Block") -> Floats:
        """Return the products u_r v_q (N, R Q) with the loadings v of another block."""
        return np.asarray(self.loadings[:, :, None] * other.loadings[:, None, :]).reshape(len(self.loadings), -1)


@dataclass(frozen=True, eq=False)
class Marginal:
    """Log marginal likelihood, and the posterior of the whitened common effects given all seen cells.

    The K effects are ordered by block, period and loading; the precision of their posterior is U'U.
    """

    log_likelihood: float
    terms: UnitTerms
    blocks: Sequence[Block]
    roots: Sequence[Floats]  # L (T, T) of each block
    factor: Floats  # U (K, K), upper triangular
    half: Floats  # (K,): U'⁻¹ times the score

    def draws(self, normal: Floats, rows: Positions | slice = slice(None)) -> Floats:
        """Return draws (I, T, S) of Z_i f for the units `rows`, made from standard normal numbers (K, S)."""
        effects = dtrtrs(self.factor, self.half[:, None] + normal)[0]
        out, periods = np.zeros((1, 1, 1)), len(self.roots[0])
        for place, block, root in zip(_places(self.blocks, periods), self.blocks, self.roots, strict=True):
            part = effects[place].reshape(periods, -1, normal.shape[1])
            out = out + np.matmul(root, np.matmul(block.loadings[rows], part).transpose(1, 0, 2))
        return out

    @cached_property
    def mean(self) -> Floats:
        """Posterior mean (N, T) of Z_i f."""
        return self.draws(np.zeros((len(self.half), 1)))[:, :, 0]

    @cached_property
    def _covariance(self) -> list[list[Floats]]:
        lower = np.tril(dpotri(self.factor)[0].T)
        return _views(lower + np.tril(lower, -1).T, self.blocks, len(self.roots[0]))

    @cached_property
    def spread(self) -> Floats:
        """Posterior covariance (N, T, T) of Z_i f."""
        units, periods = self.terms.weighted.shape
        total = np.zeros((units, periods, periods))
        for g, (block, root) in enumerate(zip(self.blocks, self.roots, strict=True)):
            for h, (other, column) in enumerate(zip(self.blocks, self.roots, strict=True)):
                core = self._covariance[g][h].transpose(1, 3, 0, 2).reshape(-1, periods**2)
                total += np.matmul(np.matmul(root, (block.products(other) @ core).reshape(total.shape)), column.T)
        return total

    def projections(self, rows: Positions, vectors: Floats) -> tuple[Floats, Floats, Floats]:
        """Return v'P y (I, V) and v'P v (I, V, V) of each unit; P is the inverse covariance of all seen cells.

        `vectors` (T, V) holds the v of a unit's own cells. P is A without what the common effects explain. The third
        array W (K, V, I) gives v'P w = -W_v'W_w for the v and w of two different units.
        """
        pulled = np.matmul(self.terms.inverse[rows], vectors)  # A_i v
        score, inner = self.terms.weighted[rows] @ vectors, np.matmul(vectors.T, pulled)
        (periods, width), count = vectors.shape, len(rows)
        flat = pulled.transpose(1, 2, 0).reshape(periods, -1)
        right = np.empty((len(self.half), width * count))
        for place, block, root in zip(_places(self.blocks, periods), self.blocks, self.roots, strict=True):
            loadings = np.tile(block.loadings[rows].T, width)
            np.multiply((root.T @ flat)[:, None], loadings, out=right[place].reshape(periods, *loadings.shape))
        whitened = dtrsm(1.0, self.factor, right.T, side=1, overwrite_b=1).T.reshape(-1, width, count)
        score -= np.tensordot(self.half, whitened, axes=1).T
        for v in range(width):
            for w in range(v + 1):
                inner[:, v, w] = inner[:, w, v] = inner[:, v, w] - (whitened[:, v] * whitened[:, w]).sum(axis=0)
        return score, inner, whitened

    def projections_without(
        self, rows: Positions, vectors: Floats, cells: Positions, near: Sequence[Positions] | None
    ) -> tuple[Floats, Floats, Floats]:
        """Return `projections` of each unit without the `cells` (P,) of the units near it, as if these were not seen.

        The first array (I,) is the change of the log likelihood. Without the cells J, P becomes
        P - P_J P_JJ⁻¹ P_J', and P y becomes P y - P_J P_JJ⁻¹ (P y)_J.
        """
        score, inner, own = self.projections(rows, vectors)
        change = np.zeros(len(rows))
        every = np.unique(np.concatenate([*(near or ()), []]).astype(np.intp))
        if near is None or not len(every):
            return change, score, inner
        theirs, _, whitened = self.projections(every, np.eye(len(vectors))[:, cells])
        for i, units in enumerate(near):
            if not len(units):
                continue
            at = np.searchsorted(every, units)
            left = whitened[:, :, at].reshape(len(whitened), -1)
            block = self.terms.inverse[units][:, cells][:, :, cells].transpose(1, 2, 0)
            precision = (block[..., None] * np.eye(len(units))).transpose(0, 2, 1, 3).reshape(left.shape[1], -1)
            root = np.linalg.cholesky(precision - left.T @ left)
            half = dtrtrs(root, np.column_stack([theirs[at].T.ravel(), -(left.T @ own[:, :, i])]), lower=1)[0]
            change[i] = 0.5 * (len(root) * LOG_2PI + half[:, 0] @ half[:, 0]) - np.log(np.diag(root)).sum()
            score[i] -= half[:, 0] @ half[:, 1:]
            inner[i] -= half[:, 1:].T @ half[:, 1:]
        return change, score, inner

    def gradient(self, sampling: Floats) -> tuple[Floats, float, list[Floats]]:
        """Return derivatives of the log likelihood by K (T, T), by the scale of `sampling` (N, T), by L L' of blocks.

        With P the inverse covariance of all cells and α = P y, dl / dS_i = (α_i α_i' - P_ii) / 2, and
        dl / d(L L') = Σ_r ((u_r'α) (u_r'α)' - L'⁻¹ (I - V_rr) L⁻¹) / 2, V being the covariance of the whitened effects.
        """
        inverse, periods = self.terms.inverse, len(self.roots[0])
        alpha = self.terms.weighted - np.matmul(inverse, self.mean[:, :, None])[:, :, 0]
        precision = inverse - np.matmul(np.matmul(inverse, self.spread), inverse)
        by_shared = (alpha.T @ alpha - precision.sum(axis=0)) / 2
        by_scale = ((alpha**2 - np.einsum("itt->it", precision)) * sampling).sum() / 2
        by_common = []
        for g, (block, root) in enumerate(zip(self.blocks, self.roots, strict=True)):
            pulled, back = block.loadings.T @ alpha, np.linalg.inv(root)
            lost = len(pulled) * np.eye(periods) - np.einsum("trsr->ts", self._covariance[g][g])
            by_common.append((pulled.T @ pulled - back.T @ lost @ back) / 2)
        return by_shared, float(by_scale), by_common


def _places(blocks: Sequence[Block], periods: int) -> list[slice]:
    """Return the places of the effects of each block."""
    edges = np.cumsum([0, *(periods * block.loadings.shape[1] for block in blocks)])
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _views(matrix: Floats, blocks: Sequence[Block], periods: int) -> list[list[Floats]]:
    """Return views (T, R, T, Q) of a matrix (K, K) for any two blocks."""
    places = _places(blocks, periods)
    shape = (periods, -1, periods)
    return [[matrix[i, j].reshape(*shape, (j.stop - j.start) // periods, copy=False) for j in places] for i in places]


def marginal(terms: UnitTerms, blocks: Sequence[Block], roots: Sequence[Floats]) -> Marginal:
    """Return the marginal likelihood; `roots` (T, T) are Cholesky factors of the covariance of each block's effects."""
    units, periods = terms.weighted.shape
    later, earlier = np.tril_indices(periods)
    places = _places(blocks, periods)
    system, score = np.zeros((places[-1].stop,) * 2), np.empty(places[-1].stop)
    views = _views(system, blocks, periods)
    for g, (block, root) in enumerate(zip(blocks, roots, strict=True)):
        score[places[g]] = ((terms.weighted @ root).T @ block.loadings).ravel()
        pulled = np.matmul(root.T, terms.inverse)  # L'A_i
        for h in range(g):
            inner = np.matmul(pulled, roots[h]).reshape(units, -1)
            sums = (block.products(blocks[h]).T @ inner).reshape(-1, blocks[h].loadings.shape[1], periods, periods)
            views[g][h][:] = sums.transpose(2, 0, 3, 1)
        products, numbers = block.pairs
        packed = np.matmul(pulled, root)[:, later, earlier].T @ products
        views[g][g][later, :, earlier, :] = packed[:, numbers].reshape(len(packed), *views[g][g].shape[1::2])
    # I + L' A L is well conditioned for all prior variances
    system[np.diag_indices(len(system))] += 1.0
    factor, failure = dpotrf(system.T, clean=0, overwrite_a=1)
    if failure or not np.isfinite(factor[-1, -1]):
        raise np.linalg.LinAlgError(SINGULAR)
    half = dtrtrs(factor, score, trans=1)[0]
    log_determinant = float(terms.log_determinant.sum()) + 2.0 * float(np.log(np.diag(factor)).sum())
    quadratic = float(terms.quadratic.sum()) - float(half @ half)
    value = -0.5 * (float(terms.cells.sum()) * LOG_2PI + log_determinant + quadratic)
    return Marginal(value, terms, blocks, roots, factor, half)


def predict_sealed(
    score: Floats, precision: Floats, y: Floats, own: Floats, noise: Floats
) -> tuple[Floats, Floats, Floats]:
    """Predict sealed cells B (P,) of units without these cells, from the projections that include them.

    The vectors of the projections are the unit vectors of B, then the columns B of the covariance of the unit's own
    shock, `own` (..., P, P) in B. y and noise are (..., P). With e = P_BB⁻¹ (P y)_B, the outcome is N(y_B - e, P_BB⁻¹).
    Returns the change (...,) of the log likelihood, and mean and covariance as `predict`.
    """
    n_cells = y.shape[-1]
    outcome, shock = slice(None, n_cells), slice(n_cells, None)
    covariance = np.linalg.inv(precision[..., outcome, outcome])
    gain = np.matmul(covariance, precision[..., outcome, shock])
    residual = np.matmul(covariance, score[..., outcome, None])
    quadratic = np.matmul(score[..., None, outcome], residual)[..., 0, 0]
    change = 0.5 * (n_cells * LOG_2PI + np.linalg.slogdet(covariance)[1] + quadratic)
    surprise = score[..., shock] - np.matmul(gain.swapaxes(-1, -2), score[..., outcome, None])[..., 0]
    diagonal = noise[..., None] * np.eye(n_cells)
    cross = gain + diagonal  # of the outcome with shock and noise
    crossed = np.matmul(precision[..., shock, outcome], gain)
    left = own + diagonal - precision[..., shock, shock] + crossed  # of shock and noise
    centre = y - residual[..., 0]
    above = covariance - cross.swapaxes(-1, -2)
    rows = [
        np.concatenate([above + left - cross, above], axis=-1),
        np.concatenate([above.swapaxes(-1, -2), covariance], axis=-1),
    ]
    return change, np.concatenate([centre - surprise, centre], axis=-1), np.concatenate(rows, axis=-2)


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
    """Predict `cells` (P,) of I units from their other cells and Z_i f: mean (I, 2 P, D) and covariance (I, 2 P, 2 P).

    The expected part (without shock and noise) comes first, then the outcome. `terms` and y (I, T) lack these cells.
    Z_i f has D means (I, T, D) and one covariance (I, T, T).
    """
    n_cells = len(cells)
    both = np.concatenate([structure[..., cells, :], shared[..., cells, :]], axis=-2)
    gain = np.matmul(both, terms.inverse)  # zero columns where unseen
    design = np.eye(y.shape[1])[np.tile(cells, 2)] - gain
    centre = np.matmul(design, mean) + np.matmul(gain, y[:, :, None])
    prior = np.empty((len(y), 2 * n_cells, 2 * n_cells))
    prior[:] = np.tile(structure[..., cells[:, None], cells], (2, 2))
    prior[:, n_cells:, n_cells:] = shared[..., cells[:, None], cells]
    outcome = np.arange(n_cells, 2 * n_cells)
    prior[:, outcome, outcome] += noise[:, cells]
    spread = prior - np.matmul(gain, both.swapaxes(-1, -2))
    spread += np.matmul(np.matmul(design, covariance), design.transpose(0, 2, 1))
    return centre, (spread + spread.transpose(0, 2, 1)) / 2
