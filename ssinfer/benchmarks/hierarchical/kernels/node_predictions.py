"""Predictions of single units without their own cells, at many nodes at once, for panels with one loading."""

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import predict_sealed
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, period_effects
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import SINGULAR, unit_blocks
from ssinfer.typing import Floats, Positions

type PanelArrays = tuple[Floats, Floats, Floats, Floats]  # noise, seen, y and loading, as for `period_effects`


def predict_nodes(
    nodes: Nodes, panel: PanelArrays, rows: Positions, cells: Positions, max_batch_numbers: int = 4_000_000
) -> tuple[Floats, Floats, Floats]:
    """Predict seen `cells` (P,) of units `rows` (I,) without them: log likelihood (M, I), the rest as `predict`."""
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
    determinant, inverse, weighted, _ = unit_blocks(nodes.shared, noise[rows], nodes.scale, seen[rows], y[rows])
    if not (good.all() and np.isfinite(determinant).all()):
        raise np.linalg.LinAlgError(SINGULAR)
    shock = (nodes.shared - nodes.structure)[:, :, cells]
    vectors = np.concatenate([np.broadcast_to(np.eye(y.shape[1])[:, cells], shock.shape), shock], axis=2)
    pulled = np.matmul(inverse, vectors[:, None])
    explained = np.matmul(root.transpose(0, 2, 1)[:, None], pulled) * loading[rows, None, None]
    precision = np.matmul(vectors.transpose(0, 2, 1)[:, None], pulled)
    precision -= np.matmul(explained.transpose(0, 1, 3, 2), explained)
    score = np.matmul(weighted, vectors)
    score -= np.matmul(effect[:, None, None], pulled)[:, :, 0] * loading[rows, None]
    variances = nodes.scale[:, None, None] * noise[np.ix_(rows, cells)]
    own = shock[:, None, cells]
    change, mean, covariance = predict_sealed(score, precision, y[np.ix_(rows, cells)], own, variances)
    return value[:, None] + change, mean, covariance
