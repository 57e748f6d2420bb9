"""The exact posterior of a panel model: hyperparameters by importance sampling, everything else in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import leave_cells_out, predict
from ssinfer.benchmarks.hierarchical.kernels.node_predictions import predict_nodes
from ssinfer.benchmarks.hierarchical.model import REACH
from ssinfer.kernels.adaptive_importance import (
    MULTIPLES,
    Posterior,
    Proposal,
    adapt,
    build_proposal,
    pareto_smoothed_weights,
    weigh_until_dependable,
)
from ssinfer.kernels.importance import Mixture
from ssinfer.kernels.optimise import maximise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import Marginal
    from ssinfer.benchmarks.hierarchical.model import Covariances, PanelModel
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

DEFENSIVE_SHARES = {"shock": 0.15, "trend": 0.10}  # of the components without shock and without trend
BOUNDARY_QUANTILE = -1.5  # their centre in x: the quantile of a deviation's prior at 7%


def propose(model: PanelModel, y: Floats, seen: Floats, count: int) -> Proposal:
    """Draw importance-sampling nodes for the posterior given the observed cells `seen`.

    The first proposal is a Student-t at the mode. There are `count` nodes, or twice, four or eight times as many.
    """
    mode, root = model.mode(y, seen)
    defensive = corners(model, mode, root, y, seen)
    start = Mixture(np.ones(1), mode[None], root[None])
    return build_proposal(lambda nodes: log_targets(model, nodes, y, seen), start, defensive, count)


def corners(model: PanelModel, mode: Floats, root: Floats, y: Floats, seen: Floats) -> Mixture | None:
    """Return the components of a proposal where shocks, or trends, are next to nothing; None for a model without.

    Shares are those of the whole proposal.

    A Student-t at the mode does not reach these corners, and neither Pareto k nor the effective size shows what no
    node has seen. Without shocks the likelihood says nothing of persistence and volatilities, which go back to their
    priors, standard normal in x, and the other parameters keep what they have at the mode. Without trends the shocks
    are larger and last longer: the other parameters have their mode given that.
    """
    names = [parameter.name for parameter in model.parameters]
    found = {}
    if "shock" in names:
        free = np.array([name in {"shock", "persistence"} or name in model.volatility for name in names])
        centre = np.where(free, 0.0, mode)
        centre[names.index("shock")] = BOUNDARY_QUANTILE
        found["shock"] = centre, _freed(root @ root.T, free)
    if "trend" in names:
        free = np.array([name == "trend" for name in names])
        found["trend"] = _held(model, mode, names.index("trend"), y, seen), _freed(root @ root.T, free)
    if not found:
        return None
    shares = np.array([DEFENSIVE_SHARES[name] for name in found])
    centres, covariances = (np.array(each) for each in zip(*found.values(), strict=True))
    return Mixture(shares, centres, np.linalg.cholesky(covariances))


def _freed(covariance: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the covariance with the free coordinates independent, of variance 1."""
    out = np.where(np.outer(free, free) | np.outer(free, ~free) | np.outer(~free, free), 0.0, covariance)
    out[free, free] = 1.0
    return np.asarray(out)


def _held(model: PanelModel, mode: Floats, place: int, y: Floats, seen: Floats) -> Floats:
    """Return the mode with the coordinate at `place` held at `BOUNDARY_QUANTILE`, and the others moved if cheap."""
    out = mode.copy()
    out[place] = BOUNDARY_QUANTILE
    if model.loadings.shape[1] > 1:  # no gradient: a search for the others would cost as much as the fit
        return out
    rest = np.arange(model.size) != place

    def slope(z: Floats) -> tuple[float, Floats]:
        value, gradient = model.log_posterior_slope(np.insert(z, place, BOUNDARY_QUANTILE), y, seen)
        return value, gradient[rest]

    out[rest] = np.round(maximise(lambda z: slope(z)[0], mode[rest], REACH, slope, tolerance=1e-6), 2)
    return out


def log_targets(model: PanelModel, nodes: Floats, y: Floats, seen: Floats) -> Floats:
    """Return the log posterior density (M,) at the nodes."""
    return model.log_posteriors(nodes, y, seen)


@dataclass(frozen=True, eq=False)
class Placebos:
    """Predictions of the sealed cells of I units, each without its own: M nodes, P cells.

    log_target (M, I); mean (M, I, 2 P); covariance (M, I, 2 P, 2 P): expected part, then outcome.
    """

    log_target: Floats
    mean: Floats
    covariance: Floats


