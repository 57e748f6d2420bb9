"""The look at a study's data: what is printed, what is refused, and the word that overrules each refusal."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_study import small_study

from ssinfer import Panel
from ssinfer.console.look import look_text
from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.look.checks import implausible_mean
from ssinfer.periods import span
from ssinfer.report.analysis import Analysis
from ssinfer.report.tables.methods import FIRST_PAGE
from ssinfer.sentences import sentence
from ssinfer.study import plan_study

STUDY = """\
title = "A small study"
question = "Which design?"
[data]
source = "panel"
file = "panel.csv"
{data}
[population]
treated = ["u00"]
[windows]
baseline = {{ first = 2010, last = 2016 }}
performance = [2017]
[[comparison]]
name = "a"
{comparison}
[[method]]
method = "AdministrativeBenchmark"
parameters = {{ n_draws = 400, history = 0 }}
"""
READINGS = ("totals of a unit and period", "cents", "thousand")


def panel(seed=0, n_units=24):
    """Spending around 2,500 per insured-year in whole euros, and insured-years in whole numbers."""
    rng = np.random.default_rng(seed)
    grid = [(f"u{j:02d}", year) for j in range(n_units) for year in range(2010, 2018)]
    frame = pd.DataFrame(grid, columns=["unit", "period"])
    return frame.assign(
        spending=rng.integers(2300, 2700, len(frame)).astype(float),
        insured_years=rng.integers(3000, 9000, len(frame)).astype(float),
    )


def plan(folder, frame, data="", comparison="", tell=None):
    text = frame if isinstance(frame, str) else frame.to_csv(index=False)
    (folder / "panel.csv").write_text(text, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY.format(data=data, comparison=comparison), encoding="utf-8")
    return plan_study(folder / "study.toml", tell=tell)


def refusal(folder, frame, **keys):
    with pytest.raises(StudyError) as refused:
        plan(folder, frame, **keys)
    return str(refused.value)


def thousands(value):
    return f"{value:,.0f}".replace(",", ".")


def test_the_look_is_printed_in_twenty_lines_of_eighty_columns(tmp_path):
    texts = []
    plan(tmp_path, panel(), tell=lambda look: texts.append(look_text(look)))
    (text,) = texts
    assert len(text.splitlines()) <= 20
    assert max(map(len, text.splitlines())) <= 80
    for words in (
        "8 years, 2010 to 2017",
        "24, of which under contract: u00",
        "given per insured-year",
        "baseline 2010 to 2016 (7 years); performance 2017 (1 year)",
        "23 contracts per window; windows start in 2017",
    ):
        assert words in " ".join(text.split())


def test_gaps_of_a_year_and_a_single_placebo_window_are_found_by_design(tmp_path):
    """By hand: 2019Q4 to 2022Q2 leave out nine quarters; no other window of "long" or "cut" has all four seasons."""
    grid = [(f"u{j:02d}", quarter) for j in range(24) for quarter in span("2018Q2", "2024Q2")]
    frame = pd.DataFrame(grid, columns=["unit", "period"]).assign(insured_years=1000.0)
    frame["spending"] = np.random.default_rng(1).normal(600, 5, len(frame))
    frame.to_csv(tmp_path / "panel.csv", index=False)
    text = STUDY.format(data="", comparison="").replace("[population]", "[case]")
    text = text.replace("[2017]", '{ first = "2022Q2", last = "2023Q1" }')
    text = text.replace("first = 2010, last = 2016", 'first = "2018Q2", last = "2019Q1"')
    text += """
