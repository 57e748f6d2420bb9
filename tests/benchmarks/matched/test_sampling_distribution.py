"""Covariances of the controls' growth against loops over lines; bootstrap-t against the clustered standard error."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.matched.growth import Growth
from ssinfer.benchmarks.matched.lines import Lines
from ssinfer.benchmarks.matched.outcome import Outcome
from ssinfer.benchmarks.matched.sampling_distribution import (
    bootstrap_t,
    clustered,
    conditional,
    neighbour_residuals,
    two_way,
)


def comparison(shared, n_groups=2, n_periods=2, m=60, n_persons=40, seed=0):
    """Lines of a comparison; `shared`: controls serve several groups and sets, as with replacement."""
    rng = np.random.default_rng(seed)
    person = rng.integers(0, n_persons, m) if shared else np.arange(m)
    person = np.unique(person, return_inverse=True)[1]
    group = rng.integers(0, n_groups, m)
    weight = rng.uniform(0.5, 2.0, m)
    cluster = person if shared else group * 1000 + rng.integers(0, 12, m)
    lines = Lines(person, np.arange(person.max() + 1), group, weight, cluster, np.arange(n_groups))
    practice = rng.integers(0, 9, person.max() + 1)
    money = rng.gamma(0.5, 2000.0, (len(lines.rows), n_periods + 1)) + 300.0 * practice[:, None]
    years = rng.uniform(0.5, 1.0, money.shape)
    total = np.bincount(group, weights=weight, minlength=n_groups)
    sums = [
        np.array([(weight[:, None] * part[person])[group == g].sum(axis=0) for g in range(n_groups)])
        for part in (money, years)
    ]
    ratios = sums[0] / sums[1]
    deviation = (money[person] - ratios[group] * years[person]) / (sums[1] / total[:, None])[group]
    growth = Growth(ratios, deviation[:, 1:] - deviation[:, :1], total)
    return lines, growth, Outcome(money, years, np.zeros((n_groups, n_periods))), practice[person]


def slow(lines, growth, labels):
    """G/(G-1) times the sum over clusters of outer products, cluster by cluster."""
    G, P = lines.n_groups, growth.influence.shape[1]
    total = np.zeros((G * P, G * P))
    for label in set(labels.tolist()):
        s = np.zeros((G, P))
        for line in np.flatnonzero(labels == label):
            g = lines.group[line]
            s[g] += lines.weight[line] / growth.total[g] * growth.influence[line]
        total += np.outer(s.ravel(), s.ravel())
    count = len(set(labels.tolist()))
    return total * count / (count - 1)


@pytest.mark.parametrize("shared", [False, True])
def test_clustered_and_two_way_equal_the_loops(shared):
    lines, growth, _, practice = comparison(shared)
    for labels in (lines.cluster, practice):
        assert clustered(lines, growth, labels)[0] == pytest.approx(slow(lines, growth, labels))
    both = np.array([f"{a}/{b}" for a, b in zip(lines.cluster, practice, strict=True)])
    expected = slow(lines, growth, lines.cluster) + slow(lines, growth, practice) - slow(lines, growth, both)
    values, vectors = np.linalg.eigh(expected)
    expected = (vectors * np.maximum(values, 0)) @ vectors.T
    covariance, count = two_way(lines, growth, practice)
    assert covariance == pytest.approx(expected)
    assert count == 9
    assert np.linalg.eigvalsh(covariance).min() > -1e-9 * np.abs(covariance).max()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("n_groups", [1, 3])
def test_conditional_variance_sums_squares_of_weights_times_noise(shared, n_groups):
    lines, growth, _, _ = comparison(shared, n_groups=n_groups)
    score = np.random.default_rng(1).normal(size=len(lines.rows))
    P = growth.influence.shape[1]
    mean = np.array([growth.influence[lines.person == j].mean(axis=0) for j in range(len(lines.rows))])
    noise = neighbour_residuals(mean, score)
    expected = np.zeros((n_groups * P, n_groups * P))
    for j in range(len(lines.rows)):
        K = np.zeros(n_groups)
        for line in np.flatnonzero(lines.person == j):
            K[lines.group[line]] += lines.weight[line] / growth.total[lines.group[line]]
        v = np.outer(K, noise[j]).ravel()
        expected += np.outer(v, v)
    assert conditional(lines, growth, score) == pytest.approx(expected)


def test_bootstrap_t_errors_have_the_spread_of_the_clustered_standard_error():
    lines, growth, outcome, practice = comparison(shared=False, m=4_000, n_groups=2, n_periods=1)
    practice = np.random.default_rng(2).integers(0, 60, 4_000)
    draws = bootstrap_t(lines, outcome, growth, practice, 4_000, np.random.default_rng(3))
    assert draws.shape == (4_000, 2, 1)
    clusters = np.sqrt(np.diag(clustered(lines, growth, practice)[0]))
    # t with 59 clusters: the 5% and 95% quantiles lie at -1.67 and 1.67 standard errors, skewness apart.
    low, high = np.quantile(draws[:, :, 0], [0.05, 0.95], axis=0)
    assert (high - low) / 2 == pytest.approx(1.67 * clusters, rel=0.12)


@pytest.mark.parametrize("shape", [(80,), (80, 2)])
def test_residuals_of_neighbours_equal_the_definition_with_ties(shape):
    rng = np.random.default_rng(5)
    score = rng.integers(0, 30, 80) / 30  # a grid makes ties
    y = rng.normal(size=shape)
    residuals = neighbour_residuals(y, score)
    for i in range(80):
        others = np.delete(np.arange(80), i)
        distance = np.abs(score[others] - score[i])
        nearest = others[distance <= distance.min() + 1e-12]
        L = len(nearest)
        assert residuals[i] == pytest.approx(np.sqrt(L / (L + 1)) * (y[i] - y[nearest].mean(axis=0)))
