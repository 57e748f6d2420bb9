"""The exact posterior of a panel model: hyperparameters by importance sampling, everything else in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import leave_cells_out, predict
from ssinfer.benchmarks.hierarchical.kernels.node_predictions import predict_nodes
from ssinfer.benchmarks.hierarchical.model import REACH
from ssinfer.kernels.importance import Mixture, effective_size, fit_mixture, resample
from ssinfer.kernels.optimise import maximise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import Marginal
    from ssinfer.benchmarks.hierarchical.model import Covariances, PanelModel
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

TAIL = 0.7  # largest Pareto k of dependable importance weights (Vehtari et al. 2024, section 3.2)
ENOUGH = 400.0  # smallest effective sample size (Vehtari et al. 2021, section 4)


PILOT = 256  # nodes of the first pilot round, doubled in each; four times as many with more than `FEW` parameters
FEW = 5
GOOD = 0.6  # share of effective nodes at which a pilot is good enough; half of it with more than `FEW` parameters
PILOT_ROUNDS = 3  # at most; never less than two
SPARE = 2.0  # times the effective nodes needed: a placebo's own posterior lies beside the one proposed for
KEPT = {"shock": 0.15, "trend": 0.10}  # shares of the components without shock and without trend in every proposal
NOTHING = -1.5  # their centre in x: the quantile of a deviation's prior at 7%
COMPONENTS = 4  # of the mixture that is fitted to the pilot nodes
MORE = (2, 4, 8)  # times the nodes in further rounds, for as long as the weights are not dependable


@dataclass(frozen=True, eq=False)
class Proposal:
    """Nodes of the parameters (M, d) with the log density that they were drawn from, and what every proposal keeps."""

    nodes: Floats
    log_density: Floats
    kept: Mixture | None = None


@dataclass(frozen=True, eq=False)
class Posterior:
    """Weighted nodes: x (M, d), weights (M,) that sum to one, and how dependable they are."""

    nodes: Floats
    weights: Floats
    pareto_k: float
    effective: float
    log_target: Floats | None = None  # log posterior density (M,), where it was kept

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
    """Lay nodes under the posterior given the cells `seen`: a Student-t at the mode, then mixtures fitted to pilots.

    Each round of pilots has twice as many nodes as the last, and all rounds count together: fitted to the last round of
    1,024 alone, a mixture missed the tail of a curved posterior, which 5 of 8,192 nodes then stood for.

    There are `count` nodes, or twice, four or eight times as many: so that, with the share of effective nodes that the
    last pilot had, `SPARE` times as many are effective as are needed.
    """
    mode, root = model.mode(y, seen)
    kept = corners(model, mode, root, y, seen)
    mixture = with_kept(Mixture(np.ones(1), mode[None], root[None]), kept)
    size, enough = (PILOT, GOOD) if model.size <= FEW else (4 * PILOT, GOOD / 2)
    mixtures: list[Mixture] = []
    nodes, log_target = np.empty((0, model.size)), np.empty(0)
    for number in range(PILOT_ROUNDS):
        mixtures.append(mixture)
        latest = under(mixture, size * 2**number, kept)
        target = log_targets(model, latest.nodes, y, seen)
        share = effective_size(_plain_weights(target, latest)) / len(target)
        nodes, log_target = np.concatenate([nodes, latest.nodes]), np.concatenate([log_target, target])
        pilots = Proposal(nodes, pooled_density(mixtures, nodes), kept)
        mixture = fitted(pilots, log_target)
        if number and share > enough:
            break
    multiples = (1, *MORE)
    times = next((more for more in multiples if more * count * share >= SPARE * ENOUGH), multiples[-1])
    return under(mixture, times * count, kept)


def pooled_density(mixtures: list[Mixture], nodes: Floats) -> Floats:
    """Return the log density (M,) of nodes of several rounds, each twice as many as the last, taken as one sample.

    Each node counts as drawn from the mixture of all rounds, in proportion to their sizes: a tail that one round
    missed is weighed by the round that saw it (Owen & Zhou 2000, doi 10.1080/01621459.2000.10473909; Cornuet et al.
    2012, doi 10.1111/j.1467-9469.2011.00756.x).
    """
    shares = 2.0 ** np.arange(len(mixtures))
    shares /= shares.sum()
    return np.asarray(logsumexp([mixture.log_density(nodes) for mixture in mixtures], axis=0, b=shares[:, None]))


def _plain_weights(log_target: Floats, proposal: Proposal) -> Floats:
    ratio = log_target - proposal.log_density
    return np.asarray(np.exp(ratio - ratio.max()))


def fitted(proposal: Proposal, log_target: Floats) -> Mixture:
    """Return a mixture of Student-t distributions fitted to the weighted nodes, with what every proposal keeps."""
    return with_kept(fit_mixture(proposal.nodes, _plain_weights(log_target, proposal), COMPONENTS), proposal.kept)


def with_kept(mixture: Mixture, kept: Mixture | None) -> Mixture:
    """Return the mixture with the components that every proposal keeps."""
    if kept is None:
        return mixture
    total = float(kept.shares.sum())
    return mixture.joined(Mixture(kept.shares / total, kept.centres, kept.roots), total)


def adapt(proposal: Proposal, log_target: Floats, count: int) -> Proposal:
    """Return `count` nodes under the mixture fitted to the weighted nodes of a proposal."""
    return under(fitted(proposal, log_target), count, proposal.kept)


def under(mixture: Mixture, count: int, kept: Mixture | None) -> Proposal:
    """Return `count` nodes under a mixture."""
    nodes = mixture.nodes(count)
    return Proposal(nodes, mixture.log_density(nodes), kept)


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
        centre[names.index("shock")] = NOTHING
        found["shock"] = centre, _freed(root @ root.T, free)
    if "trend" in names:
        free = np.array([name == "trend" for name in names])
        found["trend"] = _held(model, mode, names.index("trend"), y, seen), _freed(root @ root.T, free)
    if not found:
        return None
    shares = np.array([KEPT[name] for name in found])
    centres, covariances = (np.array(each) for each in zip(*found.values(), strict=True))
    return Mixture(shares, centres, np.linalg.cholesky(covariances))


def _freed(covariance: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the covariance with the free coordinates independent, of variance 1."""
    out = np.where(np.outer(free, free) | np.outer(free, ~free) | np.outer(~free, free), 0.0, covariance)
    out[free, free] = 1.0
    return np.asarray(out)


