"""Treatment effects against Stata's teffects (cattaneo2) and statsmodels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.benchmarks.matched.scores.doubly_robust import treatment_effect
from ssinfer.errors import ConvergenceError, DesignError


@pytest.fixture(scope="module")
def cattaneo():
    results = Path(statsmodels.__file__).parent / "treatment" / "tests" / "results"
    return pd.read_csv(results / "cataneo2.csv")  # ships in the statsmodels wheel


STATA = {  # authority: Stata teffects
    ("ra", "ATE"): (-239.63921146, 23.82402100),
    ("ipw", "ATE"): (-230.68863780, 25.81524380),
    ("aipw", "ATE"): (-230.98920111, 26.21056463),
    ("ra", "ATT"): (-223.30165084, 22.74219517),
    ("ipw", "ATT"): (-225.17726055, 23.66458273),
}


@pytest.mark.parametrize("case", STATA)
def test_equals_stata(cattaneo, case):
    effect = treatment_effect(
        cattaneo["bweight"].to_numpy(np.float64),
        cattaneo["mbsmoke_"].to_numpy() == 1,
        outcome_covariates={name: cattaneo[name] for name in ("prenatal1_", "mmarried_", "mage", "fbaby_")},
        score_covariates={name: cattaneo[name] for name in ("mmarried_", "mage", "mage2", "fbaby_", "medu")},
        adjustment=case[0],
        estimand=case[1],
        link="probit",
    )
    assert effect.estimate == pytest.approx(STATA[case][0], abs=1e-7)
    assert effect.standard_error == pytest.approx(STATA[case][1], rel=1e-7)


def simulated(seed, n=400):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    treated = rng.random(n) < 1 / (1 + np.exp(-0.5 * x))
    return x, treated, 1 + x + 2 * treated + rng.normal(size=n)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 100), st.floats(-50, 50))
def test_equivariant_to_the_scale_of_outcome_and_covariates(seed, scale, shift):
    x, treated, y = simulated(seed)
    for adjustment in ("ra", "ipw", "aipw"):
        options = {"adjustment": adjustment}
        plain = treatment_effect(y, treated, outcome_covariates={"x": x}, score_covariates={"x": x}, **options)
        moved = scale * x + shift
        other = treatment_effect(
            scale * y + shift, treated, outcome_covariates={"x": moved}, score_covariates={"x": moved}, **options
        )
        assert other.estimate == pytest.approx(scale * plain.estimate, rel=1e-6, abs=1e-6)
        assert other.standard_error == pytest.approx(scale * plain.standard_error, rel=1e-5)


def test_aipw_att_standard_error_is_that_of_repeated_samples():
    draws = [simulated(seed) for seed in range(400)]
    effects = [
        treatment_effect(y, treated, outcome_covariates={"x": x}, score_covariates={"x": x}) for x, treated, y in draws
    ]
    spread = np.std([effect.estimate for effect in effects], ddof=1)
    # 400 samples give the spread itself a standard error of 3.5%: four of them.
    assert np.mean([effect.standard_error for effect in effects]) == pytest.approx(spread, rel=0.14)
    assert np.mean([effect.estimate for effect in effects]) == pytest.approx(2.0, abs=4 * spread / 20)


def test_refusals():
    x = np.arange(10.0)
    treated = x > 4
    with pytest.raises(ConvergenceError, match="separate"):
        treatment_effect(x, treated, outcome_covariates={"x": x}, score_covariates={"x": x})
    with pytest.raises(DesignError, match="adjustment"):
        treatment_effect(x, treated, adjustment="tmle")
    with pytest.raises(DesignError, match="estimand"):
        treatment_effect(x, treated, estimand="LATE")
