"""Provisional and final settlement of simulated claims, against amounts computed directly from all lines."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from provisional_study import lines_of_contract, study
from small_study import without_pictures

from ssinfer.claims import ClaimsTables, RunOut, extract
from ssinfer.claims.backend.calendar import Calendar
from ssinfer.claims.changes import refuse_fewer_lines
from ssinfer.claims.completion import age_factors, check_maturity
from ssinfer.errors import ClaimsError, StudyError
from ssinfer.panel import Panel
from ssinfer.report import write_report
from ssinfer.simulation.claims import simulate_claims
from ssinfer.study import plan_study, run_study, write_study
from ssinfer.study.claims_extracts import population_of, spending_of
from ssinfer.study.config import read_study
from ssinfer.study.disclosure import disclosed_tables
from ssinfer.study.frames import CHANGES
from ssinfer.study.hidden import HiddenGroups
from ssinfer.study.previous import read_previous
from ssinfer.study.provisional import RunOutNoise, earlier_days, final_thresholds, run_out_noise

STUDY = study("first", 2021, 2021, 2022, "2023-03-31", 9)
FINAL = study("second", 2021, 2021, 2022, "2023-10-31", 9)
TARIFFS = "\nreference_tariffs = [{ category = 'paramedical', tariff = 20.0 }]"
EARLY, LATE = (9, 9, 6, 3), (9, 9, 9, 9)  # ages in months at which lines of a quarter count
QUARTERS = [f"2022Q{quarter}" for quarter in range(1, 5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two deliveries: of the first, lines are not paid yet, or differ, and persons are elsewhere."""
    path = tmp_path_factory.mktemp("provisional")
    first, second = path / "first", path / "second"
    options = {"first": "2021Q1", "last": "2022Q4", "start": "2022Q1", "practice_size": 110, "n_regions": 4}
    simulate_claims(second, 5000, insured_under_contract=300, saving=0.43, seed=3, covid=False, **options)
    shutil.copytree(second, first)
    spans = pd.read_parquet(second / "enrolment.parquet")
    inside = spans["practice"].str.startswith("Vlissingen")
    spans.loc[spans.index[inside][:15], "practice"] = spans["practice"][~inside].iloc[0]
    spans.to_parquet(first / "enrolment.parquet")
    table = pq.read_table(second / "claims" / "part-00000.parquet")
    frame = table.select(["person", "date", "amount", "paid"]).to_pandas()
    chosen = frame["person"].isin(spans["person"][inside]) & (pd.to_datetime(frame["date"]).dt.year == 2022)
    frame.loc[frame.index[chosen][::40], "amount"] += Decimal("10.55")
    table = table.set_column(
        table.column_names.index("amount"), "amount", pa.array(frame["amount"], pa.decimal128(12, 2))
    )
    table = table.filter(pa.array(frame["paid"] <= dt.date(2023, 3, 31)))
    pq.write_table(table, first / "claims" / "part-00000.parquet")
    (path / "provisional.toml").write_text(STUDY)
    (path / "final.toml").write_text(FINAL.replace("provisional = true }", "provisional = true }" + TARIFFS))
    return path


def of_contract(folder, delivery, enrolment=None, *, repriced=False):
    return lines_of_contract(folder / delivery, 2022, folder / (enrolment or delivery), tariff=20 if repriced else None)


def due(lines, ages):
    """Return the lines that are paid at the age of their quarter."""
    return lines[lines["age"] <= lines["quarter"].map(dict(zip(range(1, 5), ages, strict=True)))]


def cents_of_contract(panel):
    """Return the money of the contract group per quarter of 2022."""
    row, columns = panel.rows(["contract"])[0], panel.columns(QUARTERS)
    return 100 * panel.spending[row, columns] * panel.insured_years[row, columns]


@pytest.fixture(scope="module")
def plan(folder):
    return plan_study(folder / "provisional.toml")


