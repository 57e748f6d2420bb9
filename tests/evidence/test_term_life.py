"""A contract of two years on claims: signed, settled provisionally and finally each year, on one agreement.

The spending of a final year is that of its lines, joined in pandas, to the cent. A settled year stays to the cent.
"""

from __future__ import annotations

import datetime as dt
import shutil

import pandas as pd
import pytest
from provisional_study import lines_of_contract, study

from ssinfer.agreement.settle import Settling
from ssinfer.agreement.sign import sign_study
from ssinfer.backtesting.kernels.block_bootstrap import block_weights
from ssinfer.simulation.claims import simulate_claims
from ssinfer.study import run_study, write_study
from ssinfer.study.previous import read_previous

pytestmark = pytest.mark.evidence
MONTHS = 9
DAYS = {"first": "2021-12-31", "second": "2022-12-31", "last": "2023-09-30"}  # the last delivery is final
CONTRACT = """
name = "two years"
rule_year = 2024
[threshold]
kind = "computed"
[rebasing]
every = 1
years = 1
[years]
carry_over_losses = true
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("life")
    options = {"first": "2017Q1", "last": "2022Q4", "start": "2021Q1", "practice_size": 110, "n_regions": 4}
    simulate_claims(path / "last", 5000, insured_under_contract=300, saving=0.43, seed=3, covid=False, **options)
    for name in ("first", "second"):
        shutil.copytree(path / "last", path / name)
        for file in (path / name / "claims").glob("*.parquet"):
            lines = pd.read_parquet(file, dtype_backend="pyarrow")
            lines[lines["paid"] <= dt.date.fromisoformat(DAYS[name])].to_parquet(file, index=False)
    (path / "contract.toml").write_text(CONTRACT)
    text = study("last", 2017, 2020, 2021, DAYS["second"], MONTHS)
    changes = {
        'last = "2021Q4" }\n\n': "",
        'performance = { first = "2021Q1", last = "2021Q4" }': 'performance = { first = "2021Q1", last = "2022Q4" }',
        'periods = { first = "2017Q1", last = "2021Q4" }': 'periods = { first = "2017Q1", last = "2022Q4" }',
        "[[spending]]": "[term]\nyears = 2\n[backtest]\nlevels = [0.9]\n[[spending]]",
        'kind = "confidence"': "level = 0.9",
        '"kerngezond-vlissingen"': f'"{(path / "contract.toml").as_posix()}"',
        '"AdministrativeBenchmark"': '"AdministrativeBenchmark"\nparameters = { history = 0, n_draws = 100 }',
    }
    for old, new in changes.items():
        text = text.replace(old, new)
    (path / "study.toml").write_text(text)
    return path


def test_a_contract_lives_two_years_on_one_agreement(folder, monkeypatch):
    monkeypatch.setattr(block_weights, "__defaults__", (25,))
    agreement = sign_study(folder / "study.toml")[""]
    assert [part["year"] for part in agreement.document["threshold"]["by_year"]] == ["1", "2"]
    results = {}
    for name, day in DAYS.items():
        settling = Settling(agreement, {"file": name, "extracted": day}, folder / "study.toml")
        plan = settling.plan()
        results[name] = plan, settling.finish(plan, run_study(plan, n_jobs=1))
    states = {name: dict(zip(t["year"], t["state"], strict=True)) for name, t in _tables(results, "term.csv").items()}
    assert states == {
        "first": {"1": "provisional", "total": "provisional"},
        "second": {"1": "final", "2": "provisional", "total": "provisional"},
        "last": {"1": "final", "2": "final", "total": "final"},
    }
    open_years = {name: t["year"].tolist() for name, t in _tables(results, "provisional.csv").items()}
    assert open_years == {"first": ["1", "total"], "second": ["2", "total"]}
    terms = {name: table.set_index("year") for name, table in _tables(results, "term.csv").items()}
    for year in ("1", "2"):
        lines = lines_of_contract(folder / "last", 2020 + int(year))
        row = terms["last"].loc[year]
        cents = lines.loc[lines["age"] <= MONTHS, "cents"].sum()
        assert round(100 * row["spending"] * row["insured_years"]) == cents
    known = ["threshold", "first_benchmark", "benchmark", "spending", "savings_rate", "payment"]
    assert terms["second"].loc["1", known].tolist() == terms["last"].loc["1", known].tolist()
    for then, now in (("first", "second"), ("second", "last")):
        write_study(results[then][1], folder / f"out {then}", report=None)
        plan, result = results[now]
        changes = read_previous(plan, folder / f"out {then}", folder).compared(plan, result).tables["changes.csv"]
        spending = changes[changes["kind"] == "spending"].set_index("cause")["cents"]
        assert spending.drop("total").sum() == spending["total"]
        paid = changes[(changes["kind"] == "settlement") & (changes["cause"] == "providers")].set_index("year")
        for year in paid.index.drop(""):
            before = terms[then]["payment"].get(year, 0.0)  # a new year: nothing was settled
            assert paid["cents"][year] == round(100 * (terms[now]["payment"][year] - before))
        assert paid["cents"].drop("").sum() == paid["cents"][""]
        years = terms[then].index.drop("total")
        total = (terms[now]["spending"] * terms[now]["insured_years"])[years].sum()
        now_row = changes[(changes["kind"] == "spending") & (changes["cause"] == "total")]
        assert now_row["now"].item() == pytest.approx(total, abs=0.01)


def _tables(results, name):
    return {key: result.tables[name] for key, (_, result) in results.items() if name in result.tables}
