"""Log marginal likelihood of the Gaussian panel at one node, with its derivatives."""

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LOG_2PI, SINGULAR, unit_blocks
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats

NOT_FINITE = "the log likelihood is not finite: check the outcome, the loadings and the prior of the period effects"


def log_marginal_gradient(
    nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats
) -> tuple[float, Floats, float]:
    """Return the log marginal likelihood at a single node, and its derivatives by ``shared`` (T, T) and ``scale``.

    dl / dS_i = (α_i α_i' - S_i⁻¹ + u_i² S_i⁻¹ V S_i⁻¹) / 2 with α_i = S_i⁻¹ (y_i - u_i m). u_i is the loading; m and V
    are the posterior mean and covariance of the period effects. numpy.linalg.LinAlgError: a covariance is singular.
    """
    blocks = unit_blocks(nodes.shared, noise, nodes.scale, seen, y)
    determinant, inverse, weighted, quadratic = (array[0] for array in blocks)
    units, periods = y.shape
    if not np.isfinite(determinant).all():
        raise np.linalg.LinAlgError(SINGULAR)
    common = nodes.common
    flat = inverse.reshape(units, -1)
    precision = ((loading**2) @ flat).reshape(periods, periods)
    factor = np.linalg.cholesky(common.T @ precision @ common + np.eye(periods))
    whiten = np.linalg.inv(factor)
    root = common @ whiten.T
    half = root.T @ (loading @ weighted)
    value = -0.5 * (
        seen.sum() * LOG_2PI + determinant.sum() + 2.0 * np.log(np.diag(factor)).sum() + quadratic.sum() - half @ half
    )
    if not np.isfinite(value):
        raise np.linalg.LinAlgError(NOT_FINITE)
    by_shared, by_scale = _gradient_sums(inverse, weighted, noise, np.ascontiguousarray(loading), root, root @ half)
    return float(value), by_shared / 2.0, by_scale / 2.0


@compiled
def _gradient_sums(
    inverse: Floats, weighted: Floats, noise: Floats, loading: Floats, root: Floats, mean: Floats
) -> tuple[Floats, float]:
    """Sum α_i α_i' - S_i⁻¹ + u_i² S_i⁻¹ V S_i⁻¹ over units, with V = root root', and its diagonal times the noise."""
    units, periods = weighted.shape
    by_shared = np.zeros((periods, periods))
    term = np.empty((periods, periods))
    column = np.empty(periods)
    by_scale = 0.0
    for i in range(units):
        for t in range(periods):
            for s in range(t + 1):
                term[t, s] = -inverse[i, t, s]
        for k in range(periods + 1):  # the columns of u S⁻¹ root, then α
            for t in range(periods):
                column[t] = weighted[i, t] if k == periods else 0.0
            for s in range(periods):
                times = -mean[s] if k == periods else root[s, k]
                for t in range(periods):
                    column[t] += loading[i] * times * inverse[i, s, t]
            for t in range(periods):
                for s in range(t + 1):
                    term[t, s] += column[t] * column[s]
        for t in range(periods):
            by_scale += term[t, t] * noise[i, t]
            for s in range(t + 1):
                by_shared[t, s] += term[t, s]
    for t in range(periods):
        for s in range(t):
            by_shared[s, t] = by_shared[t, s]
    return by_shared, by_scale
