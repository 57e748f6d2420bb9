"""Proposition 99: numbers of docs/method/golden_synthetic_control.md, reproduced there by an independent exact solver.

Published figures: Arkhangelsky et al. (2021, table 1); Abadie, Diamond and Hainmueller (2010, table 2).
Savings are benchmark less spending, so an effect of -19.51 packs is a saving of +19.51.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.inference.placebo import leave_two_out_test, placebo_test
from ssinfer.benchmarks.synthetic_control.synthetic_did import SyntheticDiD

WEIGHT, EFFECT = 1e-5, 1e-4


@pytest.fixture(scope="module")
def panel(data_dir):
    frame = pd.read_csv(data_dir / "synthetic_control" / "prop99_synthdid.csv", sep=";")
    return ss.Panel.from_frame(frame, unit="State", period="Year", spending="PacksPerCapita", insured_years=None)


@pytest.fixture(scope="module")
def design():
    return ss.Design(treated=["California"], baseline=range(1970, 1989), performance=range(1989, 2001))


def saving(cf):
    return cf.savings().pooled().measured.item()


def test_outcome_only_weights_and_effect(panel, design):
    cf = SyntheticControl().fit(panel, design, seed=1)
    expected = {
        "Utah": 0.393908,
        "Montana": 0.231840,
        "Nevada": 0.204923,
        "Connecticut": 0.109090,
        "New Hampshire": 0.045429,
        "Colorado": 0.014811,
    }
    weights = cf.weights.loc["California"]
    for state, value in expected.items():
        assert weights[state] == pytest.approx(value, abs=WEIGHT)
    assert weights.drop(list(expected)).abs().max() < WEIGHT
    assert cf.solver.loc["California", "rmspe_baseline"] ** 2 * 19 == pytest.approx(52.12957148, abs=1e-6)
    assert cf.solver.loc["California", "rmspe_baseline"] == pytest.approx(1.6564004, abs=1e-6)
    assert saving(cf) == pytest.approx(19.513630, abs=EFFECT)
    assert cf.solver.loc["California", "kkt_gap"] <= 1e-9
    assert cf.solver.loc["California", "status"] == "optimal"


def test_placebo_rank_and_leave_two_out(panel, design):
    test = placebo_test(SyntheticControl(), panel, design)
    assert test.frame["rmspe_ratio"].iloc[0] == pytest.approx(12.439968, abs=1e-5)
    assert test.p_value == pytest.approx(3 / 39)
    pairs = leave_two_out_test(SyntheticControl(), panel, design)
    assert pairs.n_pairs == 703
    assert pairs.p_value == pytest.approx(73 / 703)


def placebo_sd(test):
    return test.frame["saving"].iloc[1:].std(ddof=0), test.frame["saving"].iloc[1:].std(ddof=1)


@pytest.mark.parametrize(
    ("method", "effect", "population", "sample", "rank"),
    [
        (SyntheticControl(), -19.513630, 10.633046, 10.775778, 3),
        (SyntheticDiD(), -15.605398, 9.368416, 9.494172, 2),
        (SyntheticControl(intercept=True), -11.109042, 10.069219, None, 11),
    ],
)
def test_family_of_arkhangelsky_et_al(panel, design, method, effect, population, sample, rank):
    cf = method.fit(panel, design, seed=1)
    assert -saving(cf) == pytest.approx(effect, abs=EFFECT)
    test = placebo_test(method, panel, design, "saving")
    assert placebo_sd(test)[0] == pytest.approx(population, abs=EFFECT)
    if sample is not None:
        assert placebo_sd(test)[1] == pytest.approx(sample, abs=EFFECT)
    assert test.p_value == pytest.approx(rank / 39)


def test_difference_in_differences_is_the_limit_of_an_infinite_ridge(panel, design):
    did = SyntheticDiD(unit_ridge=1e7, time_ridge=1e7)
    cf = did.fit(panel, design, seed=1)
    assert -saving(cf) == pytest.approx(-27.349111, abs=EFFECT)
    test = placebo_test(did, panel, design, "saving")
    assert placebo_sd(test) == pytest.approx((17.286800, 17.518848), abs=EFFECT)
    assert test.p_value == pytest.approx(4 / 39)


def test_synthetic_did_weights(panel, design):
    cf = SyntheticDiD().fit(panel, design, seed=1)
    row = cf.solver.loc["California"]
    for year, value in {1986: 0.366471, 1987: 0.206453, 1988: 0.427076}.items():
        assert row[f"lambda[{year}]"] == pytest.approx(value, abs=WEIGHT)
    weights = cf.weights.loc["California"]
    for state, value in {
        "Nevada": 0.124194,
        "New Hampshire": 0.104568,
        "Connecticut": 0.078362,
        "Delaware": 0.070434,
        "Colorado": 0.057420,
    }.items():
        assert weights[state] == pytest.approx(value, abs=WEIGHT)
    assert (weights > 0).sum() == 27
    # the placebo standard error is that of the pooled draws, up to their Monte Carlo error (2,000 draws: 1.6%)
    assert cf.pooled("confidence").std() == pytest.approx(9.368416, rel=0.05)


@pytest.fixture(scope="module")
def wide(data_dir):
    extra = pd.read_csv(data_dir / "synthetic_control" / "prop99_covariates_mlsynth.csv")
    names = ["lnincome", "beer", "age15to24", "retprice"]
    return ss.Panel.from_frame(
        extra, unit="state", period="year", spending="cigsale", insured_years=None, covariates=names
    )


@pytest.fixture
def predictors():
    eighties = range(1980, 1989)
    return [
        ("lnincome", eighties),
        ("retprice", eighties),
        ("age15to24", eighties),
        ("beer", range(1984, 1989)),
        ("spending", [1975]),
        ("spending", [1980]),
        ("spending", [1988]),
    ]


def test_predictor_version(wide, design, predictors):
    method = SyntheticControl(predictors=predictors, inference="none")
    cf = method.fit(wide, design, seed=1)
    weights = cf.weights.loc["California"]
    # V is not identified: .02 on weights (authority: ADH 2010, table 2)
    for state, value in {
        "Utah": 0.334,
        "Nevada": 0.234,
        "Montana": 0.199,
        "Colorado": 0.164,
        "Connecticut": 0.069,
    }.items():
        assert weights[state] == pytest.approx(value, abs=0.02)
    assert -saving(cf) == pytest.approx(-18.98, abs=0.05)
    assert cf.solver.loc["California", "rmspe_baseline"] == pytest.approx(1.754, abs=2e-3)
    last = cf.benchmark.sel(period=2000).item() - cf.spending.sel(period=2000).item()
    assert -last == pytest.approx(-25.73, abs=0.05)


@pytest.mark.evidence
def test_predictor_version_ranks_first(wide, design, predictors):
    """39 nested searches: 10 seconds, hence evidence."""
    test = placebo_test(SyntheticControl(predictors=predictors), wide, design)
    assert test.p_value == pytest.approx(1 / 39)


@pytest.mark.parametrize("method", [SyntheticControl(), SyntheticDiD()])
def test_euros_or_cents_make_no_difference(panel, design, method):
    """Trap 1: the benchmark and its law are equivariant to the unit of money."""
    base = method.fit(panel, design, seed=1)
    for scale in (0.05, 100.0):
        scaled = ss.Panel(panel.units, panel.periods, scale * panel.spending)
        cf = method.fit(scaled, design, seed=1)
        np.testing.assert_allclose(cf.benchmark.values, scale * base.benchmark.values, rtol=1e-6)
