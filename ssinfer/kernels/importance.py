"""Importance sampling from a Student-t around a mode: nodes, densities, resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from scipy.special import gammaln, ndtri
from scipy.stats import chi2, qmc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DEGREES = 5.0  # tails heavier than those of a log standard deviation under a half-normal prior (exponential)
LARGEST_SPREAD = 1.5  # proposal SD per principal direction of the transformed parameters: a factor e^1.5


def laplace(density: Callable[[Floats], float], start: Floats, bounds: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    """Return the mode of a log density and the lower Cholesky factor of the inverse of minus its Hessian.

    Directions in which the density is flat, or not concave at the bounds, get `LARGEST_SPREAD`.
    """
    lower, upper = (np.array(side) for side in zip(*bounds, strict=True))

    def negative(x: Floats) -> float:
        value = density(x)
        return -value if np.isfinite(value) else 1e10

    found = minimize(
        negative, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200, "ftol": 1e-9, "eps": 1e-5}
    )
    mode = np.clip(found.x, lower, upper)
    precision = -curvature(density, mode)
    values, vectors = np.linalg.eigh((precision + precision.T) / 2)
    values = np.maximum(values, LARGEST_SPREAD**-2)
    return mode, np.linalg.cholesky((vectors / values) @ vectors.T)


def curvature(density: Callable[[Floats], float], at: Floats, step: float = 0.05) -> Floats:
    """Return the Hessian by central differences."""
    size = len(at)
    out = np.zeros((size, size))
    base = density(at)
    unit = np.eye(size) * step
    plus = np.array([density(at + unit[j]) for j in range(size)])
    minus = np.array([density(at - unit[j]) for j in range(size)])
    for j in range(size):
        out[j, j] = (plus[j] - 2 * base + minus[j]) / step**2
        for k in range(j):
            both = density(at + unit[j] + unit[k]) + density(at - unit[j] - unit[k])
            out[j, k] = out[k, j] = (both - plus[j] - plus[k] - minus[j] - minus[k] + 2 * base) / (2 * step**2)
    return out


def student_nodes(mode: Floats, root: Floats, count: int) -> tuple[Floats, Floats]:
    """Return `count` nodes (count, d) of a Student-t and their log densities.

    The nodes are a scrambled Sobol sequence with a fixed scrambling: the same in every fit, so that a
    counterfactual changes with its seed only through the draws, and one fit among many equals a fit alone.
    `count` is best a power of two.
    """
    size = len(mode)
    points = qmc.Sobol(size + 1, rng=np.random.default_rng(20_130_101)).random(count)
    points = np.clip(points, 1e-12, 1 - 1e-12)
    normal = ndtri(points[:, :size])
    radius = np.sqrt(DEGREES / chi2.ppf(points[:, size], DEGREES))
    nodes = mode + (normal * radius[:, None]) @ root.T
    return nodes, student_density(nodes, mode, root)


def student_density(nodes: Floats, mode: Floats, root: Floats) -> Floats:
    """Return the log density of the multivariate Student-t with `DEGREES` degrees of freedom."""
    size = len(mode)
    scaled = solve_triangular(root, (nodes - mode).T, lower=True)
    distance = (scaled**2).sum(axis=0)
    constant = gammaln((DEGREES + size) / 2) - gammaln(DEGREES / 2) - size / 2 * np.log(DEGREES * np.pi)
    return np.asarray(constant - np.log(np.diag(root)).sum() - (DEGREES + size) / 2 * np.log1p(distance / DEGREES))


def effective_size(weights: Floats) -> float:
    """Return (Σ w)² / Σ w²."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def resample(weights: Floats, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return `count` node numbers drawn by systematic resampling, in random order."""
    edges = np.cumsum(weights)
    places = (rng.random() + np.arange(count)) / count * edges[-1]
    picked = np.minimum(np.searchsorted(edges, places, side="right"), len(weights) - 1)
    return np.asarray(rng.permutation(picked), dtype=np.intp)
