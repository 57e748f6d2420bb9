"""Dutch municipalities as a panel: published check figures, borders, notes, covariates, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ssinfer.datasets import load_vektis, national_vektis, vektis_cells
from ssinfer.datasets.vektis.columns import care_types
from ssinfer.datasets.vektis.panel import COVARIATES
from ssinfer.errors import DatasetError, PanelError, SsinferError

OLD = ("ALFA", "BOXTEL", "HAAREN", "OISTERWIJK", "TILBURG", "UDEN", "LANDERD", "VUGHT")
NEW = ("ALFA", "BOXTEL", "MAASHORST", "OISTERWIJK", "TILBURG", "VUGHT")


@pytest.fixture(autouse=True)
def published(request, monkeypatch):
    """Files come from SSINFER_DATA_DIR when a test asks for it, else only from the test's own folder."""
    if "data_dir" not in request.fixturenames:
        monkeypatch.setenv("SSINFER_DATA_DIR", "/nowhere")


@pytest.fixture
def small(write_vektis, vektis_text_of):
    """2018 and 2022 of a few municipalities, two of which merge and one of which is split."""
    write_vektis(2018, vektis_text_of(2018, OLD), genuine=True)
    write_vektis(2022, vektis_text_of(2022, NEW, case="lower"), genuine=True, compress=True)
    return write_vektis.folder


@pytest.mark.usefixtures("data_dir")
def test_check_figures_of_2015():
    """Authority: README of the data: Vlissingen EUR 2,646.03 (44,369 insured), national 2,341.67 (17,268,188)."""
    panel = load_vektis([2015], basket="total")
    row = panel.select(["VLISSINGEN"]).to_frame().iloc[0]
    assert round(row["spending"], 2) == 2646.03
    cells = vektis_cells([2015], "total")
    assert cells.loc[cells["unit"] == "VLISSINGEN", "insured"].sum() == 44_369
    national = national_vektis([2015]).loc[2015]
    assert round(national["spending"], 2) == 2341.67
    assert national["insured"] == 17_268_188
    assert 0.016 < national["pooled_share"] < 0.025


@pytest.mark.usefixtures("data_dir")
def test_files_of_every_division_are_on_one_set_of_borders():
    panel, notes = load_vektis(range(2018, 2023), return_notes=True)
    assert panel.spending.shape == (342, 5)
    assert np.isfinite(panel.spending).all()
    assert set(notes.excluded) == {"HAAREN"}
    assert "VOORNE AAN ZEE" in notes.merged
    assert list(panel.units) == sorted(panel.units)
    assert set(panel.covariates) == {"expected", "share_65_plus", "latitude", "longitude"}
    assert all(np.isfinite(values).all() for values in panel.covariates.values())
    # the reference group is the panel: expected and actual money are equal in every year
    money = [(panel.insured_years * values).sum(axis=0) for values in (panel.spending, panel.covariates["expected"])]
    np.testing.assert_allclose(*money, rtol=1e-10)


@pytest.mark.usefixtures("data_dir")
def test_all_covariates_are_complete():
    panel = load_vektis([2015], covariates=COVARIATES)
    income = dict(zip(panel.units, panel.covariates["income"][:, 0], strict=True))
    assert all(np.isfinite(values).all() for values in panel.covariates.values())
    # authority: CBS 70072ned, 2015: Bloemendaal 41,800; unmerged municipalities keep the published figure
    assert income["BLOEMENDAAL"] == pytest.approx(41_800.0)
    assert panel.units[int(np.argmax(panel.covariates["income"][:, 0]))] == "BLOEMENDAAL"


def test_merged_units_add_up_and_split_ones_are_excluded_with_a_note(small):
    panel, notes = load_vektis([2018], folder=small, covariates=["expected"], return_notes=True)
    assert panel.units == NEW
    assert "HAAREN" in notes.excluded
    assert "split over BOXTEL, OISTERWIJK, TILBURG, VUGHT" in notes.excluded["HAAREN"]
    assert notes.merged["MAASHORST"] == ("LANDERD", "UDEN")
    old = vektis_cells([2018], folder=small, borders=2019)
    new = vektis_cells([2018], folder=small)
    parts = old[old["unit"].isin(["UDEN", "LANDERD"])]
    for name in ("spending", "insured", "insured_years"):
        assert new.loc[new["unit"] == "MAASHORST", name].sum() == pytest.approx(parts[name].sum())


