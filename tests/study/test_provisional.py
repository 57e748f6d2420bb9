"""Provisional and final settlement of simulated claims, against amounts computed directly from all lines."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ssinfer.claims.completion import age_factors
from ssinfer.design import Design
from ssinfer.errors import ClaimsError, StudyError
from ssinfer.panel import Panel
from ssinfer.report import write_report
from ssinfer.simulation.claims import simulate_claims
from ssinfer.study import plan_study, run_study, write_study
from ssinfer.study.provisional import earlier_days, run_out_noise

STUDY = """
title = "provisional"
question = "what may still change?"

[data]
source = "claims"
file = "claims"
periods = { first = "2021Q1", last = "2022Q4" }

[case]
treated = ["contract"]
units = { contract = ["Vlissingen *"] }
groups = { kind = "bundles" }

[[population]]
insurers = ["A"]

[windows]
baseline = { first = "2021Q1", last = "2021Q4" }
performance = { first = "2022Q1", last = "2022Q4" }

[[spending]]
duplicates = "keep"
run_out = { extracted = 2023-03-31, months = 9, provisional = true }

[[comparison]]
name = "all"

[[threshold]]
kind = "confidence"
level = 0.95
side = "one-sided"

[[sharing]]
contract = "kerngezond-vlissingen"

[[method]]
method = "AdministrativeBenchmark"
"""
FINAL = STUDY.replace("2023-03-31", "2023-10-31")
QUARTERS = [f"2022Q{quarter}" for quarter in range(1, 5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("provisional")
    options = {"first": "2021Q1", "last": "2022Q4", "start": "2022Q1", "practice_size": 110, "n_regions": 4}
    simulate_claims(path / "claims", 5000, insured_under_contract=300, saving=0.32, seed=3, covid=False, **options)
    (path / "provisional.toml").write_text(STUDY)
    (path / "final.toml").write_text(FINAL)
    return path


def of_contract(folder):
    """Return lines in 2022 of persons of insurer A with a practice of Vlissingen: quarter, cents, age when paid."""
    claims, spans = (pd.read_parquet(folder / "claims" / name) for name in ("claims", "enrolment.parquet"))
    spans = spans[spans["practice"].str.startswith("Vlissingen") & (spans["insurer"] == "A")]
    both = claims.merge(spans, on="person")
    date, paid, start, end = (pd.to_datetime(both[name]) for name in ("date", "paid", "start", "end"))
    last = date.dt.year * 12 + 3 * date.dt.quarter
    cents = (both["amount"].astype(float) * 100).round().astype("int64")
    lines = pd.DataFrame({"person": both["person"], "quarter": date.dt.quarter, "cents": cents})
    lines["age"] = paid.dt.year * 12 + paid.dt.month - last
    return lines[(date.dt.year == 2022) & (date >= start) & ~(date > end)]


def cents_of_contract(plan):
    """Return the money of the contract group per quarter of 2022, as the study has it."""
    row, columns = plan.panel.rows(["contract"])[0], plan.panel.columns(QUARTERS)
    return 100 * plan.panel.spending[row, columns] * plan.panel.insured_years[row, columns]


@pytest.fixture(scope="module")
def plans(folder):
    return {name: plan_study(folder / f"{name}.toml") for name in ("provisional", "final")}


def test_amounts_are_those_of_the_lines_to_the_cent(plans, folder):
    # Authority: a join in pandas. On 31 March the quarters of 2022 are 12, 9, 6 and 3 months old; 9 months are final.
    lines, extract = of_contract(folder), next(iter(plans["provisional"].data.claims.extracts.values()))
    factors = extract.completion.set_index("period")["factor"]
    assert list(extract.completion["months"]) == [6, 3]
    assert next(iter(plans["final"].data.claims.extracts.values())).completion is None
    for name, ages in (("provisional", (9, 9, 6, 3)), ("final", (9, 9, 9, 9))):
        for quarter, (age, cents) in enumerate(zip(ages, cents_of_contract(plans[name]), strict=True), start=1):
            paid = lines[(lines["quarter"] == quarter) & (lines["age"] <= age)].groupby("person")["cents"].sum()
            factor = factors.get(f"2022Q{quarter}", 1.0) if name == "provisional" else 1.0
            assert cents == pytest.approx(np.floor(paid * factor + 0.5).sum(), abs=1e-3)


def test_a_provisional_settlement_says_what_may_still_change(plans, tmp_path):
    noise = plans["provisional"].data.run_out["all"]
    assert (noise.months, noise.until, noise.n_windows) == (3, 9, 1)
    assert plans["final"].data.run_out == {}
    result = run_study(plans["provisional"], parts=("evaluate",))
    row, saving = result.tables["provisional.csv"].iloc[0], result.savings.iloc[0]
    assert row["lower"] < saving["saving"] < row["upper"]
    assert row["upper"] - row["lower"] < saving["upper"] - saving["lower"]  # sampling noise of the group stays
    assert 0 < row["reaches"] == row["paid"] < 1
    assert row["payment_lower"] <= row["payment"] <= row["payment_upper"]
    page = (write_study(result, tmp_path / "out", report=write_report) / "report.html").read_text()
    assert "This settlement is provisional" in page
    assert "Prices may still change" in page
    assert (tmp_path / "out" / "provisional.csv").is_file()


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
    noise = run_out_noise(panel, views, Design(["u000"], [2021], [2022]), completion, 12)
    assert (noise.common, noise.to_come) == pytest.approx((0.01, 1 / 6))
    assert noise.own_error(1000) == pytest.approx(0.04 / 1.05, rel=0.06)  # 1,200 errors: 4% of a variance
    assert noise.own_error(9000) == pytest.approx(np.sqrt(4e-4 + 1.2 / 9000) / 1.05, rel=0.06)
    with pytest.raises(StudyError, match="0 earlier years are final and have 399"):
        run_out_noise(panel, {}, Design(["u000"], [2021], [2022]), completion, 12)


def test_days_of_earlier_views():
    leap = earlier_days(dt.date(2025, 2, 28), 12, 2, 12, 4)
    assert leap == {1: dt.date(2024, 2, 29), 2: dt.date(2023, 2, 28), 3: dt.date(2022, 2, 28)}
    assert list(earlier_days(dt.date(2024, 3, 31), 24, 3, 8, 4)) == [2]
