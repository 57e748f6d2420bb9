"""Dartmouth, MSSP and Proposition 99: what the published files hold, and what is refused."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from ssinfer.datasets import load_dartmouth, load_mssp, load_prop99
from ssinfer.errors import DatasetError

DARTMOUTH = "year,county_fips,county_name,medicare_enrollees,total_asr,total_price_asr\n"


@pytest.mark.usefixtures("data_dir")
def test_dartmouth_counts_the_persons_observed():
    """Authority: README of the data: a 20% sample to 2009, all enrollees from 2010."""
    panel = load_dartmouth()
    assert panel.spending.shape == (2129, 12)
    assert all(len(unit) == 5 for unit in panel.units)
    jump = panel.insured_years[:, 7].sum() / panel.insured_years[:, 6].sum()
    assert 4.5 < jump < 5.5
    factor = panel.covariates["enrollees_per_person"]
    assert (factor[:, :7] == 5).all()
    assert (factor[:, 7:] == 1).all()


@pytest.mark.usefixtures("data_dir")
def test_dartmouth_at_national_prices():
    assert not np.allclose(load_dartmouth().spending, load_dartmouth(price_adjusted=True).spending)


def test_dartmouth_leaves_out_counties_with_gaps_and_keeps_leading_zeros(tmp_path):
    rows = [
        f"{year},{fips},C,50.0,{7000 + year},{7000 + year}" for year in range(2003, 2015) for fips in ("01001", "01003")
    ]
    (tmp_path / "county_medicare_2003_2014.csv").write_text(DARTMOUTH + "\n".join(rows[:-1]) + "\n")
    assert load_dartmouth(folder=tmp_path).units == ("01001",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DARTMOUTH + "2003,01001,C,50.0,7000\n", "line 2: 5 fields, the header has 6: the file is truncated"),
        (DARTMOUTH.replace(",", ";") + "2003;01001;C;50;1;1\n", "has a semicolon separator in its first line"),
        (DARTMOUTH.replace("total_asr,", "") + "2003,01001,C,50.0,7000\n", "lacks the columns total_asr"),
        (
            DARTMOUTH + '2003,01001,C,50.0,"7000,5",7000\n',
            r"first '7000,5' .*with a decimal point",
        ),
        (DARTMOUTH + "2003,01001,C,50.0,1.0,1.0\n" * 2, "county_fips 01001, year 2003 twice"),
    ],
)
def test_dartmouth_damaged(tmp_path, text, message):
    (tmp_path / "county_medicare_2003_2014.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_dartmouth(folder=tmp_path)


def test_absent_and_truncated_files(tmp_path):
    with pytest.raises(DatasetError, match=r"county_medicare_2003_2014\.csv is not in .*ssinfer data list"):
        load_dartmouth(folder=tmp_path)
    raw = gzip.compress(DARTMOUTH.encode() * 50)
    (tmp_path / "county_medicare_2003_2014.csv.gz").write_bytes(raw[:-10])
    with pytest.raises(DatasetError, match="truncated or not a gzip file"):
        load_dartmouth(folder=tmp_path)


@pytest.mark.usefixtures("data_dir")
def test_prop99():
    """Authority: Abadie, Diamond and Hainmueller (2010): 39 states, 1970-2000."""
    panel = load_prop99()
    assert panel.spending.shape == (39, 31)
    assert panel.insured_years is None
    california = panel.spending[panel.rows(["California"])[0]]
    assert california[0] == pytest.approx(123.0, abs=0.01)


@pytest.mark.usefixtures("data_dir")
def test_mssp_rates_are_fractions_and_money_adds_up():
    mssp = load_mssp()
    assert {year: len(frame) for year, frame in mssp.results.items()} == {2022: 482, 2023: 453}
    for frame in mssp.results.values():
        rate = (frame["ABtotBnchmk"] - frame["ABtotExp"]) / frame["ABtotBnchmk"]
        assert (rate - frame["Sav_rate"]).abs().max() < 6e-5  # published to 0.01 percentage points
        assert frame["FinalShareRate"].between(0.0, 0.75).all()
        assert frame["QualScore"].dropna().between(0.0, 1.0).all()
        assert pd.api.types.is_numeric_dtype(frame["Per_Capita_Exp_ALL_ESRD_BY1"])
    assert mssp.panel["performance_year"].agg(["min", "max"]).tolist() == [2013, 2023]


@pytest.fixture
def mssp_copy(data_dir, tmp_path):
    for path in (data_dir / "mssp").glob("*.csv.gz"):
        (tmp_path / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
    return tmp_path


def test_mssp_refuses_a_saving_that_is_not_benchmark_minus_expenditure(mssp_copy):
    path = mssp_copy / "mssp_core_panel_2013_2023.csv"
    text = path.read_text()
    path.write_text(text.replace("573516046.0", "573516946.0", 1))
    with pytest.raises(DatasetError, match=r"not the saving for A1001 in 2013 \(USD 90. apart\)"):
        load_mssp(mssp_copy)


def test_mssp_refuses_a_rate_in_words_and_an_aco_twice(mssp_copy):
    path = mssp_copy / "PY2022_results_PUF.csv"
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace("6.46%", "about six", 1))
    with pytest.raises(DatasetError, match="Sav_rate holds 'about six'"):
        load_mssp(mssp_copy)
    path.write_text(text.rstrip("\n") + "\n" + text.rstrip("\n").rsplit("\n", 1)[-1] + "\n")
    with pytest.raises(DatasetError, match=r"PY2022_results_PUF\.csv has A.* twice"):
        load_mssp(mssp_copy)