def test_years_over_the_split_are_cautioned(small):
    _, notes = load_vektis([2018, 2022], folder=small, covariates=["expected"], return_notes=True)
    assert any("hold the inhabitants of HAAREN: their population jumps" in line for line in notes.cautions)
    assert "Excluded: HAAREN" in str(notes)


def test_pooled_row_is_in_no_unit_and_in_the_national_mean(small):
    cells = vektis_cells([2018], "total", folder=small, borders=2019)
    national = national_vektis([2018], folder=small).loc[2018]
    assert national["insured"] == cells["insured"].sum() + 50
    assert national["insured_years"] == pytest.approx(cells["insured_years"].sum() + 45.5)
    pooled = len(care_types(2018)) * 1000.25
    assert national["spending"] * national["insured_years"] == pytest.approx(cells["spending"].sum() + pooled)


def test_reference_group_moves_expected(small):
    everyone, some = (
        load_vektis([2018], folder=small, covariates=["expected"], reference=group).covariates["expected"]
        for group in (None, ["ALFA"])
    )
    assert not np.allclose(everyone, some)


def test_cells_kept_in_the_cache_are_the_same(small, own_cache):
    first = vektis_cells([2018, 2022], folder=small)
    kept = list((own_cache / "frames").iterdir())
    assert [path.suffix for path in kept] == [".parquet"]
    pd.testing.assert_frame_equal(first, vektis_cells([2018, 2022], folder=small))
    assert list((own_cache / "frames").iterdir()) == kept


def test_years_given_in_any_order_and_twice(small):
    assert load_vektis([2022, 2018, 2022], folder=small, covariates=[]).periods == (2018, 2022)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"years": []}, "years is empty"),
        ({"years": 2018}, r"years is 2018; allowed: a list"),
        ({"years": [2018.5]}, r"years is \[2018\.5\]"),
        ({"basket": "cor"}, r"no basket 'cor'.*Did you mean 'core'"),
        ({"basket": "total", "years": [2018, 2022]}, "KOSTEN_GZSP"),
        ({"borders": 2019, "years": [2018, 2022]}, "borders of 2023; they cannot be taken back to 2019"),
        ({"borders": 2020}, "not a known municipal division"),
        ({"covariates": ["incme"]}, r"no covariate 'incme'. Did you mean 'income'"),
        ({"reference": ["ALFAA"]}, r"got 'ALFAA'.*Did you mean 'ALFA'"),
    ],
)
def test_refusals(small, options, message):
    asked = {"years": [2018], "folder": small, "covariates": ["expected"]} | options
    with pytest.raises(SsinferError, match=message):
        load_vektis(**asked)


def test_coordinates_are_refused_when_asked_for_and_absent_and_noted_otherwise(small):
    with pytest.raises(DatasetError, match=r"municipality_centroids_2023\.csv is not in"):
        load_vektis([2018], folder=small, covariates=["latitude"])
    panel, notes = load_vektis([2018], folder=small, return_notes=True)
    assert "latitude" not in panel.covariates
    assert any("No coordinates" in line for line in notes.cautions)


def test_a_municipality_that_is_not_in_every_year_is_named(write_vektis, vektis_text_of):
    write_vektis(2015, vektis_text_of(2015, ("ALFA", "BETA")), genuine=True)
    write_vektis(2016, vektis_text_of(2016, ("ALFA",)), genuine=True)
    with pytest.raises(DatasetError, match="BETA are in the file of 2015 and not in all other years"):
        load_vektis([2015, 2016], folder=write_vektis.folder, covariates=[])


def test_a_gap_in_the_years_is_refused_by_the_panel(write_vektis):
    for year in (2013, 2014, 2016):
        write_vektis(year, genuine=True)
    with pytest.raises(PanelError, match="2015"):
        load_vektis([2013, 2014, 2016], folder=write_vektis.folder, covariates=[])
