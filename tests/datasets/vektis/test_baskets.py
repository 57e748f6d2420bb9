"""Baskets: what is in them per year, and between which years they are refused."""

from __future__ import annotations

import pytest

from ssinfer.datasets.vektis.baskets import BASKETS, basket_of, find_basket
from ssinfer.datasets.vektis.columns import CARE_TYPES, GGZ, age_classes, care_types
from ssinfer.datasets.vektis.file import read_vektis_file
from ssinfer.errors import DatasetError

YEARS = range(2011, 2024)
ENTERED = {
    "VERPLEGING_EN_VERZORGING",
    "LANGDURIGE_GGZ",
    "EERSTELIJNSVERBLIJF",
    "GZSP",
    "GERIATRISCHE_REVALIDATIEZORG",
}


@pytest.mark.parametrize("year", YEARS)
def test_core_is_total_minus_what_entered(year):
    """Authority: the issue's definition of the core basket."""
    assert set(BASKETS["total"].columns(year)) == set(care_types(year))
    assert set(BASKETS["core"].columns(year)) == set(care_types(year)) - ENTERED
    assert set(BASKETS["without_ggz"].columns(year)) == set(care_types(year)) - ENTERED - set(GGZ)
    programme = set(care_types(year)) - {"MONDZORG", *GGZ}
    assert set(BASKETS["zvw_without_dental_ggz"].columns(year)) == programme
    assert set(BASKETS["core_without_dental_ggz"].columns(year)) == programme - ENTERED


def test_mental_health_care_is_coded_in_three_ways():
    """Authority: README of the data."""
    assert {name for name in GGZ if name in care_types(2013)} == {"TWEEDELIJNS_GGZ", "EERSTELIJNS_PSYCHOLOGISCHE_ZORG"}
    assert {name for name in GGZ if name in care_types(2016)} == {
        "SPECIALISTISCHE_GGZ",
        "GENERALISTISCHE_BASIS_GGZ",
        "LANGDURIGE_GGZ",
    }
    assert {"CONSULTEN_GGZ", "INTRAMURAAL_VERBLIJF_GGZ", "OVERIGE_PRESTATIES_GGZ"} < {
        name for name in GGZ if name in care_types(2022)
    }


@pytest.mark.parametrize("basket", ["core", "without_ggz", "core_without_dental_ggz"])
def test_comparable_over_all_years(basket):
    BASKETS[basket].check_comparable(YEARS)


@pytest.mark.parametrize(
    ("basket", "years", "reason"),
    [
        ("total", [2014, 2015], "2014/2015: district nursing and long-term mental health care"),
        ("total", [2012, 2013], "geriatric rehabilitation"),
        ("total", [2016, 2017], "primary-care residence"),
        ("total", [2019, 2020], "KOSTEN_GZSP"),
        ("total", [2011, 2022], "2012/2013: .*2014/2015: .*2016/2017: .*2019/2020: "),
        ("zvw_without_dental_ggz", [2016, 2017], "primary-care residence"),
        ("zvw_without_dental_ggz", [2011, 2022], "2012/2013: .*2014/2015: district nursing.*2016/2017: "),
        ("hospital", [2011, 2012], "moved from pharmacy to hospital"),
        ("pharmacy", [2012, 2013], "moved from pharmacy to hospital"),
        ("gp", [2014, 2015], "chain care"),
    ],
)
def test_refused_with_the_reason_and_the_spans(basket, years, reason):
    with pytest.raises(DatasetError, match=rf"'{basket}' is not comparable.*{reason}.*Allowed: years within one of"):
        BASKETS[basket].check_comparable(years)


@pytest.mark.parametrize(
    ("basket", "years"),
    [
        ("total", [2015]),
        ("total", [2017, 2019]),
        ("total", [2020, 2022]),
        ("zvw_without_dental_ggz", YEARS[6:]),
        ("hospital", YEARS[2:]),
        ("gp", YEARS[4:]),
    ],
)
def test_accepted_inside_a_span(basket, years):
    BASKETS[basket].check_comparable(years)


def test_unknown_basket_names_the_nearest():
    with pytest.raises(DatasetError, match=r"no basket 'corre'. Did you mean 'core'\? Allowed: total, core"):
        find_basket("corre")


def test_members_are_known_care_types():
    for basket in BASKETS.values():
        assert set(basket.members) <= set(CARE_TYPES)
        assert len(set(basket.members)) == len(basket.members)


def test_a_basket_with_and_without_care_types_has_their_breaks():
    """Authority: the years of the columns; the named basket without mental health care is comparable over all years."""
    without = basket_of("w", "core", exclude=GGZ)
    assert set(without.members) == set(BASKETS["without_ggz"].members)
    assert not without.breaks
    assert set(basket_of("r", "core", ["GERIATRISCHE_REVALIDATIEZORG"]).breaks) == {2013}
    assert set(basket_of("d", None, ["FARMACIE"]).breaks) == {2012, 2013}
    assert set(basket_of("o", "core", exclude=["CONSULTEN_GGZ"]).breaks) == {2022}
    assert basket_of("c", "core") is BASKETS["core"]
    with pytest.raises(DatasetError, match=r"no care type 'FARMACY'\. Did you mean 'FARMACIE'"):
        basket_of("f", None, ["FARMACY"])


@pytest.mark.parametrize("ages", [(18, 64), (65, 80), (70, 64)])
def test_ages_inside_a_published_class_are_refused(ages):
    with pytest.raises(DatasetError, match=r"ages is .* Allowed: a first age of 0, 5"):
        age_classes(ages)
    assert age_classes((65, 74)) == ["65-69", "70-74"]


def test_care_that_entered_below_five_euros_is_a_note_and_other_care_a_break(data_dir):
    """Authority: the publisher's files. A care type whose column starts is above EUR 5 at a break only."""
    programme, means = BASKETS["zvw_without_dental_ggz"], {}
    starts = {care: CARE_TYPES[care][0] for care in programme.members if 2011 < CARE_TYPES[care][0] < 2023}
    for year in set(starts.values()):
        frame = read_vektis_file(year, data_dir / "vektis")
        sums = frame[[care for care, start in starts.items() if start == year]].sum()
        means |= dict(sums / frame["insured_years"].sum())
    own_column = {"HUISARTS_MDZ", "INTEGRALE_GEBOORTEZORG", "EERSTELIJNSVERBLIJF"}  # were in other columns before
    entered = {care: mean for care, mean in means.items() if care not in own_column}
    assert {CARE_TYPES[care][0] for care, mean in entered.items() if mean >= 5} == {2013, 2015}
    assert {care for care, mean in entered.items() if mean < 5} == {"GZSP"}
    assert "KOSTEN_GZSP: EUR 0.4" in programme.notes[2020][0]
    assert round(entered["GZSP"], 1) == 0.4
