"""Moments of the bootstrap against closed forms, and its independence of threads."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.matched.kernels.person_bootstrap import bootstrap_ratios, pool_small_blocks


def lines(n=600, seed=0):
    rng = np.random.default_rng(seed)
    money = rng.lognormal(size=(n, 2))
    return np.arange(n), np.arange(n) % 3, np.ones(n), money, np.ones((n, 2)), np.repeat(np.arange(n // 30), 30)


def test_mean_and_variance_equal_those_of_a_stratified_mean():
    person, group, weight, money, years, block = lines()
    group = np.zeros_like(group)
    draws = bootstrap_ratios(person, group, weight, money, years, block, 1, 20_000, np.random.default_rng(1))[:, 0]
    # Analytic: stratified mean, unbiased variance within each practice of 30.
    within = np.array([money[block == b].var(axis=0, ddof=1) / 30 for b in range(20)]).mean(axis=0) / 20
    assert draws.mean(axis=0) == pytest.approx(money.mean(axis=0), abs=5 * np.sqrt(within.max() / 20_000))
    assert draws.std(axis=0) == pytest.approx(np.sqrt(within), rel=0.03)  # 20,000 draws: 0.5% each, six of them


def test_groups_share_a_persons_weight():
    person = np.array([0, 1, 0, 1])
    group = np.array([0, 0, 1, 1])
    weight = np.ones(4)
    money, block = np.array([[1.0], [5.0]]), np.zeros(2, dtype=np.int64)
    out = bootstrap_ratios(person, group, weight, money, np.ones((2, 1)), block, 2, 50, np.random.default_rng(2))
    assert out[:, 0] == pytest.approx(out[:, 1])


def test_a_group_without_insured_years_gives_nan():
    years = np.array([[1.0, 0.0], [1.0, 0.0]])
    block = np.zeros(2, dtype=np.int64)
    codes = np.arange(2)
    out = bootstrap_ratios(
        codes, np.zeros(2, np.int64), np.ones(2), years, years, block, 1, 3, np.random.default_rng(0)
    )
    assert np.isnan(out[:, 0, 1]).all()
    assert out[:, 0, 0] == pytest.approx(1.0)


def slow_ratios(person, group, weight, money, years, block, n_groups, n_draws, rng):
    """The definition, person by person and line by line, with the random numbers of the same eight streams."""
    out = []
    size = np.bincount(block)
    for number, child in enumerate(rng.spawn(8)):
        n = n_draws // 8 + (number < n_draws % 8)
        e = np.empty((len(block), n))
        for b in range(len(size)):
            rows = np.flatnonzero(block == b)
            E = np.array([[child.standard_exponential() for _ in range(n)] for _ in rows])
            e[rows] = 1 + np.sqrt((size[b] + 1) / (size[b] - 1)) * (E / E.mean(axis=0) - 1)
        for draw in range(n):
            w = weight * e[person, draw]
            sums = [
                np.array([(w[:, None] * part[person])[group == g].sum(axis=0) for g in range(n_groups)])
                for part in (money, years)
            ]
            out.append(sums[0] / sums[1])
    return np.array(out)


def test_equals_the_definition_with_shared_persons_and_unsorted_blocks():
    rng = np.random.default_rng(8)
    n, m = 90, 200
    block = rng.permutation(np.arange(n) % 7)
    arguments = (
        rng.integers(0, n, m),
        rng.integers(0, 3, m),
        rng.uniform(0.5, 2, m),
        rng.lognormal(size=(n, 2)),
        rng.uniform(0.2, 1, (n, 2)),
        block,
        3,
        41,
    )
    fast = bootstrap_ratios(*arguments, np.random.default_rng(4))
    assert fast == pytest.approx(slow_ratios(*arguments, np.random.default_rng(4)))
    lines = rng.permutation(m)
    shuffled = (*(part[lines] for part in arguments[:3]), *arguments[3:])
    assert bootstrap_ratios(*shuffled, np.random.default_rng(4)) == pytest.approx(fast)


def test_threads_do_not_change_the_draws():
    single, several = (bootstrap_ratios(*lines(), 3, 41, np.random.default_rng(5), n_threads=n) for n in (1, 4))
    assert single.shape == (41, 3, 2)
    assert np.array_equal(single, several)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]),
        ([0, 0, 0, 1, 2], [0, 0, 0, 1, 1]),
        ([0, 0, 0, 1], [0, 0, 0, 0]),
        ([0, 1, 1, 1, 2, 2], [1, 0, 0, 0, 1, 1]),
        ([5, 6, 7], [0, 0, 0]),
    ],
)
def test_small_practices_are_pooled(codes, expected):
    smallest = 3 if codes.count(1) == 3 or codes == [5, 6, 7] else 2
    assert pool_small_blocks(np.array(codes), smallest).tolist() == expected
