"""The ladder: measured rows are those of designs.csv and scenarios.csv, computed rows solve the formulas of power."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ssinfer.backtesting.noise import noise_components
from ssinfer.study import disclosure
from ssinfer.study.hidden import CONTRACT_GROUP, HiddenGroups
from ssinfer.study.ladder import _computed
from ssinfer.thresholds.planning.scenario import Scenario

LEVEL, TARGET, WANTED = 0.90, 0.04, 0.6
BLOCKS = f"""
[advice]
target_saving = {TARGET}
detection = {WANTED}
[[comparison]]
name = "large"
label = "large units"
at_least = 5000
[[threshold]]
name = "own"
level = {LEVEL}
[[threshold]]
name = "strict"
level = 0.95
[[design]]
name = "today"
comparison = "all"
threshold = "own"
settles = true
[[design]]
name = "large"
comparison = "large"
threshold = "own"
[[design]]
name = "two changes"
comparison = "large"
threshold = "strict"
"""


@pytest.fixture
def result(small_study):
    return small_study(BLOCKS)


def test_measured_rows_are_those_of_the_designs(result):
    table, designs = result.tables["ladder.csv"], result.tables["designs.csv"].set_index("design")
    scenarios = result.tables["scenarios.csv"].query(f"saving == {TARGET}").set_index("design")
    measured = table[table["source"] == "measured"].set_index("block")
    assert table["block"][0] == ""
    assert measured.index.tolist() == ["", "comparison"], "two changes are no step of the ladder"
    for block, name in (("", "today"), ("comparison", "large")):
        for suffix in ("", "_se"):
            assert measured.loc[block, f"threshold{suffix}"] == designs.loc[name, f"threshold_all{suffix}"]
            found = scenarios.loc[name, f"detection_rate{suffix}"]
            assert measured.loc[block, f"detection_rate{suffix}"] == found
    step = measured.loc["comparison"]
    assert step["threshold_difference"] == pytest.approx(step["threshold"] - measured.loc["", "threshold"])
    assert step["threshold_difference_se"] < np.hypot(step["threshold_se"], measured.loc["", "threshold_se"])
    assert (table["threshold"][1:].diff().dropna() <= 0).all()


def test_computed_rows_solve_the_closed_form_with_the_noise_of_the_placebos(result):
    """Three baseline years, one performance year: SE²(n) = k²/n + tau², T = z SE, found = Phi((s - T) / SE)."""
    placebos = result.backtest.placebos
    of_today = placebos[(placebos["design"] == "today") & (placebos["role"] == "placebo")]
    noise = noise_components(of_today, replicates=2)
    share = result.tables["designs.csv"].set_index("design").loc["today", "share_of_spending"]
    saving = result.tables["scenarios.csv"].query(f"saving == {TARGET} and design == 'today'")["own_saving"].item()
    rows = result.tables["ladder.csv"].query("source == 'computed'").set_index("entry")
    treated = result.panel.insured_years[result.panel.rows(["treated"])][:, result.panel.columns([2014, 2015, 2016])]
    assert rows.loc["twice as many insured", "insured"] == pytest.approx(2 * treated.mean())
    for entry in ("twice as many insured", "insured needed"):
        row = rows.loc[entry]
        error = np.sqrt(noise.k**2 / row["insured"] + noise.shock**2)
        assert row["threshold"] == pytest.approx(share * norm.ppf(LEVEL) * error)
        assert row["detection_rate"] == pytest.approx(norm.cdf((saving - norm.ppf(LEVEL) * error) / error))
    assert rows.loc["insured needed", "detection_rate"] == pytest.approx(WANTED)
    wanted = (saving / (norm.ppf(LEVEL) + norm.ppf(WANTED))) ** 2 - noise.shock**2
    assert rows.loc["insured needed", "insured"] == pytest.approx(noise.k**2 / wanted)
    assert rows.loc["years needed", "detection_rate"] >= WANTED
    assert rows.loc["years needed", "years"] >= 1


def test_computed_rows_have_the_spread_of_their_formulas_over_the_bootstrap(result):
    """By hand, from k and tau of each replicate: T and its change at twice the size, and the size that is needed."""
    placebos = result.backtest.placebos.query("design == 'today' and role == 'placebo'")
    noise = noise_components(placebos)
    tables = result.tables
    share = tables["designs.csv"].set_index("design").loc["today", "share_of_spending"]
    row = tables["ladder.csv"].set_index("entry").loc["twice as many insured"]
    (k, shock), n = noise.replicates.T, row["insured"]
    twice, today = (share * norm.ppf(LEVEL) * np.sqrt(k**2 / size + shock**2) for size in (n, n / 2))
    assert row["threshold_se"] == pytest.approx(np.std(twice, ddof=1))
    assert row["threshold_difference_se"] == pytest.approx(np.std(twice - today, ddof=1))
    assert np.isnan(row[["insured_se", "years_se"]].astype(float)).all()
    assert row["no_error"] == "", "a size that is given has no error and needs no reason"


@pytest.mark.parametrize(
    ("shock", "blocks", "why"), [(0.1, 30, ""), (2.0, 30, "no such size"), (0.1, 4, "fewer than 5")]
)
def test_the_size_that_is_needed_has_a_standard_error_or_a_reason(shock, blocks, why):
    """By the delta method, from k² / (SE² - tau²); none if the shock alone exceeds that SE in too many replicates."""
    rng, z, saving = np.random.default_rng(3), norm.ppf(0.95), 0.05
    contract = Scenario(insured=10_000, k=3.0, shock_sd=0.01, level=0.95)
    noise = np.column_stack([3.0 + 0.1 * rng.standard_normal(400), 0.01 * np.exp(shock * rng.standard_normal(400))])
    means = {"elasticity": 0.8, "own_saving even 0.05": saving}
    today = SimpleNamespace(mean=means.get, rows=pd.DataFrame({"block": range(blocks)}))
    rows = pd.DataFrame(_computed(contract, noise, today, "even 0.05", 0.7)).set_index("entry")
    needed = rows.loc["insured needed"]
    error = saving / (z + norm.ppf(0.7))
    assert needed["threshold"] == pytest.approx(z * error / 0.8), "the true saving of all spending"
    assert needed["insured"] == pytest.approx(9.0 / (error**2 - 0.01**2))
    assert why in needed["no_error"]
    if not why:
        room = error**2 - 0.01**2
        slopes = np.array([1 / room, 9.0 / room**2])
        assert needed["insured_se"] == pytest.approx(np.sqrt(slopes @ np.cov(noise.T**2) @ slopes))
        # of small errors, the linear error is the spread of the sizes themselves
        assert needed["insured_se"] == pytest.approx(np.std(noise[:, 0] ** 2 / (error**2 - noise[:, 1] ** 2)), rel=0.1)
        assert rows["no_error"].tolist() == [""] * len(rows)
        assert 0 < rows.loc["years needed", "years_se"] < 2
    else:
        assert np.isnan(needed["insured_se"])


def test_a_contract_group_that_is_hidden_has_no_ladder(result):
    table = result.tables["ladder.csv"]
    hidden = HiddenGroups(10, frozenset({CONTRACT_GROUP}))
    shown = disclosure.disclosed_tables({"ladder.csv": table}, hidden)["ladder.csv"]
    pd.testing.assert_frame_equal(shown, table[:0])
