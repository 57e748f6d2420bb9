"""The exact posterior of a panel model: a few hyperparameters by importance sampling, everything else in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.gaussian_panel import leave_cells_out, predict
from ssinfer.kernels.importance import effective_size, laplace, resample, student_density, student_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ssinfer.benchmarks.panel_model import PanelModel
    from ssinfer.kernels.gaussian_panel import Marginal

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

TAIL = 0.7  # largest Pareto k of dependable importance weights (Vehtari et al. 2024, section 3.2)
ENOUGH = 400.0  # smallest effective sample size (Vehtari et al. 2021, section 4)


@dataclass(frozen=True, eq=False)
class Proposal:
    """Nodes of the parameters (M, d) with the log density that they were drawn from; root None for a mixture."""

    nodes: Floats
    log_density: Floats
    mode: Floats
    root: Floats


@dataclass(frozen=True, eq=False)
class Posterior:
    """Weighted nodes: x (M, d), weights (M,) that sum to one, and how dependable they are."""

    nodes: Floats
    weights: Floats
    pareto_k: float
    effective: float

    @property
    def failures(self) -> tuple[str, ...]:
        """Name what makes the weights undependable."""
        out = []
        if not self.pareto_k <= TAIL:
            out.append(f"Pareto k of the importance weights is {self.pareto_k:.2f}, above {TAIL}")
        if not self.effective >= ENOUGH:
            out.append(f"effective sample size of the importance weights is {self.effective:.0f}, below {ENOUGH:.0f}")
        return tuple(out)


def propose(model: PanelModel, y: Floats, seen: Floats, count: int) -> Proposal:
    """Lay a Student-t over the posterior given the cells `seen`, and nodes under it."""
    start = np.array([p.start for p in model.parameters])
    mode, root = laplace(lambda x: model.log_posterior(x, y, seen), start, [p.bounds for p in model.parameters])
    nodes, log_density = student_nodes(mode, root, count)
    return Proposal(nodes, log_density, mode, root)


def widen(proposal: Proposal, posterior: Posterior, count: int) -> Proposal:
    """Move a proposal to the weighted moments of the posterior that it gave, and mix both half and half.

    The mixture's density is that of both components (Owen and Zhou 2000), so that neither can be missed.
    """
    weights = posterior.weights
    mean = weights @ posterior.nodes
    centred = posterior.nodes - mean
    covariance = (weights[:, None] * centred).T @ centred + 1e-4 * np.eye(len(mean))
    # few effective nodes understate the spread
    root = np.linalg.cholesky(covariance * (1.0 + 10.0 / max(posterior.effective, 5.0)))
    nodes = np.concatenate([proposal.nodes, student_nodes(mean, root, count)[0]])
    both = np.logaddexp(
        student_density(nodes, proposal.mode, proposal.root), student_density(nodes, mean, root)
    ) - np.log(2.0)
    return Proposal(nodes, both, mean, root)


def weigh(log_target: Floats, proposal: Proposal) -> Posterior:
    """Return Pareto-smoothed weights of the nodes (Vehtari et al. 2024, https://www.jmlr.org/papers/v25/19-556.html)."""
    from arviz_stats.base import array_stats  # noqa: PLC0415  (heavy)

    ratio = log_target - proposal.log_density
    finite = np.isfinite(ratio)
    if not finite.any():
        return Posterior(proposal.nodes, np.full(len(ratio), 1 / len(ratio)), np.inf, 0.0)
    smooth, tail = array_stats.psislw(np.where(finite, ratio, ratio[finite].min() - 700.0))
    weights = np.exp(smooth - smooth.max())
    weights /= weights.sum()
    return Posterior(proposal.nodes, weights, float(tail), effective_size(weights))


def log_targets(model: PanelModel, nodes: Floats, y: Floats, seen: Floats) -> Floats:
    """Return the log posterior density (M,) at the nodes."""
    return np.array([model.log_posterior(x, y, seen) for x in nodes])


@dataclass(frozen=True, eq=False)
class Placebos:
    """Predictions of the sealed cells of I units, each without its own: M nodes, P cells.

    log_target (M, I); mean (M, I, 2 P); covariance (M, I, 2 P, 2 P): expected part, then outcome.
    """

    log_target: Floats
    mean: Floats
    covariance: Floats


def predict_placebos(model: PanelModel, nodes: Floats, y: Floats, seen: Floats, rows: Places, cells: Places) -> Placebos:
    """Predict the cells of each of several units without its own, at each node, from one pass over the panel."""
    count, ahead = len(nodes), len(cells)
    log_target = np.full((count, len(rows)), -np.inf)
    mean = np.zeros((count, len(rows), 2 * ahead))
    covariance = np.zeros((count, len(rows), 2 * ahead, 2 * ahead))
    kept = seen[rows].copy()
    kept[:, cells] = 0.0
    own_y = y[rows] * kept
    alone = bool((seen[rows] == kept).all())
    prior = model.log_prior(nodes)
    loadings = model.loadings[rows]
    for m, x in enumerate(nodes):
        try:
            whole, terms, at = model.marginal(x, y, seen)
            own = model.terms(at, own_y, kept, rows)
            if alone:  # the cells were never seen: nothing to take out
                centre, root = whole.at(loadings)
                spread = np.matmul(root, root.transpose(0, 2, 1))
                value = np.full(len(rows), whole.log_likelihood)
            else:
                centre, spread, value = leave_cells_out(whole, terms, own, rows, loadings)
        except (np.linalg.LinAlgError, ValueError):
            covariance[m] = np.eye(2 * ahead)
            continue
        nothing, none = np.zeros_like(at.shared), np.zeros(len(rows))
        mean[m], covariance[m] = predict(
            centre, spread, own, own_y, at.structure, at.shared, nothing, none, at.noise[rows], cells
        )
        log_target[m] = value + prior[m]
    return Placebos(log_target, mean, covariance)


def draw_one(mean: Floats, covariance: Floats, picked: Places, rng: np.random.Generator) -> Floats:
    """Draw (len(picked), 2 P) from the Gaussians (M, 2 P) of the nodes picked."""
    used, inverse = np.unique(picked, return_inverse=True)
    root = safe_cholesky(covariance[used])
    normal = rng.standard_normal((len(picked), mean.shape[1]))
    return mean[picked] + np.matmul(root[inverse], normal[:, :, None])[:, :, 0]


def safe_cholesky(covariance: Floats) -> Floats:
    """Factor covariances (..., K, K) that may be singular to rounding (a level SD near zero)."""
    diagonal = np.einsum("...kk->...k", covariance)
    jitter = 1e-12 * diagonal.max(axis=-1, keepdims=True)
    size = covariance.shape[-1]
    for power in range(5):
        try:
            return np.linalg.cholesky(covariance + 100.0**power * jitter[..., None] * np.eye(size))
        except np.linalg.LinAlgError:
            continue
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])


