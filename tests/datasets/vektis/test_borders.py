"""Municipal borders: mapping forward, never back."""

from __future__ import annotations

import pytest

from ssinfer.datasets.vektis.borders import DIVISIONS, division_of, renames, target_division, unmappable
from ssinfer.errors import DatasetError

# authority: README of the data
README_2023 = {
    "EEMSDELTA": {"APPINGEDAM", "DELFZIJL", "LOPPERSUM"},
    "PURMEREND": {"BEEMSTER"},
    "LAND VAN CUIJK": {"BOXMEER", "CUIJK", "GRAVE", "MILL EN SINT HUBERT", "SINT ANTHONIS"},
    "MAASHORST": {"LANDERD", "UDEN"},
    "DIJK EN WAARD": {"HEERHUGOWAARD", "LANGEDIJK"},
    "AMSTERDAM": {"WEESP"},
    "VOORNE AAN ZEE": {"BRIELLE", "HELLEVOETSLUIS", "WESTVOORNE"},
}


def test_to_2023_as_the_readme_lists():
    merged = {}
    for old, new in renames(2011, 2023).items():
        merged.setdefault(new, set()).add(old)
    assert merged == README_2023
    assert unmappable(2018, 2023) == {"HAAREN": ("BOXTEL", "OISTERWIJK", "TILBURG", "VUGHT")}
    assert renames(2022, 2023) == {}
    assert unmappable(2019, 2023) == {}


@pytest.mark.parametrize("year", range(2011, 2023))
@pytest.mark.parametrize("division", DIVISIONS)
def test_number_of_municipalities(data_dir, year, division):
    """Authority: 355 names through 2018, 352 in 2019, 344 in 2020-21, 342 from 2022 (README of the data)."""
    from ssinfer.datasets.vektis.file import read_vektis_file

    if division < division_of(year):
        with pytest.raises(DatasetError, match=f"borders of {division_of(year)}.*taken apart.*borders=2023"):
            renames(year, division)
        return
    names = set(read_vektis_file(year, data_dir / "vektis")["unit"].dropna())
    assert len(names) == DIVISIONS[division_of(year)]
    assert set(renames(year, division)) <= names
    mapped = {renames(year, division).get(name, name) for name in names - set(unmappable(year, division))}
    assert len(mapped) == DIVISIONS[division]


@pytest.mark.parametrize("borders", [2020, "current", None, 2023.5])
def test_unknown_division(borders):
    with pytest.raises(DatasetError, match=r"not a known municipal division. Allowed: 2019 \(355"):
        target_division(borders)


def test_division_as_text():
    assert target_division("2022") == 2022
