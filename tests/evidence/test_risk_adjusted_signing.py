"""The signing form of the risk-adjusted benchmark: conformance, and a contract from its agreement to its settlement.

Authority: the promises of the protocol; the same draws before and after the performance year. Intervals under no saving
are those of `risk_adjusted.py signing`, whose sums are committed.
"""

import numpy as np
import pandas as pd
import pytest
from risk_adjusted import COVERAGE, EVIDENCE

import ssinfer as ss
from ssinfer.agreement.settle import Settling
from ssinfer.agreement.sign import sign_study
from ssinfer.simulation import simulate_cohort
from ssinfer.study import run_study
from ssinfer.study.config import read_study
from ssinfer.study.plan import make_plan

pytestmark = pytest.mark.evidence
YEARS = tuple(range(2012, 2020))
STUDY = """
title = "signing"
question = "the same benchmark?"
seed = 3
suppress_below = 2
[data]
source = "claims"
file = "tables"
periods = { first = 2012, last = 2019 }
[case]
treated = ["practice 01"]
[windows]
baseline = { first = 2017, last = 2018 }
performance = [2019]
[backtest]
levels = [0.9]
[[spending]]
duplicates = "keep"
[[comparison]]
name = "all"
[[threshold]]
kind = "confidence"
level = 0.9
[[sharing]]
contract = "kerngezond-vlissingen"
[[method]]
method = "RiskAdjustedBenchmark"
parameters = { information = "signing", n_draws = 200 }
[agreement]
signed = 2018-12-31
"""


def write(folder, cohort):
    """Write a study with the tables of a cohort: one line per person and year, paid on its day."""
    tables = folder / "tables"
    tables.mkdir()
    person = pd.Series(cohort.person)
    born, sex = 2019 - cohort.covariates["age"].astype(int), np.where(cohort.covariates["female"] > 0, "V", "M")
    insured = {"person": person, "birth_year": born, "sex": sex}
    pd.DataFrame(insured).to_csv(tables / "insured.csv", index=False)
    spans = {"person": person, "insurer": "A", "practice": cohort.unit, "start": "2012-01-01", "end": "2019-12-31"}
    pd.DataFrame(spans).to_csv(tables / "enrolment.csv", index=False)
    lines = cohort.to_frame().query("spending > 0")
    dates = lines["period"].astype(str) + "-06-01"
    claims = {"person": lines["person"], "date": dates, "category": "gp", "amount": lines["spending"], "paid": dates}
    pd.DataFrame(claims).to_csv(tables / "claims.csv", index=False)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")


def test_a_contract_is_signed_and_settled_on_the_same_benchmark(tmp_path):
    cohort = simulate_cohort(24, persons=(10, 14), periods=YEARS, seed=4, saving=0.3)
    write(tmp_path, cohort)
    agreement = sign_study(tmp_path / "study.toml")[""]
    threshold = agreement.document["threshold"]
    assert threshold["form"] == "number"
    assert agreement.document["parameters"]["RiskAdjustedBenchmark"]["information"] == "'signing'"
    config = read_study(tmp_path / "study.toml")
    sealed = make_plan(config.sealed(config.agreement.signed), "", tmp_path)
    (pair,) = sealed.pairs
    before = sealed.methods[pair[1]].fit(sealed.data_for(*pair), sealed.designs[pair[0]], seed=5)
    settling = Settling(agreement, {"file": str(tmp_path / "tables")})
    plan = settling.plan()
    after = plan.methods[pair[1]].fit(plan.data_for(*pair), plan.designs[pair[0]], seed=5)
    np.testing.assert_array_equal(after.benchmark, before.benchmark)
    assert np.isnan(before.spending).all()
    assert after.pooled_spending > 0
    result = settling.finish(plan, run_study(plan, n_jobs=1))
    assert result.case_thresholds.query("decides")["rate"].item() == threshold["rate"]


def test_conformance_passes():
    cohort = simulate_cohort(24, persons=(15, 25), periods=YEARS, seed=2)
    report = ss.check_benchmark(ss.RiskAdjustedBenchmark(information="signing", n_draws=400), cohort, replicates=0)
    print(report)  # noqa: T201
    assert report.passed
    information = report.checks.set_index("check").loc["information"]
    assert (information["status"], information["figure"]) == ("PASS", 0)


def test_intervals_cover_where_growth_is_a_shock():
    """Of the committed figures; two standard errors, by cohort, and half a draw of each interval."""
    table = pd.read_csv(EVIDENCE / "risk_adjusted_signing.csv").query("form == 'signing'")
    assert (table.groupby("world")["n"].sum() >= 100).all()
    for _, part in table.groupby("world"):
        for level in COVERAGE:
            rate = part[f"{level}%"].sum() / part["n"].sum()
            clusters = len(part)
            error = np.sqrt(((part[f"{level}%"] - rate * part["n"]) ** 2).sum()) / part["n"].sum()
            assert abs(100 * rate - level) < 200 * max(error, 0.5 / clusters) + 1
