"""Adaptive importance sampling of a few parameters: pilot rounds, a mixture proposal, Pareto-smoothed weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from ssinfer.kernels.importance import Mixture, effective_size, fit_student_mixture
from ssinfer.typing import Floats

LogTarget = Callable[[Floats], Floats]  # nodes (M, d) to their log density (M,), up to a constant

MAX_PARETO_K = 0.7  # of reliable importance weights (Vehtari et al. 2024, section 3.2)
MIN_ESS = 400.0  # effective sample size (Vehtari et al. 2021, section 4)

PILOT_NODES = 256  # of the first pilot round, doubled in each; four times as many above `FEW_PARAMETERS`
FEW_PARAMETERS = 5
ENOUGH_EFFECTIVE = 0.6  # share of effective nodes at which pilots end; half of it above `FEW_PARAMETERS`
MAX_PILOT_ROUNDS = 3  # at least two are run
ESS_MARGIN = 2.0  # times the effective nodes needed: a placebo's posterior differs from the one proposed for
COMPONENTS = 4  # of the mixture that is fitted to the pilot nodes
FIRST_SHARE = 0.15  # of the first mixture in that of every later round
MIN_EFFECTIVE = 5  # nodes per parameter to which a mixture is fitted; a target with fewer is flattened
MAX_FLATTENINGS = 22
MULTIPLES = (2, 4, 8)  # times the nodes in further rounds, until the weights are reliable


@dataclass(frozen=True, eq=False)
class Proposal:
    """Nodes (M, d), the log density (M,) that they were drawn from, and the components that every proposal keeps."""

    nodes: Floats
    log_density: Floats
    defensive: Mixture | None = None


@dataclass(frozen=True, eq=False)
class Posterior:
    """Nodes (M, d), weights (M,) with sum one, log densities (M,); Pareto k and effective size of the weights."""

    nodes: Floats
    weights: Floats
    pareto_k: float
    effective: float
    log_target: Floats | None = None

    @property
    def failures(self) -> tuple[str, ...]:
        """Names of the failed diagnostics, with their limits."""
        out = []
        if not self.pareto_k <= MAX_PARETO_K:
            out.append(f"Pareto k of the importance weights is {self.pareto_k:.2f}, above {MAX_PARETO_K}")
        if not self.effective >= MIN_ESS:
            out.append(f"effective sample size of the importance weights is {self.effective:.0f}, below {MIN_ESS:.0f}")
        return tuple(out)


def build_proposal(log_target: LogTarget, start: Mixture, defensive: Mixture | None, count: int) -> Proposal:
    """Draw nodes for a target: from `start` first, then from mixtures fitted to all pilot rounds so far.

    At least `count` nodes are drawn; 2, 4 or 8 times as many if `ESS_MARGIN` x `MIN_ESS` effective nodes need them.
    """
    size = start.centres.shape[1]
    mixture = with_defensive_components(start, defensive)
    few = size <= FEW_PARAMETERS
    pilot_nodes, enough = (PILOT_NODES, ENOUGH_EFFECTIVE) if few else (4 * PILOT_NODES, ENOUGH_EFFECTIVE / 2)
    mixtures: list[Mixture] = []
    nodes, values = np.empty((0, size)), np.empty(0)
    for number in range(MAX_PILOT_ROUNDS):
        mixtures.append(mixture)
        latest = draw_nodes(mixture, pilot_nodes * 2**number, defensive)
        target = log_target(latest.nodes)
        share = effective_size(_plain_weights(target, latest)) / len(target)
        nodes, values = np.concatenate([nodes, latest.nodes]), np.concatenate([values, target])
        # all rounds: a mixture fitted to the last alone missed a tail, and 5 of 8,192 nodes carried all the weight
        pilots = Proposal(nodes, pooled_density(mixtures, nodes, [2**i for i in range(len(mixtures))]), defensive)
        mixture = fit_proposal(pilots, values)
        if number and share > enough:
            break
    multiples = (1, *MULTIPLES)
    times = next((more for more in multiples if more * count * share >= ESS_MARGIN * MIN_ESS), multiples[-1])
    return draw_nodes(mixture, times * count, defensive)


def weight_until_reliable(log_target: LogTarget, proposal: Proposal, count: int) -> Posterior:
    """Weight the nodes of a proposal; while the weights are not reliable, draw `MULTIPLES` of `count`, nearer to it."""
    values = log_target(proposal.nodes)
    posterior = pareto_smoothed_weights(values, proposal)
    for more in MULTIPLES:
        if not posterior.failures:
            break
        proposal = adapt(proposal, values, more * count)
        values = log_target(proposal.nodes)
        posterior = pareto_smoothed_weights(values, proposal)
    return posterior


@dataclass(frozen=True, eq=False)
class Rounds:
    """Nodes of several rounds that all count, each from a mixture fitted to the nodes before it."""

    mixtures: tuple[Mixture, ...]  # of the rounds; the first also stands in all later ones
    counts: tuple[int, ...]  # of nodes
    proposal: Proposal  # all nodes, with the density of the rounds taken together
    log_target: Floats  # (M,)

    @classmethod
    def of(cls, log_target: LogTarget, start: Mixture) -> "Rounds":
        """Return the first round."""
        proposal = draw_nodes(start, PILOT_NODES, None)
        return cls((start,), (PILOT_NODES,), proposal, log_target(proposal.nodes))

    def another(self, log_target: LogTarget) -> "Rounds":
        """Return the rounds with one more; the second has as many nodes as the first, later ones twice as many."""
        first, done = self.mixtures[0], len(self.log_target)
        defensive = replace(first, shares=FIRST_SHARE * first.shares)
        mixture = fit_proposal(replace(self.proposal, defensive=defensive), self._tempered())
        count = PILOT_NODES if done == PILOT_NODES else 2 * PILOT_NODES
        latest = mixture.nodes(count, done)
        nodes = np.concatenate([self.proposal.nodes, latest])
        mixtures, counts = (*self.mixtures, mixture), (*self.counts, count)
        proposal = Proposal(nodes, pooled_density(mixtures, nodes, counts))
        return Rounds(mixtures, counts, proposal, np.append(self.log_target, log_target(latest)))

    def _tempered(self) -> Floats:
        """Return the log target, flattened until the nodes have five effective ones per parameter."""
        density, size = self.proposal.log_density, self.proposal.nodes.shape[1]
        powers = 0.9 ** np.arange(MAX_FLATTENINGS)
        targets = (density + power * (self.log_target - density) for power in powers)
        enough = (x for x in targets if effective_size(_plain_weights(x, self.proposal)) >= MIN_EFFECTIVE * size)
        return next(enough, density + powers[-1] * (self.log_target - density))

    def until(self, enough: Callable[["Rounds"], bool], log_target: LogTarget, count: int) -> "Rounds":
        """Return rounds with at least `count` nodes, and more until they are `enough`, at most eight times as many."""
        rounds = self
        while len(rounds.log_target) < count or not (len(rounds.log_target) >= MULTIPLES[-1] * count or enough(rounds)):
            rounds = rounds.another(log_target)
        return rounds

    def posterior(self) -> Posterior:
        """Return the nodes with Pareto-smoothed weights."""
        return pareto_smoothed_weights(self.log_target, self.proposal)

    def reliable(self) -> bool:
        """Return whether the weights are reliable."""
        return not self.posterior().failures


def pooled_density(mixtures: Sequence[Mixture], nodes: Floats, counts: Sequence[int]) -> Floats:
    """Return the log density (M,) of nodes of several rounds taken as one sample, by the `counts` of their nodes.

    Owen & Zhou 2000, doi 10.1080/01621459.2000.10473909; Cornuet et al. 2012, doi 10.1111/j.1467-9469.2011.00756.x.
    """
    shares = np.array(counts) / sum(counts)
    return np.asarray(logsumexp([mixture.log_density(nodes) for mixture in mixtures], axis=0, b=shares[:, None]))


def _plain_weights(log_target: Floats, proposal: Proposal) -> Floats:
    ratio = log_target - proposal.log_density
    return np.asarray(np.exp(ratio - ratio.max()))


def fit_proposal(proposal: Proposal, log_target: Floats) -> Mixture:
    """Return a mixture of Student-t distributions fitted to the weighted nodes, with the defensive components."""
    weights = _plain_weights(log_target, proposal)
    return with_defensive_components(fit_student_mixture(proposal.nodes, weights, COMPONENTS), proposal.defensive)


def with_defensive_components(mixture: Mixture, defensive: Mixture | None) -> Mixture:
    """Return the mixture with the components that every proposal keeps."""
    if defensive is None:
        return mixture
    total = float(defensive.shares.sum())
    return Mixture(
        np.concatenate([(1 - total) * mixture.shares, total * (defensive.shares / total)]),
        np.concatenate([mixture.centres, defensive.centres]),
        np.concatenate([mixture.roots, defensive.roots]),
    )


def adapt(proposal: Proposal, log_target: Floats, count: int) -> Proposal:
    """Return `count` nodes drawn from the mixture fitted to the weighted nodes of a proposal."""
    return draw_nodes(fit_proposal(proposal, log_target), count, proposal.defensive)


def draw_nodes(mixture: Mixture, count: int, defensive: Mixture | None) -> Proposal:
    """Return `count` nodes drawn from a mixture."""
    nodes = mixture.nodes(count)
    return Proposal(nodes, mixture.log_density(nodes), defensive)


def pareto_smoothed_weights(log_target: Floats, proposal: Proposal) -> Posterior:
    """Return Pareto-smoothed weights of the nodes (Vehtari et al. 2024, https://www.jmlr.org/papers/v25/19-556.html)."""
    from arviz_stats.base.array import array_stats  # noqa: PLC0415  (heavy; its functions of arrays, no labels)

    ratio = log_target - proposal.log_density
    finite = np.isfinite(ratio)
    if not finite.any():
        return Posterior(proposal.nodes, np.full(len(ratio), 1 / len(ratio)), np.inf, 0.0)
    # psislw takes log likelihoods, of which leave-one-out weights are the negatives
    log_likelihoods = -np.where(finite, ratio, ratio[finite].min() - 700.0)
    smooth, tail = array_stats.psislw(log_likelihoods)  # type: ignore[no-untyped-call]
    weights = np.exp(smooth - smooth.max())
    weights /= weights.sum()
    return Posterior(proposal.nodes, weights, float(tail), effective_size(weights), log_target)