def draw_joint(
    model: PanelModel,
    posterior: Posterior,
    picked: Places,
    data: tuple[Floats, Floats],
    rows: Places,
    cells: Places,
    rng: np.random.Generator,
) -> Floats:
    """Draw the cells of several treated units jointly (len(picked), I, 2 P): common effects first, then the units."""
    y, seen = data
    draws = np.empty((len(picked), len(rows), 2 * len(cells)))
    for m, places, whole, at in _picked(model, posterior, picked, y, seen):
        del m
        own = model.terms(at, y[rows], seen[rows], rows)
        centre, root = whole.at(model.loadings[rows])
        normal = rng.standard_normal((root.shape[2], len(places)))
        effects = centre[:, :, None] + root @ normal  # (I, T, draws)
        none = np.zeros(len(rows))
        nothing = np.zeros_like(at.shared)
        noise = at.noise[rows]
        flat, spread = predict(
            np.zeros_like(centre), np.zeros((*centre.shape, centre.shape[1])), own, y[rows], at.structure, at.shared,
            nothing, none, noise, cells,
        )  # fmt: skip
        both = np.concatenate(
            [np.broadcast_to(at.structure[cells], (len(rows), len(cells), y.shape[1]))]
            + [np.broadcast_to(at.shared[cells], (len(rows), len(cells), y.shape[1]))],
            axis=1,
        )
        pick = np.zeros((2 * len(cells), y.shape[1]))
        pick[np.arange(2 * len(cells)), np.tile(cells, 2)] = 1.0
        moved = np.matmul(pick[None] - np.matmul(both, own.inverse), effects)  # (I, 2 P, draws)
        shocks = np.matmul(safe_cholesky(spread), rng.standard_normal((len(rows), 2 * len(cells), len(places))))
        draws[places] = (flat[:, :, None] + moved + shocks).transpose(2, 0, 1)
    return draws


def _picked(
    model: PanelModel, posterior: Posterior, picked: Places, y: Floats, seen: Floats
) -> Iterator[tuple[int, Places, Marginal, object]]:
    """Yield each node that was picked with the places of its draws and its fit."""
    for m in np.unique(picked):
        whole, _, at = model.marginal(posterior.nodes[m], y, seen)
        yield int(m), np.flatnonzero(picked == m), whole, at


def choose(posterior: Posterior, count: int, rng: np.random.Generator) -> Places:
    """Draw node numbers by weight."""
    return resample(posterior.weights, count, rng)
