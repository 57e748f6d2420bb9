"""Credible and confidence intervals of the contract group are quantiles of their draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from simulated_matching import simulate_matching

import ssinfer as ss
from ssinfer.printed import ABSENT, MINUS
from ssinfer.report.analysis import analyse
from ssinfer.report.table import TABLES

TABLE = TABLES.find("intervals")


def number(text):
    return float(text.replace(MINUS, "-"))


def case_of(study, simulated, cf, method):
    row = {"design": "a", "method": "m", "status": "ok", **cf.savings().summary().iloc[-1].to_dict()}
    return replace(
        study,
        panel=simulated.cohort.to_panel(),
        designs={"a": cf.design},
        methods={"m": method},
        backtest=None,
        counterfactuals={("a", "m"): cf},
        savings=pd.DataFrame([row]),
    )


def test_both_kinds_at_both_levels_are_quantiles_of_their_draws(study):
    simulated = simulate_matching(600, n_treated=1, n_practices=42, seed=3)
    method = ss.PropensityMatching(n_draws=200)
    cf = method.fit(simulated.cohort, simulated.design, seed=1)
    (row,) = TABLE.build(analyse(case_of(study, simulated, cf, method))).rows
    assert len(set(row[2:])) == 4
    assert number(row[1]) == np.round(100 * cf.savings().pooled().measured_rate.item(), 1)
    for column, (kind, level) in enumerate(
        [("credible", 0.95), ("confidence", 0.95), ("credible", 0.9), ("confidence", 0.9)]
    ):
        pooled = cf.interval(level, kind).iloc[-1]
        shown = [number(part) for part in row[2 + column].split(" to ")]
        expected = [100 * (pooled[end] - cf.pooled_spending) / cf.level for end in ("lower", "upper")]
        assert np.allclose(shown, expected, atol=0.05)


def test_a_kind_that_a_method_does_not_give_is_a_dash(study):
    simulated = simulate_matching(600, n_treated=1, n_practices=42, seed=3)
    method = ss.PropensityMatching(n_draws=50, confidence=None)
    cf = method.fit(simulated.cohort, simulated.design, seed=1)
    (row,) = TABLE.build(analyse(case_of(study, simulated, cf, method))).rows
    assert (row[3], row[5]) == (ABSENT, ABSENT)
    assert ABSENT not in (row[2], row[4])
