"""Operating characteristics: thresholds.md to the printed digit, DeLia et al. 2012, formula against simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssinfer.errors import ParameterError
from ssinfer.thresholds.planning.power import insured_needed, overall_false_payments, power_table
from ssinfer.thresholds.planning.scenario import Scenario
from ssinfer.thresholds.planning.simulated_contracts import payments_of, simulate_errors, simulate_looks
from ssinfer.thresholds.prior import Prior

# docs/method/thresholds.md: n, SE %, MSR %, P(paid | 0) at MSR, at 2%, at 1%, power at MSR for 2, 3, 5%
TABLE = [
    (1_000, 6.75, 8.7, 0.099, 0.384, 0.441, 0.161, 0.199, 0.292),
    (5_000, 3.02, 3.9, 0.098, 0.254, 0.370, 0.265, 0.383, 0.642),
    (10_000, 2.14, 3.0, 0.080, 0.174, 0.320, 0.320, 0.500, 0.826),
    (20_000, 1.51, 2.5, 0.049, 0.093, 0.254, 0.370, 0.630, 0.951),
    (50_000, 0.95, 2.2, 0.011, 0.018, 0.147, 0.417, 0.799, 0.998),
]
# docs/method/thresholds.md: undeserved bonus at 50% share, % of benchmark, first-dollar / excess-only / no threshold
BONUS = [
    (5_000, 0.262, 0.070, 0.602),
    (10_000, 0.159, 0.039, 0.426),
    (20_000, 0.076, 0.015, 0.301),
    (50_000, 0.013, 0.002, 0.190),
]


@pytest.mark.parametrize("row", TABLE)
def test_table_of_method_md(row):
    n, se, msr, at_msr, at_2, at_1, *power = row
    scheduled = Scenario(insured=n, kind="schedule")
    # 2.135 is printed as 2.14: half a unit of the last digit is granted, with room for the binary fraction
    assert 100 * scheduled.standard_error == pytest.approx(se, abs=0.005 + 1e-9)
    assert 100 * scheduled.threshold == pytest.approx(msr, abs=0.05)
    shares_paid = [scheduled.paid(), *(Scenario(insured=n, kind="fixed", rate=rate).paid() for rate in (0.02, 0.01))]
    assert shares_paid == pytest.approx([at_msr, at_2, at_1], abs=0.0005 + 1e-9)
    assert [scheduled.paid(s) for s in (0.02, 0.03, 0.05)] == pytest.approx(power, abs=0.0005 + 1e-9)


@pytest.mark.parametrize("row", TABLE)
def test_table_of_method_md_by_simulation(row):
    # 200,000 contracts simulated year by year: Monte Carlo error of a share at most 0.0011, four of them and the digit
    n, _, _, at_msr, at_2, at_1, *power = row
    rng, count = np.random.default_rng(n), 200_000
    scheduled = Scenario(insured=n, kind="schedule")
    errors = simulate_errors(scheduled, rng, count)
    thresholds = (scheduled.threshold, 0.02, 0.01, *(scheduled.threshold - saving for saving in (0.02, 0.03, 0.05)))
    shares_paid = np.array([(errors >= threshold).mean() for threshold in thresholds])
    expected = np.array([at_msr, at_2, at_1, *power])
    assert (np.abs(shares_paid - expected) <= 4 * np.sqrt(expected * (1 - expected) / count) + 0.0006).all()


@pytest.mark.parametrize("row", BONUS)
def test_undeserved_bonus_of_method_md_by_simulation(row):
    n, *printed = row
    scheduled = Scenario(insured=n, kind="schedule")
    for scenario, percent in zip(
        (scheduled, replace(scheduled, sharing="excess"), Scenario(insured=n, kind="fixed")), printed, strict=True
    ):
        _, bonus = payments_of(scenario, simulate_errors(scenario, np.random.default_rng(n), 400_000))
        # the error of a mean of bonuses of SD of at most share x SE: 4 / sqrt(400,000) x 0.5 x 3% is 0.01 points
        assert 100 * bonus == pytest.approx(percent, abs=0.0006 + 200 * scenario.standard_error / np.sqrt(400_000))


@pytest.mark.parametrize("row", BONUS)
def test_undeserved_bonus_of_method_md(row):
    n, first, excess, none = row
    scheduled = Scenario(insured=n, kind="schedule")
    bonuses = [
        scheduled.expected_bonus(),
        replace(scheduled, sharing="excess").expected_bonus(),
        Scenario(insured=n, kind="fixed", rate=0.0).expected_bonus(),
    ]
    assert [100 * value for value in bonuses] == pytest.approx([first, excess, none], abs=0.0005 + 1e-9)


def test_delia_2012_by_formula_and_by_simulation():
    """doi 10.5600/mmrr.002.04.a04: 0.24 rewards and 0.26 penalties at 5,000 and a 2% threshold, 0.02 at 50,000."""
    rng = np.random.default_rng(1)
    for n, published, tolerance in ((5_000, 0.25, 0.01), (50_000, 0.02, 0.005)):
        scenario = Scenario(insured=n, kind="fixed", rate=0.02)
        assert scenario.paid() == pytest.approx(published, abs=tolerance)
        errors = simulate_errors(scenario, rng)
        for undeserved in (errors >= 0.02, errors <= -0.02):  # reward and penalty, 100,000 contracts
            assert undeserved.mean() == pytest.approx(published, abs=tolerance + 0.006)
            assert undeserved.mean() == pytest.approx(scenario.paid(), abs=0.006)


@pytest.mark.parametrize("sharing", ["first_dollar", "excess"])
@pytest.mark.parametrize("saving", [0.0, 0.03])
def test_expected_bonus_agrees_with_simulation(sharing, saving):
    scenario = Scenario(insured=8_000, k=3.0, shock_sd=0.01, bias=0.002, sharing=sharing)
    paid, bonus = payments_of(scenario, simulate_errors(scenario, np.random.default_rng(2), 400_000) + saving)
    assert paid == pytest.approx(scenario.paid(saving), abs=0.003)
    assert bonus == pytest.approx(scenario.expected_bonus(saving), rel=0.02)


def test_years_help_little_when_shocks_persist():
    large = Scenario(insured=500_000, k=3.3, shock_sd=0.0125, persistence=0.9)
    gain = replace(large, years=5).standard_error / large.standard_error
    noise = Scenario(insured=5_000, k=3.3)
    assert gain > 0.85
    assert replace(noise, years=5).standard_error / noise.standard_error < 0.65


def test_standard_error_agrees_with_simulated_years():
    """A panel of shocks and noise, written out year by year, against the formula of Scenario."""
    scenario = Scenario(insured=10_000, years=3, k=3.0, shock_sd=0.0125, persistence=0.7)
    rng = np.random.default_rng(3)
    n, baseline, total = 200_000, 3, 6
    cv = scenario.k / np.sqrt(1 + 1 / baseline)
    shock = np.empty((n, total))
    shock[:, 0] = rng.standard_normal(n)
    for year in range(1, total):
        shock[:, year] = 0.7 * shock[:, year - 1] + np.sqrt(1 - 0.49) * rng.standard_normal(n)
    # scaled so that the first performance year's contrast has SD shock_sd
    shock *= scenario.shock_sd / (shock[:, baseline] - shock[:, :baseline].mean(axis=1)).std()
    y = shock + cv / 100 * rng.standard_normal((n, total))
    error = y[:, baseline:].mean(axis=1) - y[:, :baseline].mean(axis=1)
    assert error.std() == pytest.approx(scenario.standard_error, rel=0.01)


def test_no_number_of_insured_is_enough_below_the_shock():
    scenario = Scenario(insured=1, k=3.3, shock_sd=0.0125)
    assert insured_needed(scenario, 0.03) == float("inf")
    needed = insured_needed(scenario, 0.05)
    assert replace(scenario, insured=needed).paid(0.05) == pytest.approx(0.8, abs=1e-6)


def test_quarterly_looks_raise_the_overall_false_payment_rate():
    looks = simulate_looks(Scenario(insured=20_000, k=3.3, shock_sd=0.0125, years=2), np.random.default_rng(1))
    assert looks["paid_at_look"].to_numpy() == pytest.approx(0.05, abs=0.004)
    assert looks["paid_by_look"].is_monotonic_increasing
    assert looks["paid_by_look"].iloc[-1] > 0.10
    yearly = simulate_looks(Scenario(insured=20_000, k=3.3, shock_sd=0.0125), np.random.default_rng(1), looks=1)
    assert yearly["paid_by_look"].item() == pytest.approx(0.05, abs=0.004)


def test_the_overall_false_payment_rate_is_a_column_of_the_table():
    scenario = Scenario(insured=1, k=3.3, shock_sd=0.0125)
    table = power_table(scenario, insured=[20_000], years=[1, 2])
    with_looks = overall_false_payments(scenario, table, looks=4, contracts=40_000)
    assert with_looks.columns.tolist().index("false_payment_rate_looks") == 1 + table.columns.get_loc(
        "false_payment_rate"
    )
    assert with_looks["false_payment_rate"].to_numpy() == pytest.approx(0.05)
    assert (np.diff([0.05, *with_looks["false_payment_rate_looks"]]) > 0.01).all()


@pytest.mark.parametrize(("kind", "prior"), [("confidence", "flat"), ("credible", "sceptical"), ("schedule", "flat")])
def test_simulated_table_agrees_with_the_formulas(kind, prior):
    # 40,000 contracts per cell: four Monte Carlo errors are at most 0.01
    scenario = Scenario(insured=1, k=3.3, shock_sd=0.0125, bias=0.002, kind=kind, prior=prior)
    by_formula, simulated = (power_table(scenario, [2_000, 80_000], [1, 4], simulated=count) for count in (0, 40_000))
    for name in ("false_payment_rate", "detection_rate_3", "detection_rate_10"):
        assert simulated[name].to_numpy() == pytest.approx(by_formula[name].to_numpy(), abs=0.01)
    bonus = simulated["undeserved_bonus"].to_numpy()
    assert bonus == pytest.approx(by_formula["undeserved_bonus"].to_numpy(), rel=0.06, abs=2e-5)
    names = [name for name in simulated if name.startswith("expected_bonus_")]
    assert len(names) == 5
    assert simulated[names].to_numpy() == pytest.approx(by_formula[names].to_numpy(), rel=0.06, abs=2e-5)


def test_a_credible_threshold_is_the_closed_form_of_method_md():
    se = Scenario(insured=10_000, k=3.0).standard_error
    flat = Scenario(insured=10_000, k=3.0, kind="credible")
    assert flat.threshold == Scenario(insured=10_000, k=3.0).threshold
    sceptical = replace(flat, prior=Prior("p", 0.01, 0.02))
    expected = 1.6448536269514722 * se * np.sqrt(1 + se**2 / 0.02**2) - 0.01 * se**2 / 0.02**2
    assert sceptical.threshold == pytest.approx(expected)
    looks = simulate_looks(sceptical, np.random.default_rng(1), looks=1)
    assert looks["paid_by_look"].item() == pytest.approx(sceptical.paid(), abs=0.004)


def test_sampling_error_alone_pays_too_often():
    scenario = Scenario(insured=100_000, k=3.3, shock_sd=0.0125, believed_shock=False)
    assert scenario.paid() > 0.12
    assert replace(scenario, believed_shock=True).paid() == pytest.approx(0.05)


def test_table_has_every_size_and_year():
    table = power_table(Scenario(insured=1, k=3.3))
    assert len(table) == 8 * 5
    assert set(table["years"]) == {1, 2, 3, 4, 5}
    assert set(table["insured"]) >= {500, 500_000}
    assert (table["false_payment_rate"] - 0.05).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"insured": 0}, "insured is 0; allowed: a number of at least 1"),
        ({"years": 0}, "years is 0; allowed: a whole number from 1 to 1000"),
        ({"k": -1}, "negative"),
        ({"k": "3"}, "k is '3'; allowed: a number"),
        ({"believed_shock": "false"}, "allowed: True or False"),
        ({"persistence": 1.0}, "of at least 0 and less than 1"),
        ({"shock_sd": 1.25}, "0.0125"),
        ({"kind": "mssp"}, "'schedule'"),
        ({"sharing": "half"}, "'first_dollar'"),
        ({"level": 95}, "0.95"),
        ({"rate": 2.0}, "0.02 for 2%"),
        ({"share": 50}, "more than 0 and at most 1"),
        ({"prior": "sceptical"}, "has no prior"),
        ({"kind": "credible", "prior": "skeptical"}, "'literature'"),
    ],
)
def test_impossible_scenarios(change, cure):
    with pytest.raises(ParameterError, match=cure):
        Scenario(**{"insured": 1000, **change})
