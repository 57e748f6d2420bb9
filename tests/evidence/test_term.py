"""Placebo contracts of several years say what contracts with a known saving are paid, and what rebasing takes back.

Each simulated panel has one contract group that saves nothing, 3% in each year, or 3, 6 and 9%. Its own payment under the
study's terms, with a rolling and with a fixed baseline, is compared with the mean over placebo contracts of the same
panel. Monte Carlo error: of the mean difference over panels.
"""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study, run_study

STUDY = """
title = "a term"
question = "what do three years pay?"
seed = 5
[data]
source = "panel"
file = "panel.csv"
[case]
treated = ["treated"]
[windows]
baseline = { first = 2011, last = 2013 }
performance = { first = 2014, last = 2016 }
[term]
years = 3
[backtest]
levels = [0.90]
injected = [0.0]
[[comparison]]
name = "all"
[[threshold]]
level = 0.90
[[sharing]]
name = "rolling"
contract = "rolling.toml"
[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 100, history = 0 }
"""
CONTRACT = """
name = "{name}"
rule_year = 2024
[threshold]
kind = "computed"
[rebasing]
every = {every}
years = 3
"""
SAVED = {"none": (0.0, 0.0, 0.0), "each": (0.03,) * 3, "growing": (0.03, 0.06, 0.09)}
N_PANELS = 120


def own_and_placebos(folder, seed):
    """Return what the contract group is paid, and the placebo mean, of the first benchmark: (saving, rule, 2)."""
    simulated = simulate_panel(40, tuple(range(2008, 2017)), start=2014, seed=seed, covid=False)
    frame = simulated.panel.to_frame().drop(columns="sampling_variance")
    of_case = (frame["unit"] == "treated") & (frame["period"] >= 2014)
    paid = np.zeros((len(SAVED), 2, 2))
    for rule, (name, every) in enumerate((("rolling", 1), ("fixed", 0))):
        (folder / "rolling.toml").write_text(CONTRACT.format(name=name, every=every), encoding="utf-8")
        for number, (saving, rates) in enumerate(SAVED.items()):
            saved = frame.copy()
            saved.loc[of_case, "spending"] *= 1 - np.array(rates)
            saved.to_csv(folder / "panel.csv", index=False)
            (folder / "study.toml").write_text(
                STUDY.replace("rolling.toml", str(folder / "rolling.toml")), encoding="utf-8"
            )
            tables = run_study(plan_study(folder / "study.toml"), n_jobs=1).tables
            total = tables["term.csv"].iloc[-1]
            placebos = tables["term_placebos.csv"].set_index("saving")["payment"]
            paid[number, rule] = (
                total["payment"] / (total["first_benchmark"] * total["insured_years"]),
                placebos[saving],
            )
    return paid


@pytest.mark.evidence
def test_placebo_contracts_predict_payments_and_the_ratchet(evidence_share, tmp_path):
    panels = max(10, round(N_PANELS * evidence_share))
    paid = np.stack([own_and_placebos(tmp_path, seed) for seed in range(panels)])
    error = 100 * (paid[..., 0] - paid[..., 1])  # (panel, saving, rule)
    means, mcse = error.mean(axis=0), error.std(axis=0, ddof=1) / np.sqrt(panels)
    taken = 100 * (paid[:, :, 1] - paid[:, :, 0])  # by rebasing: own, and of placebos
    for number, saving in enumerate(SAVED):
        print(saving, "own less placebos (rolling, fixed):", means[number].round(3), "+-", mcse[number].round(3))
        print("   taken back, own and placebos:", taken[:, number].mean(axis=0).round(3))
    assert (np.abs(means) < 3 * mcse + 0.02).all()