@pytest.fixture(scope="module")
def final(folder, plan):
    """The study on the second delivery: its settings, and the extract of its claims."""
    config, tables = read_study(folder / "final.toml"), ClaimsTables.open(folder / "second")
    population = population_of(config.case, config.population[0], plan.panel.periods, tables)
    return config, extract(tables, population, spending_of(config.spending[0]), periods=plan.panel.periods)


def test_amounts_are_those_of_the_lines_to_the_cent(plan, final, folder):
    # Authority: a join in pandas. On 31 March the quarters of 2022 are 12, 9, 6 and 3 months old; 9 months are final.
    counted = next(iter(plan.data.claims.extracts.values()))
    factors = counted.completion.set_index("period")["factor"]
    assert list(counted.completion["months"]) == [6, 3]
    assert final[1].completion is None
    for panel, delivery, ages in ((plan.panel, "first", EARLY), (final[1].panel, "second", LATE)):
        lines = due(of_contract(folder, delivery, repriced=delivery == "second"), ages)
        for quarter, cents in enumerate(cents_of_contract(panel), start=1):
            paid = lines[lines["quarter"] == quarter].groupby("person")["cents"].sum()
            factor = factors.get(f"2022Q{quarter}", 1.0) if delivery == "first" else 1.0
            assert cents == pytest.approx(np.floor(paid * factor + 0.5).sum(), abs=1e-3)


@pytest.fixture(scope="module")
def previous(plan, tmp_path_factory):
    result = run_study(plan, parts=("evaluate",))
    return result, write_study(result, tmp_path_factory.mktemp("previous") / "out", report=None)


def test_a_provisional_settlement_says_what_may_still_change(plan, previous):
    noise, (result, _) = plan.run_out["all"], previous
    assert (noise.n_units, noise.n_windows) == (len(plan.panel.units) - 1, 1)
    row, saving = result.tables["provisional.csv"].iloc[0], result.savings.iloc[0]
    assert row["lower"] < saving["saving"] < row["upper"]
    assert row["upper"] - row["lower"] < saving["upper"] - saving["lower"]  # sampling noise of the group stays
    assert 0 < row["reaches"] == row["paid"] < 1
    assert row["final_threshold"] == pytest.approx(row["threshold"], rel=0.1)
    assert 0 < row["final_threshold_se"] < 0.3 * row["threshold"]
    assert 0 <= row["payment_lower"] <= row["payment_upper"]


def test_changes_since_the_previous_delivery_add_up_to_the_cent(plan, final, folder, previous, tmp_path):
    config, counted = final
    spent = cents_of_contract(counted.panel).sum() / 100
    held = previous[0]
    before = held.savings.iloc[0]
    years = before["insured_years"] + 2.5  # and a benchmark of 7 more per insured-year
    numbers = {"spending": spent / years, "insured_years": years, "benchmark": before["benchmark"] + 7}
    savings = held.savings.assign(**numbers)
    result = replace(held, savings=savings, settlement=held.settlement.assign(amount=[-1000.5, 1000.5]))
    now = replace(plan, config=config)
    result = read_previous(now, previous[1], folder).compared(now, result)
    table = result.tables["changes.csv"].set_index(["kind", "cause"])
    # Authority: the same lines by joins in pandas, with one cause after another brought up to date.
    states = [
        due(of_contract(folder, "first"), EARLY),
        due(of_contract(folder, "first", "second"), EARLY),
        due(of_contract(folder, "second"), EARLY),
        due(of_contract(folder, "second"), LATE),
        due(of_contract(folder, "second", repriced=True), LATE),
    ]
    causes = ["persons", "corrected lines", "late lines", "prices"]
    for cause, then, now in zip(causes, states, states[1:], strict=False):
        row = table.loc["spending", cause]
        assert (row["lines"], row["cents"]) == (len(now) - len(then), now["cents"].sum() - then["cents"].sum())
        assert row["cents"] != 0
    spending, total = table.loc["spending"], table.loc["spending", "total"]
    assert spending["cents"].drop("total").sum() == total["cents"]
    assert total["now"] == pytest.approx(states[-1]["cents"].sum() / 100)
    benchmark = table.loc["benchmark", "cents"]
    assert benchmark["persons"] == round(250 * before["benchmark"])
    assert benchmark["per insured-year"] == pytest.approx(700 * years, abs=1)
    assert benchmark.drop("total").sum() == benchmark["total"]
    settled = [each.settlement.set_index("party")["amount"] for each in (previous[0], result)]
    for party, difference in (settled[1] - settled[0]).items():
        assert table.loc["settlement", party]["cents"] == round(100 * difference)
    assert table.loc["settlement"]["cents"].sum() == 0
    with without_pictures():
        out = write_study(result, tmp_path / "out", report=write_report)
    page = (out / "report.html").read_text()
    for words in (
        "What changed since the previous delivery",
        "This settlement is provisional",
        "Prices may still change",
    ):
        assert words in page
    assert json.loads((out / "manifest.json").read_text())["previous"]["extracted"] == "2023-03-31"
    assert "claimants" not in pd.read_csv(out / "changes.csv").columns


