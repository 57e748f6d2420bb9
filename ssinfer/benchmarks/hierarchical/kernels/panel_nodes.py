"""Marginal likelihood of the Gaussian panel at M nodes at once, twenty times as fast as one call per node."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.markov_panel import Markov, markov_sums, well_conditioned
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LOG_2PI, Blocks, unit_blocks
from ssinfer.kernels.compile import threads
from ssinfer.typing import Booleans, Floats, Positions

MIN_WORK_PER_THREAD = 2_000_000  # cells times nodes: some tens of milliseconds

type Sums = tuple[Floats, Floats, Floats, Floats]  # log |S| (M,), u² S⁻¹ (M, T, T), u S⁻¹ y (M, T), y' S⁻¹ y (M,)


@dataclass(frozen=True, eq=False)
class Nodes:
    """Covariances at M nodes of a panel without neighbours and covariates."""

    structure: Floats  # (M, T, T): of a unit without its shock
    shared: Floats  # (M, T, T): with its shock
    scale: Floats  # (M,): factor of the sampling variances
    common: Floats  # (T, T): lower Cholesky factor of the prior covariance of the period effects
    markov: Markov  # components of `shared`

    def __len__(self) -> int:
        return len(self.scale)

    def of(self, chosen: Positions | Booleans | slice) -> "Nodes":
        """Return the chosen nodes."""
        return Nodes(
            self.structure[chosen], self.shared[chosen], self.scale[chosen], self.common, self.markov.of(chosen)
        )


def dense_sums(blocks: Blocks, loading: Floats) -> Sums:
    """Return the sums of `markov_sums` from the blocks of the units."""
    determinant, inverse, weighted, quadratic = blocks
    precision = np.tensordot(inverse, loading**2, axes=(1, 0))
    return determinant.sum(axis=1), precision, loading @ weighted, quadratic.sum(axis=1)


def _sums(nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats) -> Sums:
    """Return the sums over all units: Markov sums at the nodes where they are exact, dense sums elsewhere."""
    good = well_conditioned(nodes.markov, noise, nodes.scale)
    markov = nodes.markov.of(good)
    fast = markov_sums(markov.kept, markov.spread, markov.low, noise, nodes.scale[good], seen, y, loading)
    if good.all():
        return fast
    slow = dense_sums(unit_blocks(nodes.shared[~good], noise, nodes.scale[~good], seen, y), loading)
    order = np.argsort(np.concatenate([np.flatnonzero(good), np.flatnonzero(~good)]))
    determinant, precision, score, quadratic = map(np.concatenate, zip(fast, slow, strict=True))
    return determinant[order], precision[order], score[order], quadratic[order]


def period_effects(
    nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats, workers: int | None = None
) -> tuple[Floats, Floats, Floats, Booleans]:
    """Return log likelihood (M,), mean (M, T) and root (M, T, T) of the period effects, and whether nodes are good.

    At other nodes a covariance is singular to rounding error, and the log likelihood is -inf; `noise` is at scale 1.
    """
    workers = workers or max(1, min(threads(), len(nodes) * y.size // MIN_WORK_PER_THREAD))
    batches = [nodes.of(chosen) for chosen in np.array_split(np.arange(len(nodes)), workers)]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        each = pool.map(lambda batch: _sums(batch, noise, seen, y, loading), batches)
        determinant, precision, score, quadratic = map(np.concatenate, zip(*each, strict=True))
    return effects_given((determinant, precision, score, quadratic), nodes.common, float(seen.sum()))


def effects_given(sums: Sums, common: Floats, cells: float) -> tuple[Floats, Floats, Floats, Booleans]:
    """Return what `period_effects` returns, given the sums over the units and the number of seen cells."""
    determinant, precision, score, quadratic = sums
    system = common.T @ precision @ common + np.eye(len(common))
    good = np.isfinite(determinant) & np.isfinite(system).all(axis=(1, 2))
    system[~good] = np.eye(len(common))
    factor = np.linalg.cholesky(system)
    half = np.linalg.solve(factor, (score @ common)[:, :, None])[:, :, 0]
    root = common @ np.linalg.inv(factor).transpose(0, 2, 1)
    determinant = determinant + 2.0 * np.log(np.einsum("mtt->mt", factor)).sum(axis=1)
    value = -0.5 * (cells * LOG_2PI + determinant + quadratic - (half**2).sum(axis=1))
    return np.where(good, value, -np.inf), np.matmul(root, half[:, :, None])[:, :, 0], root, good
