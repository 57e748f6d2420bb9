"""Importance sampling from mixtures of Student-t distributions: nodes, densities, fits, resampling."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp, ndtri

from ssinfer.kernels.compile import compiled
from ssinfer.kernels.optimise import Gradient, maximise
from ssinfer.typing import Floats, Positions

MIN_DEGREES = 5.0  # of freedom: heavier tails than the targets, which have a standard normal prior
STEP = 0.05  # of the differences of a Hessian
MAX_SPREAD = 1.0  # SD of the proposal per principal direction: that of the prior


def laplace(
    density: Callable[[Floats], float], start: Floats, bound: float, gradient: Gradient | None = None, workers: int = 1
) -> tuple[Floats, Floats]:
    """Return the mode, as `maximise`, and the Cholesky root of its covariance; flat directions get `MAX_SPREAD`."""
    # rounded, so that rounding errors (another currency, another machine) do not change the nodes
    mode = np.round(maximise(density, start, bound, gradient), 2)
    precision = -(hessian(density, mode) if gradient is None else hessian_of_gradient(gradient, mode, workers=workers))
    values, vectors = np.linalg.eigh((precision + precision.T) / 2)
    values = np.maximum(values, MAX_SPREAD**-2)
    return mode, np.linalg.cholesky(np.round((vectors / values) @ vectors.T, 6) + 1e-6 * np.eye(len(mode)))


def hessian_of_gradient(gradient: Gradient, at: Floats, step: float = STEP, workers: int = 1) -> Floats:
    """Return the Hessian of a log density at a point, by central differences of the gradient."""
    shifts = np.eye(len(at)) * step
    with ThreadPoolExecutor(max_workers=workers) as pool:
        gradients = np.array([slope for _, slope in pool.map(gradient, [*(at + shifts), *(at - shifts)])])
    rows = (gradients[: len(at)] - gradients[len(at) :]) / (2 * step)
    return np.asarray((rows + rows.T) / 2)


def hessian(density: Callable[[Floats], float], at: Floats, step: float = STEP) -> Floats:
    """Return the Hessian of a log density at a point, by central differences."""
    base, shifts = density(at), np.eye(len(at)) * step
    plus, minus = (np.array([density(at + shift) for shift in signed]) for signed in (shifts, -shifts))
    out = np.diag((plus - 2 * base + minus) / step**2)
    for j in range(len(at)):
        for k in range(j):
            both = density(at + shifts[j] + shifts[k]) + density(at - shifts[j] - shifts[k])
            out[j, k] = out[k, j] = (both - plus[j] - plus[k] - minus[j] - minus[k] + 2 * base) / (2 * step**2)
    return out


@dataclass(frozen=True, eq=False)
class Mixture:
    """Mixture of K Student-t distributions: shares (K,), centres (K, d), Cholesky roots of the scales (K, d, d)."""

    shares: Floats
    centres: Floats
    roots: Floats

    @property
    def degrees(self) -> float:
        """Degrees of freedom of each component. With 5 in 18 dimensions many nodes would lie beyond a normal target."""
        return max(MIN_DEGREES, float(self.centres.shape[1]))

    def log_densities(self, nodes: Floats) -> Floats:
        """Return log share + log density per component (M, K)."""
        size, degrees = self.centres.shape[1], self.degrees
        out = np.empty((len(nodes), len(self.shares)))
        constant = gammaln((degrees + size) / 2) - gammaln(degrees / 2) - size / 2 * np.log(degrees * np.pi)
        for k, (share, centre, root) in enumerate(zip(self.shares, self.centres, self.roots, strict=True)):
            distance = distances(nodes, centre, root)
            shape = (degrees + size) / 2 * np.log1p(distance / degrees)
            out[:, k] = np.log(share) + constant - np.log(np.diag(root)).sum() - shape
        return out

    def log_density(self, nodes: Floats) -> Floats:
        """Return the log density (M,)."""
        return np.asarray(logsumexp(self.log_densities(nodes), axis=1))

    def nodes(self, count: int, start: int = 0) -> Floats:
        """Return `count` nodes (count, d), best a power of two: a Sobol sequence, scrambled alike for every design.

        `start` is the number of points of the sequence that earlier rounds have used.
        """
        from scipy.stats import chi2, qmc  # noqa: PLC0415  (scipy.stats is slow to import)

        size = self.centres.shape[1]
        sequence = qmc.Sobol(size + 2, rng=np.random.default_rng(20_130_101))
        points = (sequence.fast_forward(start) if start else sequence).random(count)
        points = np.clip(points, 1e-12, 1 - 1e-12)
        scaled = ndtri(points[:, :size]) * np.sqrt(self.degrees / chi2.ppf(points[:, [size]], self.degrees))
        last = len(self.shares) - 1
        chosen = np.minimum(np.searchsorted(np.cumsum(self.shares), points[:, size + 1], side="right"), last)
        return np.asarray(self.centres[chosen] + np.matmul(self.roots[chosen], scaled[:, :, None])[:, :, 0])


@compiled
def distances(nodes: Floats, centre: Floats, root: Floats) -> Floats:
    """Return the squared Mahalanobis distance (M,) of nodes (M, d) from a centre; `root` (d, d) is lower triangular."""
    count, size = nodes.shape
    out = np.zeros(count)
    scaled = np.zeros(size)
    for m in range(count):
        for i in range(size):
            value = nodes[m, i] - centre[i]
            for j in range(i):
                value -= root[i, j] * scaled[j]
            scaled[i] = value / root[i, i]
            out[m] += scaled[i] * scaled[i]
    return out


def fit_student_mixture(nodes: Floats, weights: Floats, components: int, rounds: int = 12) -> Mixture:
    """Fit a Student-t mixture to weighted nodes (M, d), by expectation maximisation (Cappé et al. 2008)."""
    size = nodes.shape[1]
    weights = weights / weights.sum()
    mean = weights @ nodes
    centred = nodes - mean
    effective = max(effective_size(weights), 5.0)
    covariance = (weights[:, None] * centred).T @ centred * (1.0 + 2.0 * size / effective) + 1e-8 * np.eye(size)
    direction = np.linalg.eigh(covariance)[1][:, -1]
    order = np.argsort(centred @ direction)
    slices = np.searchsorted(np.cumsum(weights[order]), np.arange(1, components) / components)
    member = np.zeros((len(nodes), components))
    for k, rows in enumerate(np.split(order, slices)):
        member[rows, k] = 1.0
    pull = np.ones_like(member)  # (d.f. + d) / (d.f. + distance): distant nodes count less
    mixture = Mixture(np.ones(1), mean[None], np.linalg.cholesky(covariance)[None])
    for _ in range(rounds if components > 1 else 0):
        parts = []
        for k in range(components):
            mass = weights * member[:, k]
            share = mass.sum()
            n_effective = effective * share
            if n_effective < 4 * size:  # too few nodes to estimate a shape: leave the component out
                continue
            pulled = mass * pull[:, k]
            centre = pulled @ nodes / pulled.sum()
            offset = nodes - centre
            scale = (pulled[:, None] * offset).T @ offset / share * (1.0 + 2.0 * size / n_effective)
            scale += 1e-3 * covariance
            parts.append((share, centre, np.linalg.cholesky(scale)))
        if not parts:
            break
        shares, centres, roots = zip(*parts, strict=True)
        mixture = Mixture(np.array(shares) / sum(shares), np.array(centres), np.array(roots))
        components = len(parts)
        logs = mixture.log_densities(nodes)
        member = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
        every = [distances(nodes, mixture.centres[k], mixture.roots[k]) for k in range(components)]
        pull = (mixture.degrees + size) / (mixture.degrees + np.column_stack(every))
    return mixture


def effective_size(weights: Floats) -> float:
    """Return the effective sample size (Σ w)² / Σ w²."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def resample(weights: Floats, count: int, rng: np.random.Generator) -> Positions:
    """Return `count` node numbers drawn by systematic resampling, in random order."""
    edges = np.cumsum(weights)
    points = (rng.random() + np.arange(count)) / count * edges[-1]
    numbers = np.minimum(np.searchsorted(edges, points, side="right"), len(weights) - 1)
    return np.asarray(rng.permutation(numbers), dtype=np.intp)
