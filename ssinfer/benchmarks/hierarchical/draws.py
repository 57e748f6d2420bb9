"""Predictive draws of the treated units' performance cells, on the model's scale."""

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import predict
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_terms
from ssinfer.benchmarks.hierarchical.layout import Layout
from ssinfer.benchmarks.hierarchical.model import PanelModel
from ssinfer.kernels.adaptive_importance import Posterior
from ssinfer.typing import Floats, Positions


def draw_single(mean: Floats, covariance: Floats, picked: Positions, rng: np.random.Generator) -> Floats:
    """Draw (S, 2 P) from the Gaussians with mean (M, 2 P) at the picked nodes (S,)."""
    used, inverse = np.unique(picked, return_inverse=True)
    root = safe_cholesky(covariance[used])
    normal = rng.standard_normal((len(picked), mean.shape[1]))
    return np.asarray(mean[picked] + np.matmul(root[inverse], normal[:, :, None])[:, :, 0])


def safe_cholesky(covariance: Floats) -> Floats:
    """Return factors of covariances (..., K, K) that may be singular to rounding error (a level SD near zero)."""
    diagonal = np.einsum("...kk->...k", covariance)
    jitter = 1e-12 * diagonal.max(axis=-1, keepdims=True)
    size = covariance.shape[-1]
    for power in range(5):
        try:
            return np.asarray(np.linalg.cholesky(covariance + 100.0**power * jitter[..., None] * np.eye(size)))
        except np.linalg.LinAlgError:
            continue
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])


def draw_joint(
    model: PanelModel, layout: Layout, posterior: Posterior, picked: Positions, rng: np.random.Generator
) -> Floats:
    """Draw the treated units' performance cells (S, I, 2 P) jointly, with the node of each draw in `picked` (S,)."""
    y, seen, rows, cells = layout.cells
    draws = np.empty((len(picked), len(rows), 2 * len(cells)))
    for node in np.unique(picked):
        fit, at = model.marginal(posterior.nodes[node], y, seen)
        numbers = np.flatnonzero(picked == node)
        terms = unit_terms(at.shared, at.noise[rows], seen[rows], y[rows])
        effects = fit.draws(rng.standard_normal((len(fit.half), len(numbers))), rows)  # (I, T, draws)
        no_error = np.zeros_like(terms.inverse)
        mean, covariance = predict(effects, no_error, terms, y[rows], at.structure, at.shared, at.noise[rows], cells)
        normal = rng.standard_normal((len(rows), 2 * len(cells), len(numbers)))
        shocks = np.matmul(safe_cholesky(covariance), normal)
        draws[numbers] = (mean + shocks).transpose(2, 0, 1)
    return draws
