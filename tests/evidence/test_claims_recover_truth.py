"""Evidence: claims to panel to benchmark; the known saving lies in each design's interval, truncated or not."""

# ruff: noqa: T201  (the figures of evidence are printed)
from __future__ import annotations

import dataclasses
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from ssinfer.claims import ClaimsTables, Population, Spending, Truncation, extract
from ssinfer.datasets.simulated_claims import simulate_claims

pytestmark = pytest.mark.evidence
SEEDS = range(20) if os.environ.get("SSINFER_EVIDENCE") == "full" else range(3)


def case_study():
    path = Path(__file__).parents[2] / "case_studies" / "kerngezond_vlissingen" / "claims.py"
    spec = importlib.util.spec_from_file_location("kerngezond_claims", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_design_covers_the_truth(tmp_path):
    case = case_study()
    covered, errors = [], []
    for seed in SEEDS:
        options = {"insured_under_contract": 8_000, "seed": seed, "last": "2022Q4"}
        simulated = simulate_claims(tmp_path / f"with{seed}", 90_000, saving=0.05, **options)
        frame, result, _ = case.evaluate(simulated, seed)
        # The truth of d: the same persons and lines without the contract, under the same caps.
        without = simulate_claims(tmp_path / f"without{seed}", 90_000, **options)
        caps = dict(zip(result.truncation["year"], result.truncation["cap"], strict=True))
        population = Population(insurers=["A"], units=dict.fromkeys(simulated.treated, case.CONTRACT))
        definition = Spending(truncation=Truncation(amount=caps), duplicates="keep")
        none = extract(ClaimsTables.open(without.folder), population, definition, periods=case.PERIODS)
        row, columns = none.panel.rows([case.CONTRACT])[0], none.panel.columns(case.PERFORMANCE)
        weights = none.panel.insured_years[row, columns]
        for panels in ((none.panel, result.panel, "a"), (none.truncated, result.truncated, "d")):
            spent = [panel.spending[row, columns] @ weights for panel in panels[:2]]
            truth = 1 - spent[1] / spent[0]
            frame.loc[frame["design"] == panels[2], "truth"] = truth
        assert frame.loc[frame["design"] == "a", "truth"].item() == pytest.approx(case.true_rate(simulated), abs=1e-6)
        assert frame.loc[frame["design"] == "d", "truth"].item() < 0.05 + 1e-9  # what is cut carried savings too
        covered.append(((frame["lower"] < frame["truth"]) & (frame["truth"] < frame["upper"])).to_numpy())
        errors.append((frame["rate"] - frame["truth"]).to_numpy())
        print(f"seed {seed}\n{frame.round(4).to_string(index=False)}")
    share = np.mean(covered, axis=0)
    print(f"n = {len(covered)} contracts; covered per design {dict(zip('abcd', share, strict=True))}")
    print(f"mean error {np.mean(errors, axis=0).round(4)}, SD {np.std(errors, axis=0).round(4)}")
    # At a true coverage of 95%, fewer than 80% of 20 (or of 3: less than 2 of 3) has a probability below 1%.
    assert (share >= (0.8 if len(covered) >= 20 else 0.6)).all()


def test_persons_truth_is_that_of_the_lines(tmp_path):
    simulated = simulate_claims(tmp_path / "c", 30_000, insured_under_contract=5_000, saving=0.04, seed=5)
    periods = ("2022Q1", "2022Q2", "2022Q3", "2022Q4")
    persons = simulated.persons()
    persons = persons[persons["period"].isin(periods)]
    tables = ClaimsTables.open(simulated.folder)
    population = Population(insurers=["A"], practices=simulated.treated)
    result = extract(tables, population, Spending(duplicates="keep"), periods=periods)
    cohort = result.cohort()
    assert round(cohort.spending.sum() * 100) == persons["cents"].sum()
    assert dataclasses.is_dataclass(cohort)
