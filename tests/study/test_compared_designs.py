"""Main effects, dominance and paired differences of designs, against numbers that are made."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ssinfer.contracts.contract import load_contract
from ssinfer.study.compared_designs import _dominators, _effects, difference
from ssinfer.study.pair_outcome import PairOutcome
from ssinfer.study.payment_rule import PaymentRule

BLOCKS = ("population", "spending", "comparison", "threshold", "sharing")


def pair_of(names, drawn, *, equal_to="", sensitivity=False, windows="", **columns):
    """Return an outcome with given means; `drawn` (K,) is added to them in each replicate."""
    names = dict.fromkeys(BLOCKS, "") | names
    design = SimpleNamespace(name=str(names), names=names, sensitivity=sensitivity, equal_to=equal_to, windows=windows)
    rows = pd.DataFrame({"unit": list("abcdef"), "origin": 2017, "block": range(6)})
    table = pd.DataFrame({name: np.full(6, value) for name, value in columns.items()})
    means = pd.DataFrame({name: value + drawn for name, value in columns.items()})
    return PairOutcome(design, "m", rows, table, means)


def money(population, spending, *, interaction=0.0):
    """A threshold that is a sum of effects: 10 and -10 of populations, 5, 0 and -5 of spendings, around 100."""
    together = interaction if (population, spending) == ("old", "all") else 0.0
    return (
        100.0 + {"all": 10.0, "old": -10.0}[population] + {"all": 5.0, "basket": 0.0, "cut": -5.0}[spending] + together
    )


def pairs_of(skip=(), seed=1, **options):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(500)
    return [
        pair_of(
            {"population": population, "spending": spending},
            common + 0.1 * rng.standard_normal(500),
            threshold_money=money(population, spending, **options),
            deviation_money=-1.0,
        )
        for population, spending in product(("all", "old"), ("all", "basket", "cut"))
        if (population, spending) not in skip
    ]


@pytest.mark.parametrize("skip", [(), (("old", "all"),), (("old", "all"), ("all", "cut"))])
def test_main_effects_are_those_of_the_sum_also_in_a_grid_with_gaps(skip):
    table = pd.DataFrame(_effects(pairs_of(skip))).query("measure == 'threshold_money' and other_block == ''")
    found = table.set_index(["block", "entry"])["effect"]
    wanted = {("population", "all"): 10, ("population", "old"): -10}
    wanted |= {("spending", name): value for name, value in (("all", 5), ("basket", 0), ("cut", -5))}
    assert found.to_dict() == pytest.approx(wanted)
    errors = table.set_index(["block", "entry"])["effect_se"]
    # The noise that all designs share is in no difference; the rest is 0.1 over the root of a few designs.
    assert (errors < 0.15).all()
    assert (errors > 0.02).all()


def test_effects_of_a_full_grid_are_differences_of_means():
    pairs = pairs_of(interaction=30.0)
    rows = pd.DataFrame(_effects(pairs)).query("measure == 'threshold_money'")
    values = pd.Series([pair.mean("threshold_money") for pair in pairs])
    old = pd.Series([pair.design.names["population"] == "old" for pair in pairs])
    main = rows.query("other_block == '' and entry == 'old'")["effect"].item()
    assert main == pytest.approx(values[old].mean() - values.mean())
    crossed = rows.query("other_block != ''").set_index(["entry", "other_entry"])["effect"]
    assert crossed["old", "all"] == pytest.approx(30 - 30 / 2 - 30 / 3 + 30 / 6)  # cell less row, column, and centre
    assert crossed.groupby(level=0).sum().tolist() == pytest.approx([0, 0], abs=1e-9)


def test_effects_that_cannot_be_told_apart_are_not_given_and_equal_designs_count_once():
    both = [pairs_of()[0], pairs_of()[5]]  # population and spending change together
    assert pd.DataFrame(_effects(both))["effect"].isna().all()
    pairs = pairs_of()
    twice = pair_of(pairs[0].design.names, np.zeros(500), equal_to="x", threshold_money=1e6, deviation_money=0.0)
    pd.testing.assert_frame_equal(pd.DataFrame(_effects([*pairs, twice])), pd.DataFrame(_effects(pairs)))
    absent = pair_of(
        {"population": "all", "spending": "all"}, np.zeros(500), threshold_money=np.nan, deviation_money=np.nan
    )
    pd.testing.assert_frame_equal(pd.DataFrame(_effects([*pairs, absent])), pd.DataFrame(_effects(pairs)))
    assert _effects([]) == []


def test_windows_of_designs_are_a_block_of_their_own():
    """Two windows that differ by 8, crossed with two populations that differ by 20."""
    pairs = [
        pair_of(
            {"population": population},
            np.zeros(500),
            windows=windows,
            threshold_money=money(population, "all") + 8 * (windows == "long"),
            deviation_money=0.0,
        )
        for population, windows in product(("all", "old"), ("short", "long"))
    ]
    table = pd.DataFrame(_effects(pairs)).query("measure == 'threshold_money'").set_index(["block", "entry"])
    found = table["effect"].to_dict()
    assert found["windows", "long"] - found["windows", "short"] == pytest.approx(8.0)
    assert found["population", "all"] == pytest.approx(10.0)


def test_sizes_of_deviations_are_compared():
    one, other = (pair_of({}, np.zeros(500), deviation_money=value) for value in (-5.0, 2.0))
    assert difference(one, other, "deviation_size", "deviation_money")["deviation_size_difference"] == 3.0
    assert difference(one, other, "deviation", "deviation_money")["deviation_difference"] == -7.0


def four(threshold, deviation, share, wrong, **more):
    columns = {"threshold_money": threshold, "deviation_money": deviation, "share_of_spending": share}
    return pair_of({}, np.zeros(500), **columns, misallocation=wrong, **more)


def test_dominance_is_no_worse_in_all_and_better_in_one():
    base = four(10, -2, 0.5, 3)
    better = four(9, 2, 0.5, 3)  # a deviation counts by its size
    best = four(8, 1, 0.5, 3)
    less_covered = four(1, 0, 0.4, 0)
    nobody = four(0, 0, 1, 0, sensitivity=True)
    unknown = four(np.nan, 0, 0.5, 3)
    pairs = [base, better, best, less_covered, nobody, unknown, four(8, 1, 0.5, 3)]
    assert _dominators(pairs) == [best, best, None, None, None, None, None]
    assert _dominators([]) == []


def test_a_difference_has_the_error_of_the_replicates_that_both_share():
    rng = np.random.default_rng(3)
    common, own = rng.standard_normal((2, 500))
    one = pair_of({}, 5 * common + own, threshold_money=7.0)
    other = pair_of({}, 5 * common, threshold_money=4.0)
    found = difference(one, other, "threshold", "threshold_money")
    assert found["threshold_difference"] == 3.0
    assert found["threshold_difference_se"] == pytest.approx(own.std(ddof=1))
    assert difference(one, one, "threshold", "threshold_money") == {
        "threshold_difference": 0.0,
        "threshold_difference_se": 0.0,
    }


def test_payments_that_cannot_be_settled_are_empty_and_say_why():
    """The share of losses of this contract depends on a quality score, which the study does not give."""
    plan = SimpleNamespace(contract_of=lambda _: load_contract("mssp-enhanced"), share_of=lambda _: 0.75)
    part = pd.DataFrame({"benchmark": [100.0], "spending": [120.0], "insured_years": [2e4], "assigned": [2e4]})
    rule = PaymentRule(plan, SimpleNamespace(sharing=None), part)
    assert np.isnan(rule(np.zeros(1), np.zeros(1))).all()
    assert "quality" in rule.refused