def test_causes_of_few_persons_are_joined():
    rows = [
        ("persons", 500, 4, 0.3),
        ("corrected lines", 800, 40, 0.1),
        ("late lines", 9000, 90, 0.1),
        ("prices", 0, 0, 0.0),
    ]
    names = ["cause", "cents", "claimants", "largest"]
    table = pd.DataFrame([*rows, ("estimates", -4000, 0, 0.0), ("total", 6300, 0, 0.0)], columns=names)
    table = table.assign(design="a", method="m", kind="spending", year="", lines=1, then=0.0, now=0.0)
    table = CHANGES.conform(table.assign(euros=table["cents"] / 100))
    shown = disclosed_tables({"changes.csv": table}, HiddenGroups(10))["changes.csv"]
    assert dict(zip(shown["cause"], shown["cents"], strict=True)) == {
        "several, joined because one is too small to be shown": 1300,
        "late lines": 9000,
        "prices": 0,
        "estimates": -4000,
        "total": 6300,
    }


def test_previous_results_that_cannot_be_compared(plan, final, folder, previous, tmp_path):
    out, plan = previous[1], replace(plan, config=final[0])
    other = replace(
        plan, config=plan.config.model_copy(update={"case": plan.config.case.model_copy(update={"units": {}})})
    )
    with pytest.raises(StudyError, match="case differ from the previous study"):
        read_previous(other, out, folder)
    with pytest.raises(StudyError, match=r"its data are needed, and .* is missing in"):
        read_previous(plan, out, tmp_path)
    place = folder / "first" / "deaths.parquet"
    held = place.read_bytes()
    place.write_bytes(held + b" ")
    with pytest.raises(StudyError, match=r"first/deaths\.parquet is not the file of that run"):
        read_previous(plan, out, folder)
    place.write_bytes(held)
    with pytest.raises(StudyError, match="Cannot read the previous result"):
        read_previous(plan, tmp_path, folder)


def test_a_second_delivery_with_fewer_lines_is_refused():
    paid = [dt.date(2022, 2, 1), dt.date(2022, 3, 1), dt.date(2022, 6, 1)]
    then, now = (
        SimpleNamespace(claims=ibis.memtable(pd.DataFrame({"paid": paid}).iloc[rows])) for rows in ([0, 1], [0, 2])
    )
    with pytest.raises(ClaimsError, match=r"1 lines paid by 2022-03-31, and the previous one had 2: .*fewer_lines"):
        refuse_fewer_lines(then, now, dt.date(2022, 3, 31))
    refuse_fewer_lines(now, then, dt.date(2022, 3, 31))


def test_a_triangle_of_one_year_is_refused():
    triangle = pd.DataFrame([[60.0, 90.0, 100.0]] * 4 + [[60.0, 90.0, np.nan]], index=[*QUARTERS, "2023Q1"])
    with pytest.raises(ClaimsError, match=r"the triangle has one: 2022\. Two are needed"):
        age_factors(triangle, 2, {4: 1}, [2022, 2022, 2022, 2022, 2023])
    factors = age_factors(triangle, 2, {4: 1}, [2021, 2022, 2022, 2022, 2023])
    assert list(factors.loc[0, ["period", "months", "factor", "standard_error"]]) == ["2023Q1", 1, 100 / 90, 0.0]


