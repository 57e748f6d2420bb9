"""Predictions of single units without their own cells, at many nodes at once, for panels with one loading."""

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import predict_sealed
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, period_effects
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_blocks
from ssinfer.typing import Floats, Positions

type PanelArrays = tuple[Floats, Floats, Floats, Floats]  # noise, seen, y and loading, as for `period_effects`


def predict_nodes(
    nodes: Nodes, panel: PanelArrays, rows: Positions, cells: Positions, max_batch_numbers: int = 4_000_000
) -> tuple[Floats, Floats, Floats]:
    """Predict seen `cells` (P,) of units `rows` (I,) without them: log likelihood (M, I), the rest as `predict`.

    Where a covariance is singular to rounding error the log likelihood is -inf, and the rest has no meaning.
    """
    noise, seen, y, loading = panel
    value, effects, roots, good = period_effects(nodes, noise, seen, y, loading)
    parts = []
    size = max(1, max_batch_numbers // (len(rows) * y.shape[1] ** 2))
    for start in range(0, len(nodes), size):
        batch = slice(start, start + size)
        some, effect, root = nodes.of(batch), effects[batch], roots[batch]
        _, inverse, weighted, _ = unit_blocks(some.shared, noise[rows], some.scale, seen[rows], y[rows])
        shock = (some.shared - some.structure)[:, :, cells]
        vectors = np.concatenate([np.broadcast_to(np.eye(y.shape[1])[:, cells], shock.shape), shock], axis=2)
        pulled = np.matmul(inverse, vectors[:, None])
        explained = np.matmul(root.transpose(0, 2, 1)[:, None], pulled) * loading[rows, None, None]
        precision = np.matmul(vectors.transpose(0, 2, 1)[:, None], pulled)
        precision -= np.matmul(explained.transpose(0, 1, 3, 2), explained)
        score = np.matmul(weighted, vectors)
        score -= np.matmul(effect[:, None, None], pulled)[:, :, 0] * loading[rows, None]
        bad = ~good[batch]
        score[bad], precision[bad] = 0.0, np.eye(precision.shape[-1])
        variances = some.scale[:, None, None] * noise[np.ix_(rows, cells)]
        parts.append(predict_sealed(score, precision, y[np.ix_(rows, cells)], shock[:, None, cells], variances))
    change, mean, covariance = map(np.concatenate, zip(*parts, strict=True))
    return value[:, None] + change, mean, covariance
