"""Authorities: simulated claims whose true saving is zero (docs/hierarchical.md), and Dutch municipalities."""

# ruff: noqa: T201
from __future__ import annotations

import pytest
import unit_effect

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.unit_effect import UnitEffectChoice
from ssinfer.benchmarks.problem import Problem


@pytest.mark.evidence
def test_own_levels_with_all_history_pay_a_small_contract_above_the_others(evidence_share):
    names, seeds, insured = ["pooled, baseline", "own, all history"], [1], 40_000
    if evidence_share == 1:  # ten groups of the reduced form say too little of SDs
        names, seeds, insured = [*unit_effect.METHODS], [*range(1, 6)], 120_000
    table = unit_effect.summary(unit_effect.errors_of_worlds(insured, seeds, names))
    print(table.round(2).to_string())
    assert table.loc["pooled, baseline", "at +15%"] < -1.0
    assert abs(table.loc["own, all history", "at +15%"]) < 0.5
    if "pooled, all history" in names:
        assert table.loc["own, all history", "SD"] < 1.15 * table.loc["pooled, all history", "SD"]


@pytest.mark.evidence
def test_dutch_municipalities_are_pooled_if_their_history_is_long_enough(data_dir):
    """Before 2018 there are at most three windows of two or three baseline years: there "own" is taken."""
    panel = ss.datasets.load_vektis(range(2011, 2023), "core", folder=data_dir / "vektis")
    for year in (2018, 2019, 2022):
        window = {"baseline": range(2011, year), "performance": [year], "standard": "expected"}
        problem = Problem.of(panel, ss.Design(treated=["VLISSINGEN"], **window))
        choice = UnitEffectChoice.of(problem, ss.HierarchicalBenchmark())
        print(year, choice)
        assert choice.effect == "pooled"
