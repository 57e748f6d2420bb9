"""Municipalities matched by name and by code across sources and years."""

from __future__ import annotations

import pandas as pd
import pytest

from ssinfer.datasets import municipality_centroids, municipality_covariates
from ssinfer.datasets.vektis.coordinates import CENTROIDS, plain_name
from ssinfer.datasets.vektis.covariates import (
    CODES_SINCE_2021,
    EDUCATION,
    KEY_FIGURES,
    NAMES_SINCE_2015,
    SPLIT_SINCE_2015,
)
from ssinfer.errors import DatasetError

CENTROID_ROWS = 'municipality,code,latitude,longitude\n"Vlissingen",GM0718,51.448,3.569\n"Den Haag",GM0518,52.07,4.3\n'


@pytest.fixture
def cbs(tmp_path):
    (tmp_path / CENTROIDS).write_text(CENTROID_ROWS)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "vektis"),
    [
        ("Den Haag", "S GRAVENHAGE"),
        ("'s-Gravenhage", "S GRAVENHAGE"),
        ("Den Bosch", "S HERTOGENBOSCH"),
        ("Bergen (L)", "BERGEN LB"),
        ("Bergen (NH.)", "BERGEN NH"),
        ("Nuenen c.a.", "NUENEN CA"),
        ("Nuenen, Gerwen en Nederwetten", "NUENEN CA"),
        ("Noardeast-Fryslân", "NOARDEAST-FRYSLAN"),
        ("Reusel-De Mierden", "REUSEL-DE MIERDEN"),
    ],
)
def test_names_that_differ(name, vektis):
    assert plain_name(name) == plain_name(vektis)


def test_centroids_of_the_small_file(cbs):
    table = municipality_centroids(["VLISSINGEN", "S GRAVENHAGE"], cbs)
    assert table.loc["S GRAVENHAGE", "code"] == "GM0518"


def test_units_without_a_match_are_all_named(cbs):
    with pytest.raises(DatasetError, match=r"no municipality named BRIELLE, WESTVOORNE.*borders=2023"):
        municipality_centroids(["BRIELLE", "VLISSINGEN", "WESTVOORNE"], cbs)


def test_figures_that_are_missing_are_named_not_filled(cbs):
    (cbs / EDUCATION).write_text("regio,laag_n,middelbaar_n,hoog_n\nGM0718,10,20,10\n")
    table = municipality_covariates(["VLISSINGEN"], ["share_low_education"], cbs)
    assert table.loc["VLISSINGEN", "share_low_education"] == pytest.approx(0.25)
    with pytest.raises(DatasetError, match=r"education.*no figures for S GRAVENHAGE.*leave out share_low_education"):
        municipality_covariates(["VLISSINGEN", "S GRAVENHAGE"], ["share_low_education"], cbs)


def test_unknown_covariate_and_a_file_without_the_columns(cbs):
    with pytest.raises(DatasetError, match=r"no covariate 'incoem'\. Did you mean 'income'"):
        municipality_covariates(["VLISSINGEN"], ["incoem"], cbs)
    (cbs / EDUCATION).write_text("regio;laag_n\nGM0718;10\n")
    with pytest.raises(DatasetError, match=r"a semicolon separator .* Allowed: columns separated by ','"):
        municipality_covariates(["VLISSINGEN"], ["share_low_education"], cbs)


def test_every_municipality_of_2015_and_code_of_2021_has_its_place_in_2023(data_dir):
    """Authority: the municipal reorganisations of 2016-2023; each side of the map exists in its source."""
    folder = data_dir / "cbs"
    now = pd.read_csv(folder / CENTROIDS)
    names = set(now["municipality"].map(plain_name))
    then = pd.read_csv(folder / KEY_FIGURES, usecols=["RegioS", "Gemeentenaam"])
    old = set(then.loc[then["RegioS"].str.startswith("GM"), "Gemeentenaam"].map(plain_name))
    assert set(NAMES_SINCE_2015) <= old
    mapped = {NAMES_SINCE_2015.get(name, name) for name in old - set(SPLIT_SINCE_2015)}
    assert mapped == names
    codes = set(pd.read_csv(folder / EDUCATION)["regio"]) - {"NL00"}
    assert set(CODES_SINCE_2021) <= codes
    assert {CODES_SINCE_2021.get(code, code) for code in codes} == set(now["code"])