def predict_placebos(
    model: PanelModel, nodes: Floats, y: Floats, seen: Floats, rows: Places, cells: Places
) -> Placebos:
    """Predict the cells of each of several units without its own, at each node, from one pass over the panel."""
    if model.loadings.shape[1] == 1:
        panel = (model.sampling, seen, y, model.loadings[:, 0])
        value, mean, covariance = predict_nodes(model.nodes(nodes), panel, rows, cells)
        return _dependable(value + model.log_prior(nodes)[:, None], mean, covariance)
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
                centre, spread, value = leave_cells_out(whole, terms, own, rows, loadings, cells)
        except (np.linalg.LinAlgError, ValueError):
            covariance[m] = np.eye(2 * ahead)
            continue
        mean[m], covariance[m] = predict(centre, spread, own, own_y, at.structure, at.shared, at.noise[rows], cells)
        log_target[m] = value + prior[m]
    return _dependable(log_target, mean, covariance)


def _dependable(log_target: Floats, mean: Floats, covariance: Floats) -> Placebos:
    """Give no weight to a node that rounding left without a positive variance of an outcome."""
    outcomes = np.einsum("mikk->mik", covariance)[:, :, covariance.shape[-1] // 2 :]
    sound = (outcomes > 0.0).all(axis=2)
    covariance = np.where(sound[:, :, None, None], covariance, np.eye(covariance.shape[-1]))
    return Placebos(np.where(sound, log_target, -np.inf), mean, covariance)


def settle_placebo(
    model: PanelModel,
    proposal: Proposal,
    found: Placebos,
    place: int,
    data: tuple[Floats, Floats, Places, Places],
    nodes: int,
) -> tuple[Posterior, Floats, Floats]:
    """Weigh the nodes for the unit at `place` of `found`; more nodes, nearer to its posterior, where weights need them.

    Parameters
    ----------
    data : y, seen (without the unit's sealed cells), its row (1,), the cells (P,)
    nodes : of which `MULTIPLES` are drawn

    Returns
    -------
    posterior : Posterior
    mean, covariance : (M, 2 P), (M, 2 P, 2 P)
        Predictions at its nodes.
    """
    posterior = pareto_smoothed_weights(found.log_target[:, place], proposal)
    for more in MULTIPLES:
        if not posterior.failures:
            break
        proposal = adapt(proposal, found.log_target[:, place], more * nodes)
        found, place = predict_placebos(model, proposal.nodes, *data), 0
        posterior = pareto_smoothed_weights(found.log_target[:, 0], proposal)
    return posterior, found.mean[:, place], found.covariance[:, place]


def settle(model: PanelModel, proposal: Proposal, y: Floats, seen: Floats, nodes: int) -> Posterior:
    """Weigh the nodes given the cells `seen`; more nodes, nearer to the posterior, where the weights need them."""
    return weigh_until_dependable(lambda x: log_targets(model, x, y, seen), proposal, nodes)


def draw_one(mean: Floats, covariance: Floats, picked: Places, rng: np.random.Generator) -> Floats:
    """Draw (len(picked), 2 P) from the Gaussians (M, 2 P) of the nodes picked."""
    used, inverse = np.unique(picked, return_inverse=True)
    root = safe_cholesky(covariance[used])
    normal = rng.standard_normal((len(picked), mean.shape[1]))
    return np.asarray(mean[picked] + np.matmul(root[inverse], normal[:, :, None])[:, :, 0])


def safe_cholesky(covariance: Floats) -> Floats:
    """Factor covariances (..., K, K) that may be singular to rounding (a level SD near zero)."""
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
    for places, whole, at in _picked(model, posterior, picked, y, seen):
        own = model.terms(at, y[rows], seen[rows], rows)
        centre, root = whole.at(model.loadings[rows])
        normal = rng.standard_normal((root.shape[2], len(places)))
        effects = centre[:, :, None] + root @ normal  # (I, T, draws)
        known = np.zeros((*centre.shape, centre.shape[1]))
        flat, spread = predict(
            np.zeros_like(centre), known, own, y[rows], at.structure, at.shared, at.noise[rows], cells
        )
        both = np.concatenate([at.structure[cells], at.shared[cells]])
        pick = np.zeros((2 * len(cells), y.shape[1]))
        pick[np.arange(2 * len(cells)), np.tile(cells, 2)] = 1.0
        moved = np.matmul(pick[None] - np.matmul(both[None], own.inverse), effects)  # (I, 2 P, draws)
        shocks = np.matmul(safe_cholesky(spread), rng.standard_normal((len(rows), 2 * len(cells), len(places))))
        draws[places] = (flat[:, :, None] + moved + shocks).transpose(2, 0, 1)
    return draws


def _picked(
    model: PanelModel, posterior: Posterior, picked: Places, y: Floats, seen: Floats
) -> Iterator[tuple[Places, Marginal, Covariances]]:
    """Yield each node that was picked with the places of its draws and its fit."""
    for m in np.unique(picked):
        whole, _, at = model.marginal(posterior.nodes[m], y, seen)
        yield np.flatnonzero(picked == m), whole, at