def _held(model: PanelModel, mode: Floats, place: int, y: Floats, seen: Floats) -> Floats:
    """Return the mode with the coordinate at `place` held at `NOTHING`; with several loadings only that is moved."""
    out = mode.copy()
    out[place] = NOTHING
    if model.loadings.shape[1] > 1:  # no gradient: a search would cost as much as the fit
        return out
    rest = np.arange(model.size) != place

    def slope(z: Floats) -> tuple[float, Floats]:
        value, gradient = model.log_posterior_slope(np.insert(z, place, NOTHING), y, seen)
        return value, gradient[rest]

    out[rest] = np.round(maximise(lambda z: slope(z)[0], mode[rest], REACH, slope, tolerance=1e-6), 2)
    return out


def weigh(log_target: Floats, proposal: Proposal) -> Posterior:
    """Return Pareto-smoothed weights of the nodes (Vehtari et al. 2024, https://www.jmlr.org/papers/v25/19-556.html)."""
    from arviz_stats.base.array import array_stats  # noqa: PLC0415  (heavy)

    ratio = log_target - proposal.log_density
    finite = np.isfinite(ratio)
    if not finite.any():
        return Posterior(proposal.nodes, np.full(len(ratio), 1 / len(ratio)), np.inf, 0.0)
    # psislw takes log likelihoods, of which leave-one-out weights are the negatives
    smooth, tail = array_stats.psislw(  # type: ignore[no-untyped-call]
        -np.where(finite, ratio, ratio[finite].min() - 700.0)
    )
    weights = np.exp(smooth - smooth.max())
    weights /= weights.sum()
    return Posterior(proposal.nodes, weights, float(tail), effective_size(weights), log_target)


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
    nodes : of which `MORE` are multiples

    Returns
    -------
    posterior : Posterior
    mean, covariance : (M, 2 P), (M, 2 P, 2 P)
        Predictions at its nodes.
    """
    posterior = weigh(found.log_target[:, place], proposal)
    for more in MORE:
        if not posterior.failures:
            break
        proposal = adapt(proposal, found.log_target[:, place], more * nodes)
        found, place = predict_placebos(model, proposal.nodes, *data), 0
        posterior = weigh(found.log_target[:, 0], proposal)
    return posterior, found.mean[:, place], found.covariance[:, place]


def settle(model: PanelModel, proposal: Proposal, y: Floats, seen: Floats, nodes: int) -> Posterior:
    """Weigh the nodes given the cells `seen`; more nodes, nearer to the posterior, where the weights need them."""
    log_target = log_targets(model, proposal.nodes, y, seen)
    posterior = weigh(log_target, proposal)
    for more in MORE:
        if not posterior.failures:
            break
        proposal = adapt(proposal, log_target, more * nodes)
        log_target = log_targets(model, proposal.nodes, y, seen)
        posterior = weigh(log_target, proposal)
    return posterior


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


def choose(posterior: Posterior, count: int, rng: np.random.Generator) -> Places:
    """Draw node numbers by weight."""
    return resample(posterior.weights, count, rng)