def test_noise_of_the_run_out_is_learned_from_other_units_in_earlier_years():
    # 400 units of two sizes whose own run-out has the variance fixed + shrinking / n; the factor is 5% off
    rng, sizes = np.random.default_rng(1), np.repeat([1000.0, 9000.0], 200)[:, None] * np.ones(4)
    own = rng.standard_normal((400, 3)) * np.sqrt(4e-4 + 1.2 / sizes[:, :3])
    units = tuple(f"u{number:03d}" for number in range(400))
    panel = Panel(units, (2019, 2020, 2021, 2022), np.full((400, 4), 100.0), sizes)
    views = {back: replace(panel, spending=100 / (1.05 + np.column_stack([own, own[:, 0]]))) for back in (1, 2, 3)}
    completion = pd.DataFrame({"period": [2022], "months": [3], "factor": [1.2], "standard_error": [0.012]})
    noise = run_out_noise(panel, views, ["u000"], [2022], completion)
    assert (noise.common, noise.to_come) == pytest.approx((0.01, 1 / 6))
    assert np.sqrt(noise.variance(1000)) == pytest.approx(0.04 / 1.05, rel=0.06)  # 1,200 errors: 4% of a variance
    assert np.sqrt(noise.variance(9000)) == pytest.approx(np.sqrt(4e-4 + 1.2 / 9000) / 1.05, rel=0.06)
    with pytest.raises(StudyError, match="0 earlier years are final, and there are 399 units"):
        run_out_noise(panel, {}, ["u000"], [2022], completion)


def test_a_learned_threshold_loses_the_variance_of_the_run_out():
    # Authority: closed form. 2,000 placebo errors of SD 5%, whose run-out adds an SD of 2%; sd / sqrt(2 x 2,000) = 2%
    rng, units = np.random.default_rng(2), tuple(f"u{number:04d}" for number in range(2000))
    errors = np.sqrt(0.05**2 + 0.02**2) * rng.standard_normal(2000)
    panel = Panel(units, (2021, 2022), np.column_stack([np.full(2000, 100.0), 100 * (1 + errors)]), np.ones((2000, 2)))
    noise = RunOutNoise(common=0.0, fixed=0.02**2, sizes=dict.fromkeys(units, 1.0), n_units=2000)

    def learned(seen):
        sd = float((seen.spending[:, 1] / 100).std())
        return 1.645 * sd, sd

    final = final_thresholds(noise, panel, [2022], learned, rng)
    expected = 1.645 * np.std(errors) * np.sqrt(0.05**2 / (0.05**2 + 0.02**2))
    assert final.mean() == pytest.approx(expected, rel=0.03)  # ratio: to (0.02 / 0.05)^4
    assert final.std() < 0.02 * expected
    assert final_thresholds(noise, panel, [2022], lambda _: (0.04, 0.02), rng) == pytest.approx(0.04, rel=1e-9)


def test_signing_a_provisional_study_needs_no_factor(folder):
    study = read_study(folder / "provisional.toml")
    with pytest.raises(ClaimsError, match="Or pass provisional=True"):
        check_maturity(RunOut(extracted=dt.date(2023, 3, 31), months=9), Calendar.of(["2022Q3", "2022Q4"]))
    sealed = study.sealed(dt.date(2021, 12, 31)).main_design.spending.run_out
    check_maturity(RunOut(**sealed.model_dump()), Calendar.of(["2022Q3", "2022Q4"]))


def test_days_of_earlier_views():
    leap = earlier_days(dt.date(2025, 2, 28), 12, 2, 12, 4)
    assert leap == {1: dt.date(2024, 2, 29), 2: dt.date(2023, 2, 28), 3: dt.date(2022, 2, 28)}
    assert list(earlier_days(dt.date(2024, 3, 31), 24, 3, 8, 4)) == [2]
