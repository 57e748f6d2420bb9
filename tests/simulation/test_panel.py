"""Simulated panels have the truth they claim."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.errors import DatasetError
from ssinfer.periods import span
from ssinfer.simulation.panel import simulate_kerngezond_vlissingen, simulate_panel


def test_same_seed_same_panel():
    first, again, other_seed = (simulate_panel(12, saving=0.02, seed=seed) for seed in (5, 5, 6))
    assert first.panel.fingerprint() == again.panel.fingerprint()
    assert first.panel.fingerprint() != other_seed.panel.fingerprint()


def test_saving_is_exactly_what_was_asked():
    none = simulate_panel(12, seed=5)
    with_saving = simulate_panel(12, saving=0.03, seed=5)
    # The saving draws nothing: without it the same panel, and the donors do not change.
    assert np.array_equal(none.counterfactual, with_saving.counterfactual)
    assert np.array_equal(none.panel.spending[1:], with_saving.panel.spending[1:])
    after = [period for period in none.panel.periods if period >= "2022Q1"]
    assert with_saving.true_rate("treated", after) == pytest.approx(0.03)
    assert with_saving.true_rate("treated", ["2019Q1"]) == 0
    phased = simulate_panel(12, periods=range(2015, 2019), start=2017, saving=[0.01, 0.05], seed=1)
    assert phased.saving_rate[0].tolist() == [0, 0, 0.01, 0.05]


def test_vlissingen_setting():
    # Authority: Vektis open data 2015, EUR 2,646.03 in Vlissingen, EUR 2,341.67 in the Netherlands.
    plain = {"season": None, "covid": False, "factor_sd": 0.0, "trend_sd": 0.0, "seed": 1}
    simulated = simulate_kerngezond_vlissingen(400, **plain)
    panel = simulated.panel
    assert panel.periods == span("2018Q2", "2024Q2")
    assert len(panel.periods) == 25
    assert simulated.expected[0, 0] == pytest.approx(2646.03 * 1.031**2.875)
    others = simulated.expected[1:, 0]
    # 399 groups, relative SD 10%: the median's Monte Carlo error is 0.6%.
    assert np.median(others) == pytest.approx(2341.67 * 1.031**2.875, rel=0.02)
    assert panel.insured_years[0, 0] == pytest.approx(5_000, rel=0.02)
    design = simulate_kerngezond_vlissingen(seed=1).design()
    assert len(design.masked) == 8
    assert design.performance[0] == "2022Q1"


def test_noise_has_the_variance_that_the_panel_states():
    options = {"shock_sd": 0.0, "region_shock_sd": 0.0, "factor_sd": 0.0, "periods": range(2010, 2020)}
    simulated = simulate_panel(2000, **options, covid=False, seed=2)
    z = (simulated.panel.spending - simulated.expected) / np.sqrt(simulated.panel.sampling_variance)
    # n = 2,000 units x 10 periods, correlation 0.4: the SD of the variance is about 2%.
    assert z.var() == pytest.approx(1.0, abs=0.08)
    between = np.corrcoef(z.T)[np.triu_indices(10, 1)].mean()
    assert between == pytest.approx(0.4, abs=0.05)


def test_shocks_have_their_sd_and_persistence_per_year():
    options = {"region_shock_sd": 0.0, "factor_sd": 0.0, "cv": 1e-9, "shock_sd": 0.02, "shock_persistence": 0.5}
    simulated = simulate_panel(1000, **options, seed=3)
    shock = simulated.panel.spending / simulated.expected - 1
    assert shock.std() == pytest.approx(0.02, rel=0.05)
    assert np.corrcoef(shock[:, 4:].ravel(), shock[:, :-4].ravel())[0, 1] == pytest.approx(0.5, abs=0.05)


def test_season_and_dip():
    options = {"shock_sd": 0.0, "region_shock_sd": 0.0, "factor_sd": 0.0, "cv": 1e-9, "trend_sd": 0.0, "growth": 0.0}
    spending = simulate_panel(2, level_sd=0.04, **options, seed=1).panel.spending[0]
    periods = span("2018Q2", "2024Q2")
    ratio = {label: value / spending[periods.index("2019Q1")] for label, value in zip(periods, spending, strict=True)}
    assert ratio["2020Q2"] == pytest.approx(0.87 * 1.005 / 1.02)
    assert ratio["2023Q3"] == pytest.approx(0.96 / 1.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"periods": [2015, 2017]}, "without gaps"),
        ({"periods": ["2018-04", "2018Q4"]}, "Use one frequency"),
        ({"start": "2018Q2"}, "allowed: a period from '2018Q3' on"),
        ({"cv": 0}, "cv is 0"),
        ({"shock_persistence": 1.0}, "less than 1"),
        ({"insured": (0, 10)}, "two positive numbers"),
        ({"n_units": 1}, "at least one donor"),
        ({"season": (1, 1)}, "a list of 4"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(DatasetError, match=message):
        simulate_panel(**options)
