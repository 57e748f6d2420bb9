"""Greedy matching against pairs of MatchIt, a slow matcher written from the definition, and invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.benchmarks.matched.kernels.greedy_matching import Order, greedy_match

if TYPE_CHECKING:
    from pathlib import Path

SPECIFICATIONS = {  # authority: MatchIt 4.7.2 (R); caliper in standard deviations of the score
    "k1_caliper02": {"caliper": 0.2},
    "k3_caliper005": {"ratio": 3, "caliper": 0.05},
    "k1_exact_caliper02": {"caliper": 0.2, "exact": True},
    "k1_nocaliper": {},
    "k1_smallest_caliper02": {"caliper": 0.2, "order": "smallest"},
}


@pytest.mark.parametrize("specification", SPECIFICATIONS)
def test_pairs_equal_those_of_matchit_on_20000(data_dir: Path, specification):
    persons = pd.read_csv(data_dir / "person" / "matching_20000.csv.gz")
    golden = pd.read_csv(data_dir / "person" / "matching_20000_pairs_matchit472.csv.gz")
    golden = golden[golden["spec"] == specification]
    score = persons["score"].to_numpy()
    options = dict(SPECIFICATIONS[specification])
    if "caliper" in options:
        options["caliper"] *= score.std(ddof=1)
    if options.pop("exact", False):
        options["strata"] = persons["stratum"].to_numpy()
    pairs = greedy_match(score, persons["treat"].to_numpy() == 1, **options)
    ids = persons["id"].to_numpy()
    pairs_of_ids = set(zip(ids[pairs.treated].tolist(), ids[pairs.control].tolist(), pairs.round.tolist(), strict=True))
    assert pairs_of_ids == set(
        zip(golden["treated"].tolist(), golden["control"].tolist(), golden["k"].tolist(), strict=True)
    )


def triples(pairs):
    return set(zip(pairs.treated.tolist(), pairs.control.tolist(), pairs.round.tolist(), strict=True))


def brute_force(score, treated, *, ratio, replace, order, caliper, strata, ids):
    """The definition: controls sorted by (score, id), each treated person before the controls with its own score."""
    controls = sorted(np.flatnonzero(~treated), key=lambda j: (score[j], ids[j]))
    position = {j: number for number, j in enumerate(controls)}
    free = set(controls)

    def key(i, j):  # distance, below before above, then the nearest in the order
        below = score[j] < score[i]
        return (abs(score[i] - score[j]), not below, -position[j] if below else position[j])

    def candidates(i, pool):
        near = [j for j in pool if strata[j] == strata[i] and abs(score[i] - score[j]) <= caliper]
        return sorted(near, key=lambda j: key(i, j))

    persons = np.flatnonzero(treated).tolist()
    sort = {"largest": lambda i: (-score[i], ids[i]), "smallest": lambda i: (score[i], ids[i])}
    persons.sort(key=sort.get(order, lambda i: ids[i]))
    lines = []
    if replace:
        for i in persons:
            lines += [(i, j, k + 1) for k, j in enumerate(candidates(i, controls)[:ratio])]
    else:
        waiting = list(persons)
        for k in range(ratio):
            matched = []
            queue = list(waiting)
            while queue:
                if order == "closest":
                    offers = [(c[0], i) for i in queue if (c := candidates(i, free))]
                    if not offers:
                        break
                    j, i = min(offers, key=lambda offer: (abs(score[offer[0]] - score[offer[1]]), ids[offer[1]]))
                    queue.remove(i)
                else:
                    i = queue.pop(0)
                    nearest = candidates(i, free)
                    if not nearest:
                        continue
                    j = nearest[0]
                free.discard(j)
                matched.append(i)
                lines.append((i, j, k + 1))
            waiting = [i for i in waiting if i in matched]
    return {(int(i), int(j), k) for i, j, k in lines}


@st.composite
def problems(draw):
    n = draw(st.integers(2, 30))
    # A coarse grid of sixteenths makes ties and equal distances frequent, and sums exact.
    score = np.array(draw(st.lists(st.integers(0, 24), min_size=n, max_size=n))) / 16
    treated = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    return (
        score,
        treated,
        {
            "ratio": draw(st.integers(1, 3)),
            "replace": draw(st.booleans()),
            "order": draw(st.sampled_from(get_args(Order))),
            "caliper": draw(st.sampled_from([np.inf, 0.0625, 0.25])),
            "strata": np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))),
            "ids": np.array(draw(st.permutations(range(100, 100 + n)))),
        },
    )


@settings(max_examples=100, deadline=None)
@given(problems())
def test_equals_the_definition(problem):
    score, treated, options = problem
    pairs = greedy_match(score, treated, **options)
    assert triples(pairs) == brute_force(score, treated, **options)


@settings(max_examples=40, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_does_not_depend_on_the_order_of_rows(problem, random):
    score, treated, options = problem
    shuffle = np.array(random.sample(range(len(score)), len(score)))
    ids, strata = options.pop("ids"), options.pop("strata")
    before = greedy_match(score, treated, ids=ids, strata=strata, **options)
    after = greedy_match(score[shuffle], treated[shuffle], ids=ids[shuffle], strata=strata[shuffle], **options)
    assert np.array_equal(ids[before.treated], ids[shuffle][after.treated])
    assert np.array_equal(ids[before.control], ids[shuffle][after.control])
    assert np.array_equal(before.round, after.round)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_pairs_respect_caliper_and_strata_and_use_a_control_once(problem):
    score, treated, options = problem
    pairs = greedy_match(score, treated, **options)
    assert treated[pairs.treated].all()
    assert not treated[pairs.control].any()
    assert (np.abs(score[pairs.treated] - score[pairs.control]) <= options["caliper"]).all()
    assert (options["strata"][pairs.treated] == options["strata"][pairs.control]).all()
    if not options["replace"]:
        assert len(np.unique(pairs.control)) == len(pairs.control)
    lines = np.stack([pairs.treated, pairs.control])
    assert len(np.unique(lines, axis=1).T) == len(pairs.control)


def test_a_larger_problem_equals_the_definition():
    rng = np.random.default_rng(7)
    score, treated = rng.normal(size=200), rng.random(200) < 0.4
    options = {"ratio": 2, "replace": False, "caliper": 0.1, "strata": rng.integers(0, 3, 200), "ids": np.arange(200)}
    for order in get_args(Order):
        pairs = greedy_match(score, treated, order=order, **options)
        assert triples(pairs) == brute_force(score, treated, order=order, **options)


def test_without_treated_persons_or_controls_there_are_no_pairs():
    score = np.array([0.1, 0.2])
    for treated in (np.array([True, True]), np.array([False, False])):
        for order in get_args(Order):
            assert len(greedy_match(score, treated, order=order).treated) == 0
