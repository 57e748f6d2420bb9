"""Pseudo-practices: sizes, practices that stay together, and the wider spread of intact groups with practice shocks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ssinfer.backtesting.intact_groups import placebo_savings
from ssinfer.claims import intact_group_ratio, pseudo_practices
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import CohortError


def cohort(shock=0.0, n_units=120, size=100, seed=1):
    rng = np.random.default_rng(seed)
    unit = np.repeat([f"gp{i:03d}" for i in range(n_units)], size)
    n = len(unit)
    level = rng.gamma(1.0, 2000.0, (n, 1))
    effect = np.repeat(1 + shock * rng.standard_normal((n_units, 2)), size, axis=0)
    spending = level * rng.gamma(2.0, 0.5, (n, 2)) * effect
    return Cohort(np.arange(n), unit, (2018, 2019), spending, np.ones((n, 2)))


def test_bundles_keep_practices_together_and_are_near_the_size():
    made = cohort()
    bundles = pseudo_practices(made, "bundles", size=500, exclude=["gp000"], seed=1)
    original = dict(zip(made.person, made.unit, strict=True))
    assert "gp000" not in {original[person] for person in bundles.person}
    bundle_of = {}
    for person, bundle in zip(bundles.person, bundles.unit, strict=True):
        assert bundle_of.setdefault(original[person], bundle) == bundle
    sizes = np.bincount(bundles.unit_rows())
    assert set(sizes) == {500}
    assert len(sizes) == 23
    again = pseudo_practices(made, "bundles", size=500, exclude=["gp000"], seed=1)
    assert again.fingerprint() == bundles.fingerprint()


def test_random_groups_have_the_size_and_mix_practices():
    groups = pseudo_practices(cohort(), "random", size=700, seed=1)
    assert set(np.bincount(groups.unit_rows())) == {700}
    assert pseudo_practices(cohort(), "intact").units == cohort().units


def test_ratio_is_one_without_practice_shocks_and_larger_with_them():
    options = {"size": 300, "windows": [([2018], [2019])], "repeats": 20, "seed": 1}
    none = intact_group_ratio(cohort(), **options).set_index("kind")
    assert list(none.index) == ["practices", "random, as practices", "bundles", "random"]
    for kind in ("practices", "bundles"):
        assert none.loc[kind, "ratio"] == pytest.approx(1.0, abs=3 * none.loc[kind, "ratio_se"])
    some = intact_group_ratio(cohort(shock=0.2), **options).set_index("kind")
    # A bundle of m practices has the SD of random groups, plus sqrt(2) 0.2 / sqrt(m) of shocks.
    for kind, random, practices in (("practices", "random, as practices", 1), ("bundles", "random", 3)):
        first, second = some.loc[kind], some.loc[random]
        expected = np.sqrt(1 + (np.sqrt(2 / practices) * 0.2 / second["sd"]) ** 2)
        assert first["ratio"] == pytest.approx(expected, rel=0.2)
        assert first["ratio"] > 1 + 2 * first["ratio_se"] - 1e-9
        assert first["threshold"] == pytest.approx(1.645 * first["sd"], rel=1e-3)
    assert some.loc["practices", "insured"] == 100
    assert some.loc["bundles", "insured"] == 300


def test_placebo_savings_are_the_administrative_benchmark_by_hand():
    # Groups grow by 10% and 30%, all together by 20% (equal sizes and spending): savings 1 - 1.1/1.2, 1 - 1.3/1.2.
    sums = np.array([[[[100.0, 1.0], [110.0, 1.0]]], [[[100.0, 1.0], [130.0, 1.0]]]])
    rates = placebo_savings(np.array([0, 1]), sums)
    assert rates[:, 0] == pytest.approx([1 - 1.1 / 1.2, 1 - 1.3 / 1.2])


def test_regional_bundles_stay_in_their_region_and_kept_units_as_they_are():
    made = cohort()
    region = np.where(made.unit_rows() % 2 == 0, "east", "west")
    made = dataclasses.replace(made, region=region)
    groups = pseudo_practices(made, "regional bundles", size=400, keep=["gp003"], exclude=["gp005"], seed=1)
    assert groups.units[0] == "gp003"
    assert (groups.unit == "gp003").sum() == 100
    original = dict(zip(made.person, made.unit, strict=True))
    assert "gp005" not in {original[person] for person in groups.person}
    for unit in groups.units[1:]:
        assert set(groups.region[groups.unit == unit]) == {unit.split(",")[0]}
        assert (groups.unit == unit).sum() == 400
    with pytest.raises(CohortError, match="need the persons' region"):
        pseudo_practices(cohort(), "regional bundles", size=400, seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: pseudo_practices(c, "mixed", size=3), "allowed: 'intact'"),
        (lambda c: pseudo_practices(c, "bundles"), "Bundles and random groups need a size"),
        (lambda c: pseudo_practices(c, "random", size=0), "size is 0; allowed: .*at least 1"),
        (lambda c: pseudo_practices(c, "random", size=9000), "Choose a smaller size"),
        (lambda c: pseudo_practices(c, "intact", exclude=["zz"]), "exclude: the cohort has no unit 'zz'"),
        (lambda c: pseudo_practices(c, "intact", keep=["zz"]), "keep: the cohort has no unit 'zz'"),
        (lambda c: pseudo_practices(c, "intact", keep=c.units), "No person is left"),
        (
            lambda c: intact_group_ratio(c, size=3000, windows=[([2018], [2019])], repeats=2, seed=1),
            "Only 4 groups",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(CohortError, match=message):
        call(cohort())
