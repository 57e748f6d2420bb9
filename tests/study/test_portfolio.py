"""Several contracts in one study: a portfolio against slow computations, what it hides, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.report.analysis import Analysis
from ssinfer.report.tables.portfolio import TABLES
from ssinfer.sentences import in_words
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study, run, run_study, write_study
from ssinfer.study.disclosure import disclosed
from ssinfer.study.hidden import CONTRACT_GROUP
from ssinfer.study.portfolio import correlation, least_threshold
from ssinfer.study.queries import portfolio_findings

STUDY = """
title = "contracts"
question = "which?"
seed = 5
{groups}
[data]
source = "panel"
file = "panel.csv"
[windows]
baseline = {{ first = 2014, last = 2016 }}
performance = [2017]
[backtest]
levels = [0.90]
injected = [0.0, 0.03]
[[comparison]]
name = "all"
[[method]]
method = "AdministrativeBenchmark"
parameters = {{ n_draws = 100, history = 0 }}
[[threshold]]
level = 0.90
[[sharing]]
contract = "kerngezond-vlissingen"
"""
GROUP = '[[group]]\nname = "{}"\ntreated = {}\n'
NORTH, SOUTH, TINY = (
    GROUP.format(*part)
    for part in (("North", '["treated"]'), ("South", '["group 01", "group 02"]\nshare = 0.4'), ("Tiny", '["group 03"]'))
)


@pytest.fixture(scope="module")
def world():
    """Return 20 units and six years; the first saved 5%, and one group is tiny."""
    frame = simulate_panel(20, tuple(range(2012, 2018)), start=2017, saving=0.05, seed=4, covid=False).panel.to_frame()
    frame.loc[frame["unit"] == "group 03", "insured_years"] = 6.0
    return frame.drop(columns="sampling_variance")


@pytest.fixture
def planned(world, tmp_path, monkeypatch):
    """Return a function that plans the study of some groups; no other designs."""
    monkeypatch.setattr(run, "outcomes", lambda *_: [])

    def plan_of(groups, frame=world):
        frame.to_csv(tmp_path / "panel.csv", index=False)
        (tmp_path / "study.toml").write_text(STUDY.format(groups=groups), encoding="utf-8")
        return plan_study(tmp_path / "study.toml")

    return plan_of


def test_a_portfolio_of_one_group_is_the_study_of_that_group(planned):
    alone = run_study(planned('[case]\ntreated = ["treated"]'), n_jobs=1)
    group = run_study(planned(NORTH), n_jobs=1)
    for name, table in alone.tables.items():
        pd.testing.assert_frame_equal(group.tables[name], table, check_exact=True)
    row, total = (group.tables["portfolio.csv"].iloc[at] for at in (0, -1))
    line, decides = alone.savings.iloc[0], alone.case_thresholds[alone.case_thresholds["decides"]].iloc[0]
    assert (row["saving"], row["insured_years"]) == (line["total"], line["insured_years"])
    assert (row["threshold"], row["false_payments"]) == (decides["rate"], decides["false_payment_rate"])
    assert (row["paid"], row["found_3"]) == (alone.settlement["payment"].iloc[0], decides["detection_rate_3"])
    assert row["at_risk"] == pytest.approx(decides["payment_0"] * line["insured_years"], rel=1e-6)  # cents
    same = ["saving", "saving_se", "paid", "false_payments", "at_risk", "same_threshold"]
    assert total[same].to_list() == row[same].to_list()
    assert planned(NORTH).study_hash != planned('[case]\ntreated = ["treated"]').study_hash


def test_a_hidden_group_moves_no_number_and_hides_the_same_units_everywhere(planned, world, tmp_path):
    plans = [*planned(NORTH + SOUTH + TINY).groups.values()]
    assert [{*each.designs["all"].under_contract} for each in plans[1:]] == [
        {"treated", "group 03"},
        {"treated", "group 01", "group 02"},
    ]
    assert [each.share_of(each.config.main_design) for each in plans] == [0.5, 0.4, 0.5]
    units = [each.hidden.units - {CONTRACT_GROUP} for each in plans]
    assert "group 03" in units[0]
    assert units[0] == units[1] == units[2]
    assert len(units[0]) >= 3  # of the published sums, none gives one unit
    plan = planned(NORTH + TINY)
    units = plan.hidden.units - {CONTRACT_GROUP}
    result = run_study(plan, n_jobs=1)
    table = result.tables["portfolio.csv"].set_index("group")
    assert table.loc["Tiny", "status"] == "hidden"
    assert table.loc["Tiny"].drop(["row", "status", "verdict"]).isna().all()
    sums = ["insured_years", "saving", "paid", "false_payments", "found_3", "at_risk"]
    shown = table.loc[["North"]]
    np.testing.assert_allclose(table[sums].iloc[-1].to_numpy(float), shown[sums].sum().to_numpy(float), rtol=1e-12)
    for rule in ("same_threshold", "same_rate"):
        assert shown[f"{rule}_false_payments"].sum() <= shown["false_payments"].sum() + 1e-9
    # attack: whatever the hidden group spends, the portfolio is the same
    other = world.copy()
    other.loc[other["unit"] == "group 03", "spending"] *= 1.7
    again = run_study(planned(NORTH + TINY, other), n_jobs=1)
    pd.testing.assert_frame_equal(again.tables["portfolio.csv"], result.tables["portfolio.csv"])
    folder = write_study(result, tmp_path / "out", report=None)
    assert {path.name for path in (folder / "groups").iterdir()} == {"North", "Tiny"}
    assert not [*folder.glob("groups/*/portfolio.csv")]
    for path in folder.rglob("*.csv"):
        read = pd.read_csv(path)
        assert "unit" not in read or not read["unit"].isin(units).any(), path
    assert pd.read_csv(folder / "groups" / "Tiny" / "settlement.csv").empty
    with speak("nl"):
        analysis = Analysis(disclosed(result))
        page = TABLES[0].build(analysis)
        assert page.column("group")[-1] == "Alle groepen"
        assert "Tiny" in page.notes[-1]
        assert " van 2 groepen" in in_words(portfolio_findings(analysis.table("portfolio.csv")))


def placebos_of(seed, n_origins=3, n_units=7, shock=0.03):
    rng = np.random.default_rng(seed)
    rows = [(f"u{u}", o) for o in range(n_origins) for u in range(n_units)]
    frame = pd.DataFrame(rows, columns=["unit", "origin"])
    frame["error"] = np.repeat(shock * rng.standard_normal(n_origins), n_units) + 0.02 * rng.standard_normal(len(rows))
    return frame


def test_thresholds_of_all_groups_are_the_smallest_that_keep_the_rate():
    first = placebos_of(3)
    second = first.assign(error=0.7 * first["error"])
    for at_most in (0.0, 0.2, 0.55):
        tried = np.sort(np.concatenate([[0.0], *(np.nextafter(part["error"], 1) for part in (first, second))]))
        good = [t for t in tried if t >= 0 and sum((part["error"] >= t).mean() for part in (first, second)) <= at_most]
        assert least_threshold([first, second], at_most) == min(good)


def test_the_correlation_is_that_of_a_known_shock():
    rho, error, n = correlation(placebos_of(5, n_origins=120, n_units=6, shock=0.02))
    assert n == 120
    assert abs(rho - 0.5) < 4 * error
    assert error == pytest.approx(np.sqrt(2 * 0.5**2 * (1 + 5 * 0.5) ** 2 / (6 * 5 * 119)), rel=0.3)  # Donner (1986)
    few = correlation(placebos_of(5, n_origins=1))
    assert np.isnan(few[0])
    assert np.isnan(correlation(placebos_of(5, n_origins=2))[1])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (NORTH + GROUP.format("East", '["treated "]'), "unit 'treated' is in the groups 'North' and 'East'"),
        (NORTH + GROUP.format("East", "[]"), r"group\[?.*treated"),
        (NORTH + GROUP.format("North", '["group 05"]'), r"groups \['North'\] share a name"),
        ('[case]\ntreated = ["treated"]\n' + SOUTH, r"case.treated stands beside \[\[group\]\]"),
        (NORTH + GROUP.format("../x", '["group 05"]'), "name"),
        (NORTH + GROUP.format("East", '["group 99"]'), "group 99"),
    ],
    ids=["shared unit", "no unit", "name twice", "groups and case", "name of a folder", "unknown unit"],
)
def test_refused(planned, groups, message):
    with pytest.raises(StudyError, match=message):
        planned(groups)
