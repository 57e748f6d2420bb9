"""Authority: the definition of each part. The posteriors themselves are tested in tests/evidence."""

from __future__ import annotations

import numpy as np

from ssinfer.kernels.adaptive_importance import Rounds, pooled_density
from ssinfer.kernels.importance import Mixture


def test_pilot_rounds_count_by_their_size():
    mixtures = [Mixture(np.ones(1), np.full((1, 2), centre), np.eye(2)[None]) for centre in (0.0, 1.0, -2.0)]
    nodes = np.random.default_rng(3).normal(size=(6, 2))
    first, second, third = (np.exp(mixture.log_density(nodes)) for mixture in mixtures)
    np.testing.assert_allclose(np.exp(pooled_density(mixtures, nodes, (1, 2, 4))), (first + 2 * second + 4 * third) / 7)


def test_rounds_find_moments_that_the_first_mixture_misses():
    """Authority: moments of the target, a normal distribution with mean 2 and SD 0.3 in four dimensions."""

    def log_target(x):
        return -0.5 * (((x - 2.0) / 0.3) ** 2).sum(axis=1)

    start = Mixture(np.ones(1), np.zeros((1, 4)), np.eye(4)[None])
    rounds = Rounds.of(log_target, start).until(Rounds.reliable, log_target, 1024)
    posterior = rounds.posterior()
    assert not posterior.failures
    assert sum(rounds.counts) == len(posterior.nodes) == len(np.unique(posterior.nodes, axis=0))
    mean = posterior.weights @ posterior.nodes
    error = 0.3 / np.sqrt(posterior.effective)
    np.testing.assert_allclose(mean, 2.0, atol=4 * error)
    np.testing.assert_allclose(
        posterior.weights @ (posterior.nodes - mean) ** 2, 0.09, rtol=8 / np.sqrt(posterior.effective)
    )
    # all rounds count: the weights are those of the mixture of the rounds by their numbers of nodes
    density = pooled_density(rounds.mixtures, rounds.proposal.nodes, rounds.counts)
    np.testing.assert_array_equal(rounds.proposal.log_density, density)


def test_rounds_end_where_nothing_is_reliable():
    target = Mixture(np.ones(1), np.full((1, 4), 40.0), 1e-3 * np.eye(4)[None])
    start = Mixture(np.ones(1), np.zeros((1, 4)), np.eye(4)[None])
    rounds = Rounds.of(target.log_density, start).until(lambda _: False, target.log_density, 512)
    assert len(rounds.log_target) == 8 * 512
