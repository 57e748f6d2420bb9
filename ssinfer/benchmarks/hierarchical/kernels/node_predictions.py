"""Predictions of single units without their own cells, at many nodes at once, for panels with one loading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import downdate, predict
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import period_effects
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import SINGULAR, UnitTerms, unit_blocks
from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes
    from ssinfer.typing import Floats, Positions


@compiled
def _rows(
    shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the terms of I units at each node: (M, I), (M, I, T, T), (M, I, T), (M, I)."""
    nodes = len(scale)
    units, periods = y.shape
    log_determinant = np.empty((nodes, units))
    inverse = np.empty((nodes, units, periods, periods))
    weighted = np.empty((nodes, units, periods))
    quadratic = np.empty((nodes, units))
    for m in range(nodes):
        unit_blocks(shared[m], noise, scale[m], seen, y, log_determinant[m], inverse[m], weighted[m], quadratic[m])
    return log_determinant, inverse, weighted, quadratic


def predict_nodes(
    nodes: Nodes,
    panel: tuple[Floats, Floats, Floats, Floats],
    rows: Positions,
    cells: Positions,
    max_batch_numbers: int = 4_000_000,
) -> tuple[Floats, Floats, Floats]:
    """Predict the cells of each of I units without these cells of the unit, at every node.

    Parameters
    ----------
    nodes, panel
        Nodes, and a tuple of noise, seen, y and loading, as for `period_effects`.
    rows, cells : array (I,), (P,)
        The units and their sealed cells.
    max_batch_numbers : int
        Size of the largest array of a batch of nodes.

    Returns
    -------
    log_likelihood : array (M, I)
        Of all seen cells except the unit's sealed cells; minus infinity if a covariance is singular to rounding error.
    mean, covariance : array (M, I, 2 P), (M, I, 2 P, 2 P)
        In the order of ``gaussian_panel.predict``.
    """
    count, width = len(nodes), 2 * len(cells)
    log_likelihood = np.full((count, len(rows)), -np.inf)
    mean = np.zeros((count, len(rows), width))
    covariance = np.zeros((count, len(rows), width, width))
    covariance[:] = np.eye(width)
    batch_size = max(1, max_batch_numbers // (len(rows) * nodes.shared.shape[1] ** 2))
    for start in range(0, count, batch_size):
        batch = np.arange(start, min(start + batch_size, count))
        try:
            predictions = _predict(nodes.of(batch), panel, rows, cells)
        except np.linalg.LinAlgError:
            if len(batch) == 1:
                continue
            for m in batch:  # node by node, so that only the node that fails is left out
                single = predict_nodes(nodes.of(np.array([m])), panel, rows, cells)
                log_likelihood[m], mean[m], covariance[m] = (array[0] for array in single)
            continue
        log_likelihood[batch], mean[batch], covariance[batch] = predictions
    return log_likelihood, mean, covariance


def _predict(
    nodes: Nodes, panel: tuple[Floats, Floats, Floats, Floats], rows: Positions, cells: Positions
) -> tuple[Floats, Floats, Floats]:
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
        arrays = _rows(nodes.shared, noise[rows], nodes.scale, mask, outcome)
        determinant, inverse, weighted, quadratic = (flat(array) for array in arrays)
        return UnitTerms(determinant, inverse, weighted, quadratic, np.tile(mask.sum(axis=1), count))

    without = terms(seen_without, y_without)
    if not np.isfinite(without.log_determinant).all():
        raise np.linalg.LinAlgError(SINGULAR)
    loadings = loading[rows]
    centre = flat(effect[:, None, :] * loadings[:, None])
    spread = flat(np.matmul(root, root.transpose(0, 2, 1))[:, None] * (loadings**2)[:, None, None])
    change = np.zeros(len(centre))
    if (seen[rows] != seen_without).any():
        centre, spread, change = downdate(centre, spread, terms(seen[rows], y[rows]), without, cells)

    def per_unit(covariances: Floats) -> Floats:
        return np.repeat(covariances, len(rows), axis=0)

    variances = (nodes.scale[:, None, None] * noise[rows]).reshape(count * len(rows), periods)
    outcome = np.tile(y_without, (count, 1))
    structure, shared = per_unit(nodes.structure), per_unit(nodes.shared)
    mean, covariance = predict(centre, spread, without, outcome, structure, shared, variances, cells)
    shape = (count, len(rows))
    return (
        value[:, None] + change.reshape(shape),
        mean.reshape(*shape, -1),
        covariance.reshape(*shape, *covariance.shape[1:]),
    )
