"""Log marginal likelihood of the Gaussian panel at one node, with its derivatives."""

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, dense_sums, effects_given
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import SINGULAR, unit_blocks
from ssinfer.typing import Floats


def log_marginal_gradient(
    nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats
) -> tuple[float, Floats, float]:
    """Return the log marginal likelihood at a single node, and its derivatives by ``shared`` (T, T) and ``scale``.

    dl / dS_i = (α_i α_i' - S_i⁻¹ + u_i² S_i⁻¹ V S_i⁻¹) / 2 with α_i = S_i⁻¹ (y_i - u_i m). u_i is the loading; m and V
    are the posterior mean and covariance of the period effects. numpy.linalg.LinAlgError: a covariance is singular.
    """
    blocks = unit_blocks(nodes.shared, noise, nodes.scale, seen, y)
    value, mean, root, _ = effects_given(dense_sums(blocks, loading), nodes.common, float(seen.sum()))
    if not np.isfinite(value[0]):
        raise np.linalg.LinAlgError(SINGULAR)
    inverse = blocks[1][0]
    alpha = blocks[2][0] - loading[:, None] * (inverse @ mean[0])
    explained = loading[:, None, None] * np.tensordot(inverse, root[0], axes=1)
    flat = explained.transpose(1, 0, 2).reshape(y.shape[1], -1)
    by_shared = alpha.T @ alpha - inverse.sum(axis=0) + flat @ flat.T
    diagonal = alpha**2 - np.einsum("itt->it", inverse) + (explained**2).sum(axis=2)
    return float(value[0]), by_shared / 2, float((diagonal * noise).sum()) / 2
