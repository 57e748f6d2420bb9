"""Marginal likelihood of the Gaussian panel at M nodes at once, twenty times as fast as one call per node."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.markov_panel import Markov, markov_sums, well_conditioned
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LANES, LOG_2PI, whiten_lanes
from ssinfer.kernels.compile import compiled, threads
from ssinfer.typing import Booleans, Floats, Positions

MIN_PERIODS_MARKOV = 6  # from which the Markov sums are faster than the dense ones
MIN_WORK_PER_THREAD = 2_000_000  # cells times nodes: some tens of milliseconds


@dataclass(frozen=True, eq=False)
class Nodes:
    """Covariances at M nodes of a panel without neighbours and covariates."""

    structure: Floats  # (M, T, T): of a unit without its shock
    shared: Floats  # (M, T, T): with its shock
    scale: Floats  # (M,): factor of the sampling variances
    common: Floats  # (T, T): lower Cholesky factor of the prior covariance of the period effects
    markov: Markov | None = None  # components of `shared`; without them every sum is dense

    def __len__(self) -> int:
        return len(self.scale)

    def of(self, chosen: Positions | Booleans | slice) -> "Nodes":
        """Return the chosen nodes."""
        markov = None if self.markov is None else self.markov.of(chosen)
        return Nodes(self.structure[chosen], self.shared[chosen], self.scale[chosen], self.common, markov)


@compiled
def _sums(
    shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats, loading: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the sums of `markov_sums` by dense factorisation, in O(T³) per unit."""
    nodes = len(scale)
    units, periods = y.shape
    log_determinant, quadratic = np.zeros(nodes), np.zeros(nodes)
    precision, score = np.zeros((nodes, periods, periods)), np.zeros((nodes, periods))
    whiten, white = np.zeros((periods, periods, LANES)), np.zeros((periods, LANES))
    total, lanes = np.zeros(LANES), np.zeros(LANES)
    work = (np.zeros((periods, periods, LANES)), whiten, total)
    for m in range(nodes):
        for start in range(0, units, LANES):
            width = min(LANES, units - start)
            whiten_lanes(shared[m], noise, scale[m], seen, start, work, lanes)
            log_determinant[m] += lanes[:width].sum()
            for t in range(periods):
                total[:] = 0.0
                for s in range(t + 1):
                    for b in range(width):
                        # the row and the column of an unseen cell do not count
                        whiten[t, s, b] *= seen[start + b, t] * seen[start + b, s]
                        total[b] += whiten[t, s, b] * y[start + b, s]
                for b in range(width):
                    white[t, b] = total[b]
                    quadratic[m] += total[b] * total[b]
            for t in range(periods):
                for s in range(t + 1):
                    total[:] = 0.0
                    for k in range(t, periods):
                        for b in range(width):
                            total[b] += whiten[k, t, b] * whiten[k, s, b]
                    for b in range(width):
                        precision[m, t, s] += total[b] * loading[start + b] ** 2
                total[:] = 0.0
                for k in range(t, periods):
                    for b in range(width):
                        total[b] += whiten[k, t, b] * white[k, b]
                for b in range(width):
                    score[m, t] += total[b] * loading[start + b]
        for t in range(periods):
            for s in range(t):
                precision[m, s, t] = precision[m, t, s]
    return log_determinant, precision, score, quadratic


def _threaded_sums(
    nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats, workers: int | None
) -> list[Floats]:
    """Return the sums over all units, with nodes split over threads if there is enough work."""
    if workers is None:
        workers = min(threads(), len(nodes) * y.size // MIN_WORK_PER_THREAD)
    if workers < 2:
        return _best_sums(nodes, noise, seen, y, loading)
    batches = [nodes.of(chosen) for chosen in np.array_split(np.arange(len(nodes)), workers)]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        sums = list(pool.map(lambda batch: _best_sums(batch, noise, seen, y, loading), batches))
    return [np.concatenate(arrays) for arrays in zip(*sums, strict=True)]


def _best_sums(nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats) -> list[Floats]:
    """Return the sums over all units: Markov sums at the nodes where they are exact, dense sums elsewhere."""
    if nodes.markov is None or y.shape[1] < MIN_PERIODS_MARKOV:
        return list(_sums(nodes.shared, noise, nodes.scale, seen, y, loading))
    good = well_conditioned(nodes.markov, noise, nodes.scale)
    out = [np.zeros((len(nodes), *shape)) for shape in ((), (y.shape[1],) * 2, (y.shape[1],), ())]
    if good.any():
        markov = nodes.markov.of(good)
        sums = markov_sums(markov.kept, markov.spread, markov.low, noise, nodes.scale[good], seen, y, loading)
        for array, values in zip(out, sums, strict=True):
            array[good] = values
    if not good.all():
        sums = _sums(nodes.shared[~good], noise, nodes.scale[~good], seen, y, loading)
        for array, values in zip(out, sums, strict=True):
            array[~good] = values
    return out


def period_effects(
    nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats, workers: int | None = None
) -> tuple[Floats, Floats, Floats, Booleans]:
    """Return log likelihood (M,), mean (M, T) and root (M, T, T) of the period effects, and whether nodes are good.

    At other nodes a covariance is singular to rounding error, and the log likelihood is -inf; `noise` is at scale 1.
    """
    determinant, precision, score, quadratic = _threaded_sums(nodes, noise, seen, y, loading, workers)
    system = nodes.common.T @ precision @ nodes.common + np.eye(y.shape[1])
    good = np.isfinite(determinant) & np.isfinite(system).all(axis=(1, 2))
    system[~good] = np.eye(y.shape[1])
    factor = np.linalg.cholesky(system)
    half = np.linalg.solve(factor, (score @ nodes.common)[:, :, None])[:, :, 0]
    whiten = np.linalg.inv(factor)
    root = nodes.common @ whiten.transpose(0, 2, 1)
    determinant = determinant + 2.0 * np.log(np.einsum("mtt->mt", factor)).sum(axis=1)
    value = -0.5 * (seen.sum() * LOG_2PI + determinant + quadratic - (half**2).sum(axis=1))
    mean = np.matmul(root, half[:, :, None])[:, :, 0]
    return np.where(good, value, -np.inf), mean, root, good
