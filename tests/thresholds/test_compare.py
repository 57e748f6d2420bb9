"""Thresholds side by side: every kind is there, and what does not exist says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ssinfer.counterfactual import Counterfactual
from ssinfer.thresholds.compare import compare_thresholds


def test_credible_and_confidence_stand_side_by_side():
    rng = np.random.default_rng(1)
    narrow, wide = 100 + rng.standard_normal(4000), 100 + 1.2 * rng.standard_normal(4000)
    cf = Counterfactual.from_draws(wide, "posterior", insured_years=20_000, confidence=narrow)
    placebos = pd.DataFrame({"unit": range(100), "savings_rate": 0.012 * rng.standard_normal(100)})
    placebos = placebos.assign(origin=2017, assigned=20_000.0)
    table = compare_thresholds(cf, placebos=placebos.assign(standard_error=0.012))
    kinds = {"credible", "confidence", "power", "placebo", "schedule", "expected loss", "calibrated"}
    assert set(table["kind"]) == kinds
    rates = table.set_index(["kind", "level", "side", "prior"])["rate"]
    assert rates["credible", 0.95, "two-sided", "flat"] == pytest.approx(1.96 * 0.012, rel=0.06)
    assert rates["confidence", 0.95, "two-sided", ""] == pytest.approx(1.96 * 0.010, rel=0.06)
    assert (table["reason"] == "").all()
    assert table["money"].to_numpy() == pytest.approx(table["rate"].to_numpy() * cf.level)


def test_a_point_estimate_has_no_threshold_but_the_schedule_and_says_why():
    table = compare_thresholds(Counterfactual.from_draws(np.array([100.0]), "none", insured_years=7_500), levels=[0.95])
    existing = table[table["rate"].notna()]
    assert existing["kind"].tolist() == ["schedule"]
    assert existing["rate"].item() == pytest.approx(0.033, abs=1e-5)
    assert (table.loc[table["rate"].isna(), "reason"].str.len() > 0).all()
