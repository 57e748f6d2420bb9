"""The life of three contracts over three years, through the command line, against amounts computed from all lines.

ADEMP. Aims: do final amounts equal those of the lines, does a settled year stay, do intervals hold the known savings?
Data: `case_studies/contract_life` (simulated claims of persons; known savings of 8, 0 and 4%; late and corrected lines;
one agreement per group, four deliveries). Estimands: spending, payment and carried loss of each group and contract
year; the saving of all years. Methods: the administrative benchmark, a threshold and carried losses of the contract's
own. Performance: equality to the cent, in pandas and with own arithmetic of the contract; coverage of the 95% intervals
with its binomial error, over worlds. Reduced: one small world, its last two deliveries, without reports.
"""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ssinfer.console.study_run as console
from ssinfer.cli import main

pytestmark = pytest.mark.evidence
FILE = Path(__file__).parents[2] / "case_studies" / "contract_life" / "life.py"
GROUPS = {"Vlissingen": "Vlissingen", "Region 01": "region 01", "Region 02": "region 02"}
SHARES, THRESHOLD, YEARS = {"Vlissingen": 0.5, "Region 01": 0.5, "Region 02": 0.4}, 0.01, (2021, 2022, 2023)


@pytest.fixture(scope="module")
def life():
    spec = importlib.util.spec_from_file_location("contract_life", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_three_contracts_live_a_whole_life(life, tmp_path, monkeypatch, evidence_share):
    worlds, insured = (8, 24_000) if evidence_share == 1 else (1, 3_000)
    covered = []
    for seed in range(worlds):
        folder = tmp_path / str(seed)
        folder.mkdir()
        lines, deliveries = life.simulate(folder, insured, seed), life.DELIVERIES
        if evidence_share < 1:
            deliveries = deliveries[2:]
            monkeypatch.setattr(console, "write_report", None)
        spans = pd.read_parquet(folder / life.SIGNED / "enrolment.parquet")
        monkeypatch.chdir(folder)
        hashes = {}
        for command in life.commands(deliveries):
            monkeypatch.setattr("sys.argv", ["ssinfer", *command, "--jobs", "1"])
            with pytest.raises(SystemExit, match="0"):
                main()
            hashes = hashes or hash_of_agreements()
        assert hash_of_agreements() == hashes
        settled = {day: {name: final_years(f"result {day}", name) for name in GROUPS} for day in deliveries}
        for name, region in GROUPS.items():
            own = spans[spans["practice"].str.startswith(f"{region} ") & (spans["insurer"] == "A")]
            cents = [cents_of(lines, own, year, life.MONTHS) for year in YEARS]
            last = settled[deliveries[-1]][name]
            assert (last["spending"] * last["insured_years"] * 100).round().astype(int).to_list() == cents
            assert last["insured_years"].to_list() == pytest.approx([years_of(own, year) for year in YEARS], rel=1e-9)
            paid, carried = settlement(last["benchmark"] * last["insured_years"], np.array(cents) / 100, SHARES[name])
            assert last["payment"].to_list() == pytest.approx(paid, abs=0.0051)
            assert last["carried_loss"].to_list() == pytest.approx(carried, abs=0.0051)
            for day in deliveries:  # a settled year stays
                rows = settled[day][name]
                amounts = ["benchmark", "spending", "payment", "insured_years"]
                np.testing.assert_allclose(rows[amounts], last[amounts][: len(rows)], rtol=0, atol=0.005)
                result = Path(f"result {day}", "groups", name)
                assert hashlib.sha256((result / "agreement.toml").read_bytes()).hexdigest() == hashes[name]
            folder_of = Path(f"result {deliveries[-1]}")
            lines_of = pd.read_csv(folder_of / "groups" / name / "settlement.csv").set_index("party")
            total = lines_of.loc["providers", "amount"]
            portfolio = pd.read_csv(folder_of / "portfolio.csv").set_index("group")
            assert portfolio.loc[name, "paid"] == total == pytest.approx(sum(paid), abs=0.0151)
            saving = life.SAVINGS[region]
            row = pd.read_csv(folder_of / "groups" / name / "savings.csv").iloc[0]
            covered.append(row["lower"] <= row["spending"] * saving / (1 - saving) <= row["upper"])
        assert set(pd.read_csv(folder_of / "portfolio.csv")["final_paid"].isna()) == {True}
        changes = pd.read_csv(folder_of / "groups" / "Vlissingen" / "changes.csv")
        due = changes[changes["kind"] == "settlement"].set_index("cause")
        before, now = (
            pd.read_csv(Path(f"result {day}", "groups", "Vlissingen", "settlement.csv")).set_index("party")["amount"]
            for day in deliveries[-2:]
        )
        assert due["cents"].to_dict() == ((now - before) * 100).round().astype(int).to_dict()
        assert changes.loc[changes["kind"] == "spending", "cents"].abs().sum() > 0
    share, error = np.mean(covered), np.sqrt(0.05 * 0.95 / len(covered))
    print(f"{len(covered)} intervals of the saving of three years cover {share:.3f} (error {error:.3f})")  # noqa: T201
    assert share >= 0.95 - 3 * error


def hash_of_agreements():
    return {
        name: hashlib.sha256(Path("agreements", name, "agreement.toml").read_bytes()).hexdigest() for name in GROUPS
    }


def final_years(folder, name):
    """Return the contract years of a group that are final."""
    table = pd.read_csv(Path(folder, "groups", name, "term.csv"))
    return table[table["year"].ne("total") & table["state"].eq("final")].reset_index(drop=True)


def cents_of(lines, own, year, months):
    """Return cents of the group's lines of a year that were paid within some months of its end."""
    both = lines[lines["date"].dt.year == year].merge(own, on="person")
    start, end = (pd.to_datetime(both[key]) for key in ("start", "end"))
    age = both["paid"].dt.year * 12 + both["paid"].dt.month - 12 * (year + 1)
    kept = both[(both["date"] >= start) & ~(both["date"] > end) & (age <= months)]
    return int((kept["amount"] * 100).round().sum())


def years_of(own, year):
    """Return insured-years of a group in a year: days over those of the year."""
    first, last = pd.Timestamp(year, 1, 1), pd.Timestamp(year, 12, 31)
    start, end = (
        pd.to_datetime(own["start"]).clip(lower=first),
        pd.to_datetime(own["end"]).fillna(last).clip(upper=last),
    )
    return ((end - start).dt.days + 1).clip(lower=0).sum() / ((last - first).days + 1)


def settlement(benchmark, spending, share):
    """Return what years pay, and the losses that earlier years leave to them: the terms of contract.toml."""
    paid, left, carried = [], [], 0.0
    for due, spent in zip(benchmark, spending, strict=True):
        saving, least = due - spent, THRESHOLD * due
        pays = saving >= least
        paid.append(round(share * max(saving - carried, 0.0), 2) if pays else 0.0)
        left.append(carried)
        carried = max(carried - saving, 0.0) if pays else carried - saving if saving <= -least else carried
    return paid, left
