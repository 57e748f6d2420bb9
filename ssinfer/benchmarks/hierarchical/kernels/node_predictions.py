"""Predictions of single units without their own cells, at many nodes at once, for panels with one loading."""

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import leave_cells_out, predict
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, period_effects
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import SINGULAR, UnitTerms, unit_blocks
from ssinfer.typing import Floats, Positions

type PanelArrays = tuple[Floats, Floats, Floats, Floats]  # noise, seen, y and loading, as for `period_effects`


def predict_nodes(
    nodes: Nodes, panel: PanelArrays, rows: Positions, cells: Positions, max_batch_numbers: int = 4_000_000
) -> tuple[Floats, Floats, Floats]:
    """Predict `cells` (P,) of units `rows` (I,) without these cells: log likelihood (M, I), the rest as `predict`."""
    count, width = len(nodes), 2 * len(cells)
    log_likelihood = np.full((count, len(rows)), -np.inf)
    mean = np.zeros((count, len(rows), width))
    covariance = np.tile(np.eye(width), (count, len(rows), 1, 1))
    batch_size = max(1, max_batch_numbers // (len(rows) * nodes.shared.shape[1] ** 2))
    for start in range(0, count, batch_size):
        batch = slice(start, start + batch_size)
        try:
            log_likelihood[batch], mean[batch], covariance[batch] = _predict(nodes.of(batch), panel, rows, cells)
        except np.linalg.LinAlgError:
            if batch_size > 1:  # node by node, so that only the node that fails is left out
                single = predict_nodes(nodes.of(batch), panel, rows, cells, max_batch_numbers=1)
                log_likelihood[batch], mean[batch], covariance[batch] = single
    return log_likelihood, mean, covariance


def _predict(nodes: Nodes, panel: PanelArrays, rows: Positions, cells: Positions) -> tuple[Floats, Floats, Floats]:
    noise, seen, y, loading = panel
    value, effect, root, good = period_effects(nodes, noise, seen, y, loading)
    if not good.all():
        raise np.linalg.LinAlgError(SINGULAR)
    seen_without = seen[rows].copy()
    seen_without[:, cells] = 0.0
    y_without = y[rows] * seen_without
    count, periods = len(nodes), y.shape[1]

    def flat(array: Floats) -> Floats:
        return array.reshape(-1, *array.shape[2:])

    def terms(mask: Floats, outcome: Floats) -> UnitTerms:
        blocks = unit_blocks(nodes.shared, noise[rows], nodes.scale, mask, outcome)
        determinant, inverse, weighted, quadratic = (flat(array) for array in blocks)
        return UnitTerms(determinant, inverse, weighted, quadratic, np.tile(mask.sum(axis=1), count))

    without = terms(seen_without, y_without)
    if not np.isfinite(without.log_determinant).all():
        raise np.linalg.LinAlgError(SINGULAR)
    loadings = loading[rows]
    centre = flat(effect[:, None, :] * loadings[:, None])
    spread = flat(np.matmul(root, root.transpose(0, 2, 1))[:, None] * (loadings**2)[:, None, None])
    change = np.zeros(len(centre))
    if (seen[rows] != seen_without).any():
        centre, spread, change = leave_cells_out(centre, spread, terms(seen[rows], y[rows]), without, cells)

    variances = (nodes.scale[:, None, None] * noise[rows]).reshape(count * len(rows), periods)
    outcome = np.tile(y_without, (count, 1))
    structure, shared = (np.repeat(array, len(rows), axis=0) for array in (nodes.structure, nodes.shared))
    mean, covariance = predict(centre, spread, without, outcome, structure, shared, variances, cells)
    shape = (count, len(rows))
    log_likelihood = value[:, None] + change.reshape(shape)
    return log_likelihood, mean.reshape(*shape, -1), covariance.reshape(*shape, *covariance.shape[1:])
