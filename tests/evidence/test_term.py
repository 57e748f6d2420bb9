"""Placebo contracts of several years say what contracts with a known saving are paid, and what rebasing takes back.

Each simulated panel has one contract group that saves nothing, 3% in each year, or 3, 6 and 9%. Its own payment, with
a rolling and with a fixed baseline, is compared with the mean over placebo contracts of the same panel. The Monte Carlo
error is that of the mean difference over panels.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from term_study import ROLLING, STUDY

from ssinfer.backtesting.kernels.block_bootstrap import block_weights
from ssinfer.contracts.terms import RebasingTerms
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study
from ssinfer.study.case import evaluate_case
from ssinfer.study.run import backtest_plan
from ssinfer.study.term import Term, fits_of_years

SAVED = {"none": (0.0, 0.0, 0.0), "each": (0.03,) * 3, "growing": (0.03, 0.06, 0.09)}
N_PANELS = 120


def own_and_placebos(folder, seed):
    """Return what the contract group is paid, and the placebo mean, of the first benchmark: (saving, rule, 2).

    With it comes whether a group that saves nothing reaches the threshold: (rule, contract year).
    """
    simulated = simulate_panel(40, tuple(range(2008, 2017)), start=2014, seed=seed, covid=False)
    simulated.panel.to_frame().drop(columns="sampling_variance").to_csv(folder / "panel.csv", index=False)
    (folder / "contract.toml").write_text(ROLLING, encoding="utf-8")
    text = STUDY.replace("contract.toml", str(folder / "contract.toml")).replace("[0.0, 0.03]", "[0.0]")
    text = text.replace("PERFORMANCE", "{ first = 2014, last = 2016 }").replace("YEARS", "3")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    plan = plan_study(folder / "study.toml")
    (part,), backtest = plan.config.designs, partial(backtest_plan, n_jobs=1, progress=None, tables={})
    result = backtest(plan)
    fits = evaluate_case(plan, result, plan.pairs)["counterfactuals"]
    term = Term.of(plan, part, part.methods[0], fits_of_years(plan, fits, result, backtest))
    due = term.case.due.sum()
    paid, reached = np.zeros((len(SAVED), 2, 2)), np.zeros((2, 3))
    for rule, contract in enumerate((term.contract, replace(term.contract, rebasing=RebasingTerms()))):
        ruled = replace(term, contract=contract)
        settlements = ruled.of_case().settlements
        reached[rule] = [settlement.rate.item() >= settlement.threshold.item() for settlement in settlements]
        thresholds = [[settlement.threshold.item()] for settlement in settlements]
        for number, rates in enumerate(SAVED.values()):
            settled = ruled.settle(contract, term.case, np.array(thresholds), np.array(rates)[:, None])
            paid[number, rule, 0] = settled.payment.item() / due
        paid[:, rule, 1] = np.nanmean(ruled.paid(contract), axis=0)
    return paid, reached


@pytest.mark.evidence
def test_placebo_contracts_predict_payments_and_the_ratchet(evidence_share, tmp_path, monkeypatch):
    monkeypatch.setattr(block_weights, "__defaults__", (25,))  # no standard error of a backtest is used
    panels = max(10, round(N_PANELS * evidence_share))
    amounts, years = zip(*(own_and_placebos(tmp_path, seed) for seed in range(panels)), strict=True)
    paid, reached = np.stack(amounts), np.stack(years).mean(axis=0)
    print("false payments by rule (rolling, fixed) and year:", reached.round(3))  # noqa: T201
    assert (np.abs(reached - 0.1) < 4 * np.sqrt(0.1 * 0.9 / panels)).all()
    error = 100 * (paid[..., 0] - paid[..., 1])  # (panel, saving, rule)
    means, mcse = error.mean(axis=0), error.std(axis=0, ddof=1) / np.sqrt(panels)
    taken = 100 * (paid[:, :, 1] - paid[:, :, 0])  # by rebasing: own, and of placebos
    for number, saving in enumerate(SAVED):
        print(saving, "own less placebos (rolling, fixed):", means[number].round(3), "+-", mcse[number].round(3))  # noqa: T201
        print("   taken back, own and placebos:", taken[:, number].mean(axis=0).round(3))  # noqa: T201
    assert (np.abs(means) < 3 * mcse + 0.02).all()
