"""Simulated claims: what the truth tables say is what the files hold, and the published means come back."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from ssinfer.errors import DatasetError
from ssinfer.simulation import claims
from ssinfer.simulation.claims import SimulatedClaims, simulate_claims
from ssinfer.simulation.dutch_spending import CATEGORY_MEANS, INSURED, MEAN_SPENDING, NATIONAL_MEAN, spending_by_age

SMALL = {"first": "2021Q1", "last": "2022Q4", "start": "2022Q1"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "claims"
    return simulate_claims(folder, 8_000, insured_under_contract=1_600, saving=0.05, seed=3, **SMALL)


def query(simulated, text):
    return duckdb.sql(text.replace("$", str(simulated.folder))).df()


def test_published_means_are_consistent():
    # Authority: Vektis open data 2018; EUR 2,601.07 per insured-year. The row of pooled small cells, 1.2% of all
    # insured-years, has neither sex nor age and is cheap: the classes alone give 2,625.
    weights = np.concatenate([INSURED["M"], INSURED["V"]])
    assert np.average(np.concatenate(list(MEAN_SPENDING.values())), weights=weights) == pytest.approx(2601.07, rel=0.01)
    assert spending_by_age(np.array(["M", "V"]), np.array([3, 97])).tolist() == [2137.0, 10444.0]
    assert sum(CATEGORY_MEANS.values()) == pytest.approx(NATIONAL_MEAN, rel=0.001)


def test_truth_is_the_sum_of_the_lines_to_the_cent(simulated):
    sums = query(
        simulated,
        """select e.practice, e.insurer, year(date) || 'Q' || quarter(date) period,
                  cast(sum(amount * 100) as bigint) cents, count(*) as lines
           from '$/claims/*.parquet' c join '$/enrolment.parquet' e
             on c.person = e.person and c.date >= e.start and (e."end" is null or c.date <= e."end")
           group by all""",
    )
    both = simulated.truth.merge(sums, on=["practice", "insurer", "period"], how="left", suffixes=("", "_lines"))
    assert (both["cents"] == both["cents_lines"].fillna(0)).all()
    assert sums["lines"].sum() == simulated.lines  # every line falls in exactly one span
    days = query(
        simulated,
        """select sum(datediff('day', start, coalesce("end", date '2022-12-31')) + 1) as n
           from '$/enrolment.parquet'""",
    )
    assert days["n"][0] == simulated.truth["insured_days"].sum()


def test_saving_is_known_and_only_where_it_should_be(simulated, tmp_path):
    rates = simulated.true_rates()
    assert rates[:"2021Q4"].tolist() == [0, 0, 0, 0]
    assert rates["2022Q1":].to_numpy() == pytest.approx(0.05, abs=1e-4)  # rounded to cents per line
    truth = simulated.truth
    changed = truth[truth["cents"] != truth["cents_without"]]
    assert set(changed["insurer"]) == {"A"}
    assert set(changed["practice"]) <= set(simulated.treated)
    persons = simulated.persons()
    assert persons["cents"].sum() == changed["cents"].sum()
    assert persons["person"].nunique() == pytest.approx(1_600, rel=0.1)
    none = simulate_claims(tmp_path / "none", 8_000, insured_under_contract=1_600, seed=3, **SMALL)
    merged = none.truth.merge(truth, on=["practice", "insurer", "period"], suffixes=("_none", ""))
    assert (merged["cents_none"] == merged["cents_without"]).all()


def test_saving_by_category(tmp_path):
    simulated = simulate_claims(
        tmp_path / "c", 4_000, insured_under_contract=1_000, saving={"hospital": 0.2}, seed=1, **SMALL
    )
    assert 0.05 < simulated.true_rates()["2022Q2"] < 0.2


def test_files_do_not_depend_on_jobs(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "CHUNK", 1_500)
    serial, parallel = (
        simulate_claims(tmp_path / str(jobs), 2_500, insured_under_contract=300, seed=9, n_jobs=jobs, **SMALL)
        for jobs in (1, 2)
    )
    files = sorted(path.relative_to(serial.folder) for path in serial.folder.rglob("*.parquet"))
    assert len(files) == 8
    for file in files:
        assert (serial.folder / file).read_bytes() == (parallel.folder / file).read_bytes()
    again = SimulatedClaims.load(serial.folder)
    assert again.truth.equals(serial.truth)
    assert again.setting == serial.setting


def test_means_by_age_and_sex_are_the_published_ones(tmp_path):
    # Landscape and time made flat; what is left is age, sex, SES, frailty and the last year of life, all with mean 1.
    flat = {"region_sd": 0, "practice_sd": 0, "shock_sd": 0, "region_shock_sd": 0, "growth": 0, "contract_level": 1.0}
    options = {**flat, "covid": False, "season": False, "frailty_sd": 0.5}
    made = simulate_claims(tmp_path / "flat", 60_000, insured_under_contract=6_000, seed=2, **SMALL, **options)
    means = query(
        made,
        """with days as (select sex, (2021 - birth_year) // 20 * 20 as age, sum(datediff('day', start, coalesce("end",
                         date '2022-12-31')) + 1) / 365.0 as years from '$/insured.parquet' join '$/enrolment.parquet'
                         using (person) where birth_year <= 2021 group by all),
                money as (select sex, (2021 - birth_year) // 20 * 20 as age, sum(amount) as euros
                          from '$/insured.parquet' join '$/claims/*.parquet' using (person) group by all)
           select sex, age, euros / years as mean, years from days join money using (sex, age)""",
    )
    for row in means[means["age"] < 90].itertuples():
        classes = slice(row.age // 5, row.age // 5 + 4)
        expected = np.average(MEAN_SPENDING[row.sex][classes], weights=INSURED[row.sex][classes])
        # A class has 4,000 to 17,000 insured-years, cv about 2.5: Monte Carlo error 2 to 4%.
        assert row.mean == pytest.approx(expected, rel=0.13), (row.sex, row.age)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "2025Q1"}, "allowed: a quarter from '2018Q2' to '2024Q2'"),
        ({"first": "spring"}, "is not a period"),
        ({"insured_under_contract": 1_000}, "must be left as donors"),
        ({"tail_index": 2}, "a number more than 2"),
        ({"saving": {"hospitals": 0.1}}, "names 'hospitals'"),
        ({"corrections": 0.7}, "corrections is 0.7"),
    ],
)
def test_refusals(tmp_path, options, message):
    with pytest.raises(DatasetError, match=message):
        simulate_claims(tmp_path / "x", 1_000, seed=1, **{"insured_under_contract": 100, **options})
    assert not (tmp_path / "x").exists()


def test_an_existing_folder_is_not_overwritten(tmp_path):
    with pytest.raises(DatasetError, match="exists"):
        simulate_claims(tmp_path, 1_000, insured_under_contract=100, seed=1)
    with pytest.raises(DatasetError, match=r"no parameters\.json"):
        SimulatedClaims.load(tmp_path)
