"""The ladder: measured rows are those of designs.csv and scenarios.csv, computed rows solve the formulas of power."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ssinfer.backtesting.noise import noise_components
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import disclosure, plan_study, run_study
from ssinfer.study.hidden import HiddenGroups

LEVEL, TARGET, WANTED = 0.90, 0.04, 0.6
STUDY = f"""
title = "a study"
question = "what would make it work?"
currency = "EUR"
seed = 5
[data]
source = "panel"
file = "panel.csv"
[case]
treated = ["treated"]
[windows]
baseline = {{ first = 2014, last = 2016 }}
performance = [2017]
[backtest]
levels = [{LEVEL}]
injected = [0.0]
[advice]
target_saving = {TARGET}
detection = {WANTED}
[[comparison]]
name = "all"
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
[[method]]
method = "AdministrativeBenchmark"
name = "equal"
parameters = {{ n_draws = 200, history = 0 }}
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


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ladder")
    world = simulate_panel(30, tuple(range(2012, 2018)), start=2017, saving=0.0, seed=4, covid=False).panel.to_frame()
    world.drop(columns="sampling_variance").to_csv(folder / "panel.csv", index=False)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return run_study(plan_study(folder / "study.toml"), n_jobs=1, parts=("backtest",))


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


def test_a_contract_group_that_is_hidden_has_no_ladder(result):
    table = result.tables["ladder.csv"]
    hidden = HiddenGroups(10, case=True)
    shown = disclosure.disclosed_tables({"ladder.csv": table}, hidden)["ladder.csv"]
    pd.testing.assert_frame_equal(shown, table[:0])