[[design]]
name = "long"
masked = { first = "2020Q1", last = "2021Q4" }
[[design]]
name = "cut"
baseline = { first = "2019Q2", last = "2021Q1" }
masked = { first = "2020Q1", last = "2021Q4" }
[[design]]
name = "recent"
baseline = { first = "2021Q2", last = "2022Q1" }
"""
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    looks = []
    plan_study(tmp_path / "study.toml", tell=looks.append)
    found = [finding for finding in looks[0].findings if finding.id in FIRST_PAGE]
    last = {"first": "2022Q2", "all": False}
    assert [(finding.id, dict(finding.numbers)) for finding in found] == [
        ("gap_between_baseline_and_performance", {**last, "last": "2019Q1", "years": 3.0, "designs": ["long"]}),
        ("one_placebo_window", {"origin": "2022Q2", "designs": ["long", "cut"], "all": False}),
        ("gap_between_baseline_and_performance", {**last, "last": "2019Q4", "years": 2.25, "designs": ["cut"]}),
    ]
    assert not any(finding.refuses for finding in found)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 99), change=st.sampled_from([100.0, 1000.0, 1 / 1000, "points"]))
def test_money_on_another_scale_is_refused_with_three_readings(tmp_path, seed, change):
    """Fault A7 (33, 46): cents, thousands, and thousands points read as decimals."""
    frame = panel(seed)
    if change == "points":
        frame["spending"] = frame["spending"].map(thousands)
    else:
        frame["spending"] *= change
    said = refusal(tmp_path, frame)
    assert [words for words in READINGS if words not in said] == []
    assert "plausible is EUR 300 to EUR 30,000" in said
    plan(tmp_path, frame, data='plausible = [0.001, 1e9]\naccept = ["thousands"]')


def test_totals_are_refused_and_the_plausible_reading_is_named(tmp_path):
    """Fault A7 (46): totals in place of means."""
    frame = panel()
    mean = np.average(frame["spending"], weights=frame["insured_years"])
    frame["spending"] *= frame["insured_years"]
    assert f"totals of a unit and period (EUR {mean:,.0f}, which is plausible)" in refusal(tmp_path, frame)


def test_without_insured_years_totals_are_no_reading():
    frame = panel().drop(columns="insured_years")
    frame["spending"] *= 100
    (finding,) = implausible_mean(Panel.from_frame(frame, insured_years=None), (300, 30_000))
    with speak(currency="EUR"):
        assert "totals of a unit and period (unknown)" in sentence(finding)


def test_thousands_points_are_refused_where_persons_have_them(tmp_path):
    """Fault A7 (33): insured-years of 1.250 for 1,250."""
    frame = panel()
    frame["insured_years"] = frame["insured_years"].map(thousands)
    said = refusal(tmp_path, frame)
    assert "insured_years looks like numbers with thousands points" in said
    assert 'accept = ["thousands"] in [data]' in said


@pytest.mark.parametrize("currency", ["EUR", "GBP"])
def test_only_all_care_in_euros_and_dollars_has_a_plausible_range(tmp_path, currency):
    frame = panel().assign(spending=lambda f: f["spending"] + 100_000)
    (tmp_path / "panel.csv").write_text(frame.to_csv(index=False), encoding="utf-8")
    text = f'currency = "{currency}"\n' + STUDY.format(data="", comparison="")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    if currency == "GBP":
        assert plan_study(tmp_path / "study.toml").panel.units[0] == "u00"
    else:
        with pytest.raises(StudyError, match="Mean spending is EUR 102,"):
            plan_study(tmp_path / "study.toml")


def test_a_total_row_is_refused_unless_it_is_accepted(tmp_path):
    """Fault A7 (34): a total row per period would be a donor and a placebo."""
    frame = panel()
    weighted = frame.assign(money=frame["spending"] * frame["insured_years"]).groupby("period")[
        ["money", "insured_years"]
    ]
    total = weighted.sum().reset_index()
    total["spending"] = total["money"] / total["insured_years"]
    both = {name: pd.concat([frame, total.assign(unit=name).drop(columns="money")]) for name in ("Totaal", "x")}
    assert "'Totaal' looks like a total row: its name says so" in refusal(tmp_path, both["Totaal"])
    assert "'x' looks like a total row: it has 50% of all insured-years" in refusal(tmp_path, both["x"])
    assert plan(tmp_path, both["x"], data='accept = ["total_row"]').panel.units[-1] == "x"


def test_zero_and_negative_cells_are_refused_unless_they_are_accepted(tmp_path):
    """Fault W13: a unit recorded as zero before it opened is named."""
    frame = panel()
    frame.loc[(frame["unit"] == "u05") & (frame["period"] < 2012), "spending"] = [0.0, -3.0]
    said = refusal(tmp_path, frame)
    assert "Spending of 'u05' is EUR 0.00 in 2010 (2 cells are negative or zero)" in said
    assert 'accept = ["nonpositive"] in [data]' in said


@pytest.mark.parametrize(("name", "values"), [("mean_age", 43.0), ("share_75plus", 0.1)])
def test_a_standard_that_is_no_expected_spending_is_refused(tmp_path, name, values):
    """Fault A6 (98): mean age, or the share of persons of 75 and older, as the standard."""
    frame = panel()
    frame[name] = values * (1 + 0.1 * np.random.default_rng(1).standard_normal(len(frame)))
    keys = {"data": f'columns = {{ covariates = ["{name}"] }}', "comparison": f'standard = "{name}"'}
    said = refusal(tmp_path, frame, **keys)
    assert f"Standard '{name}' has mean" in said
    assert "0.5 to 2 times mean spending" in said
    plan(tmp_path, frame, **{**keys, "data": keys["data"] + '\naccept = ["standard"]'})


@pytest.mark.parametrize("scale", [2400.0, 1.0])
def test_expected_spending_and_an_index_are_standards(tmp_path, scale):
    frame = panel()
    frame["expected"] = scale * (1 + 0.1 * np.random.default_rng(1).standard_normal(len(frame)))
    plan(tmp_path, frame, 'columns = { covariates = ["expected"] }', 'standard = "expected"')


def test_too_few_placebos_are_said_and_the_study_goes_on(tmp_path):
    looks = []
    plan(tmp_path, panel(n_units=15), tell=looks.append)
    text = " ".join(look_text(looks[0]).split())
    assert "The 95% placebo threshold is left out of design 'a': it needs 19 placebo contracts per window" in text
    assert "90% placebo threshold" not in text


def test_equal_blocks_under_two_names_are_said_and_fitted_once(tmp_path):
    looks = []
    fitted = plan(tmp_path, panel(), comparison='[[comparison]]\nname = "b"\nlabel = "again"', tell=looks.append)
    said = [finding for finding in looks[0].findings if finding.id == "equal_blocks"]
    assert [dict(finding.numbers) for finding in said] == [{"block": "comparison", "name": "b", "other": "a"}]
    assert "comparison 'b' says the same as 'a'" in " ".join(look_text(looks[0]).split())
    assert fitted.pairs == (("a", "AdministrativeBenchmark"),)


@pytest.mark.parametrize("given", ["per insured-period", "total"])
def test_spending_in_any_unit_becomes_spending_per_insured_year(tmp_path, given):
    """Fault 55: the unit of spending is stated, and printed."""
    frame = panel()
    years = plan(tmp_path, frame).panel
    frame["period"] = frame["period"].map(lambda year: f"{2010 + (year - 2010) // 4}Q{(year - 2010) % 4 + 1}")
    text = STUDY.format(data=f'spending_is = "{given}"', comparison="")
    text = text.replace("first = 2010, last = 2016", 'first = "2010Q1", last = "2011Q3"').replace(
        "[2017]", '["2011Q4"]'
    )
    times = frame["insured_years"] if given == "total" else 1 / 4
    (tmp_path / "panel.csv").write_text(frame.assign(spending=frame["spending"] * times).to_csv(index=False), "utf-8")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    looks = []
    quarters = plan_study(tmp_path / "study.toml", tell=looks.append).panel
    np.testing.assert_allclose(quarters.spending, years.spending)
    assert f"given {'as a total' if given == 'total' else given}" in " ".join(look_text(looks[0]).split())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('accept = ["total_rows"]', "Did you mean 'total_row'"),
        ("plausible = [30000, 300]", "lowest, highest"),
        ("plausible = [300, inf]", "finite"),
        ('spending_is = "per insured"', "per insured-year"),
    ],
)
def test_impossible_keys_are_refused(tmp_path, data, words):
    assert words in refusal(tmp_path, panel(), data=data)


def test_units_have_names_in_look_and_report_and_not_in_the_hash(tmp_path):
    texts, named = [], '[population]\nnames = { u00 = "Vlissingen", u01 = "Veere" }\n'
    plain = plan(tmp_path, panel())
    study = (tmp_path / "study.toml").read_text().replace("[population]\n", named)
    (tmp_path / "study.toml").write_text(study)
    with_names = plan_study(tmp_path / "study.toml", tell=lambda look: texts.append(look_text(look)))
    assert "24, of which under contract: Vlissingen" in texts[0]
    assert with_names.study_hash == plain.study_hash
    assert with_names.panel.units == plain.panel.units
    manifest = {"study": with_names.config.model_dump(mode="json")}
    analysis = Analysis(replace(small_study(), designs=with_names.designs, manifest=manifest))
    assert (analysis.group, analysis.unit("u01"), analysis.unit("u02")) == ("Vlissingen", "Veere", "u02")
    (tmp_path / "study.toml").write_text(study.replace("u01 =", "u91 ="))
    with pytest.raises(StudyError, match=r"case\.names \(line \d+\): the data have no unit 'u91'\. Did you mean"):
        plan_study(tmp_path / "study.toml")
