"""One test per mistake: the message names the file, what was got, what is allowed, and the cure."""

from __future__ import annotations

import gzip
import shutil

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.datasets.vektis import columns
from ssinfer.datasets.vektis.baskets import baskets_touched
from ssinfer.datasets.vektis.columns import care_types, known_names
from ssinfer.datasets.vektis.file import read_vektis_file
from ssinfer.datasets.vektis.panel import load_vektis
from ssinfer.errors import DatasetError

# the publisher's own: names end after 32 characters
HEADER_2023 = (
    "geslacht;leeftijdsklasse;gemeentenaam;aantal_bsn;aantal_verzekerdejaren;kosten_medisch_specialistische_z;"
    "kosten_farmacie;kosten_huisarts_inschrijftarief;kosten_huisarts_consult;kosten_huisarts_mdz;"
    "kosten_huisarts_overig;kosten_hulpmiddelen;kosten_mondzorg;kosten_paramedische_zorg_fysioth;"
    "kosten_paramedische_zorg_overig;kosten_ziekenvervoer_zittend;kosten_ziekenvervoer_liggend;kosten_kraamzorg;"
    "kosten_verloskundige_zorg;kosten_grensoverschrijdende_zorg;kosten_eerstelijns_ondersteuning;"
    "kosten_geriatrische_revalidatiez;kosten_eerstelijnsverblijf;kosten_verpleging_en_verzorging;kosten_gzsp;"
    "kosten_integrale_geboortezorg;kosten_innovatiegelden_ggz;kosten_overig;kosten_consulten_ggz;"
    "kosten_intramuraal_verblijf_ggz;kosten_overige_prestaties_ggz"
)
FETCH = "Next step: .*ssinfer data fetch vektis"


def read(write, year, text, **options):
    path = write(year, text)
    return read_vektis_file(year, path.parent, **options)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("year", [2011, 2013, 2014, 2015, 2018, 2020, 2021, 2022])
def test_reads_each_set_of_columns_plain_and_compressed(write_vektis, year, compress):
    path = write_vektis(year, genuine=True, compress=compress)
    frame = read_vektis_file(year, path.parent)
    assert list(frame.columns) == ["unit", "sex", "age_class", "insured", "insured_years", *care_types(year)]
    assert frame["unit"].isna().sum() == 1
    assert len(frame) == 2 * 19 * 3 + 1


def test_lower_case_header_byte_order_mark_and_windows_line_ends_read_alike(write_vektis, vektis_text_of):
    upper = read(write_vektis, 2022, vektis_text_of(2022), verify=False)
    text = vektis_text_of(2022, case="lower").replace("\n", "\r\n")
    marked = read(write_vektis, 2022, b"\xef\xbb\xbf" + text.encode(), verify=False)
    pd.testing.assert_frame_equal(upper, marked)


def test_the_publishers_own_file_name_is_found(write_vektis):
    path = write_vektis(2020, genuine=True)
    path.rename(path.with_name("Vektis Open Databestand Zorgverzekeringswet 2020 - gemeente_versie2.csv"))
    assert len(read_vektis_file(2020, path.parent)) == 115


def test_absent_file_names_the_folder_and_the_fetch(tmp_path):
    with pytest.raises(DatasetError, match=r"vektis_2015_gemeente\.csv is not in .*ssinfer data fetch vektis"):
        read_vektis_file(2015, tmp_path)


def test_absent_data_dir_says_that_the_variable_is_unset(monkeypatch):
    monkeypatch.delenv("SSINFER_DATA_DIR", raising=False)
    with pytest.raises(DatasetError, match="SSINFER_DATA_DIR is unset"):
        read_vektis_file(2015)


def test_unknown_year_names_the_years():
    with pytest.raises(DatasetError, match="Allowed: 2011 to 2023"):
        read_vektis_file(2010)


def test_truncated_in_a_row_names_the_line(write_vektis, vektis_text_of):
    text = vektis_text_of(2015)
    with pytest.raises(DatasetError, match=r"line \d+: \d+ fields, the header has 27: the file is truncated.*" + FETCH):
        read(write_vektis, 2015, text[: len(text) // 2])


def test_truncated_at_a_row_lacks_the_pooled_row(write_vektis, vektis_text_of):
    text = "\n".join(vektis_text_of(2020).split("\n")[:60])
    with pytest.raises(DatasetError, match=r"0 rows with blank keys .* truncated.*" + FETCH):
        read(write_vektis, 2020, text, verify=False)


def test_truncated_gzip(write_vektis):
    path = write_vektis(2015, compress=True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DatasetError, match=r"truncated or not a gzip file.*" + FETCH):
        read_vektis_file(2015, path.parent)


def test_plain_file_named_as_gzip(write_vektis, vektis_text_of):
    path = write_vektis(2015, compress=True)
    path.write_text(vektis_text_of(2015))
    with pytest.raises(DatasetError, match="not a gzip file"):
        read_vektis_file(2015, path.parent)


def test_header_only(write_vektis, vektis_text_of):
    with pytest.raises(DatasetError, match="a header and no rows"):
        read(write_vektis, 2015, vektis_text_of(2015).split("\n")[0])


def test_decimal_commas_name_the_value_and_the_spreadsheet(write_vektis, vektis_text_of):
    with pytest.raises(DatasetError, match=r"line 2: '\d+,\d\d' is written with a decimal comma.*" + FETCH):
        read(write_vektis, 2015, vektis_text_of(2015).replace(".", ","))


@pytest.mark.parametrize(("sign", "word"), [(",", "a comma"), ("\t", "a tab")])
def test_other_separator(write_vektis, vektis_text_of, sign, word):
    with pytest.raises(DatasetError, match=f"{word} separator in its first line.*separated by ';'"):
        read(write_vektis, 2015, vektis_text_of(2015).replace(";", sign))


def test_missing_column_names_it_and_the_nearest(write_vektis, vektis_text_of):
    text = vektis_text_of(2015).replace("KOSTEN_FARMACIE", "KOSTEN_FARMACY")
    with pytest.raises(DatasetError, match=r"Missing: KOSTEN_FARMACIE.*KOSTEN_FARMACY.*Did you mean"):
        read(write_vektis, 2015, text)


def test_other_year_with_other_columns_names_the_years_that_fit(write_vektis, vektis_text_of):
    with pytest.raises(DatasetError, match="These are the columns of 2022, 2023"):
        read(write_vektis, 2015, vektis_text_of(2022))


def test_other_year_with_the_same_columns_is_known_by_its_bytes(write_vektis, vektis_text_of):
    write_vektis(2011, genuine=True)
    with pytest.raises(DatasetError, match=r"named as the file of 2012, but its bytes are .* of 2011.*rename"):
        read(write_vektis, 2012, vektis_text_of(2011))


def test_other_bytes_are_refused_and_verify_false_is_the_cure(write_vektis):
    path = write_vektis(2015)
    with pytest.raises(DatasetError, match=r"not the publisher's file of 2015: SHA-256 .*verify=False"):
        read_vektis_file(2015, path.parent)
    assert len(read_vektis_file(2015, path.parent, verify=False)) == 115


def test_repeated_row(write_vektis, vektis_text_of):
    lines = vektis_text_of(2015).split("\n")
    with pytest.raises(DatasetError, match=r"line 117 repeats"):
        read(write_vektis, 2015, "\n".join([*lines, lines[5]]))


def test_empty_number_and_words(write_vektis, vektis_text_of):
    lines = vektis_text_of(2015).split("\n")
    keys, rest = lines[3].split(";", 5)[:5], lines[3].split(";", 6)[6]
    with pytest.raises(DatasetError, match="line 4 has an empty number"):
        read(write_vektis, 2015, "\n".join([*lines[:3], ";".join([*keys, "", rest]), *lines[4:]]))
    with pytest.raises(DatasetError, match=r"cannot be read: .*onbekend"):
        read(write_vektis, 2015, "\n".join([*lines[:3], ";".join([*keys, "onbekend", rest]), *lines[4:]]))


def test_zero_insured_years(write_vektis, vektis_text_of):
    lines = vektis_text_of(2015).split("\n")
    parts = lines[1].split(";")
    parts[4] = "0"
    with pytest.raises(DatasetError, match="line 2 has no insured-years"):
        read(write_vektis, 2015, "\n".join([lines[0], ";".join(parts), *lines[2:]]))


def test_other_encoding_and_unknown_labels(write_vektis, vektis_text_of):
    with pytest.raises(DatasetError, match="not UTF-8"):
        read(write_vektis, 2015, vektis_text_of(2015).replace("ALFA", "SÚDWEST").encode("latin-1"))
    with pytest.raises(DatasetError, match="GESLACHT holds 'W'"):
        read(write_vektis, 2015, vektis_text_of(2015).replace("\nV;", "\nW;"), verify=False)
    with pytest.raises(DatasetError, match="LEEFTIJDSKLASSE holds '85 plus'"):
        read(write_vektis, 2015, vektis_text_of(2015).replace("90+", "85 plus"), verify=False)


def test_negative_corrections_stay(write_vektis, vektis_text_of):
    lines = vektis_text_of(2015).split("\n")
    parts = lines[1].split(";")
    parts[5] = "-12.5"
    text = "\n".join([lines[0], ";".join(parts), *lines[2:]])
    assert read(write_vektis, 2015, text, verify=False).iloc[0, 5] == -12.5


def test_real_files_are_the_registered_bytes_and_a_cut_copy_is_refused(data_dir, tmp_path):
    path = data_dir / "vektis" / "vektis_2015_gemeente.csv.gz"
    raw = gzip.decompress(path.read_bytes())
    (tmp_path / "vektis_2015_gemeente.csv").write_bytes(raw)
    assert len(read_vektis_file(2015, tmp_path)) == 13_482
    (tmp_path / "vektis_2015_gemeente.csv").write_bytes(raw[:-3])  # one digit less: only the bytes can tell
    with pytest.raises(DatasetError, match="probably truncated"):
        read_vektis_file(2015, tmp_path)


@pytest.fixture(name="folder_2023")
def folder_2023_fixture(data_dir, tmp_path):
    """The files of 2022 and 2023; without the publisher's, 2023 is its header over the rows of 2022."""
    own = data_dir / "vektis" / "vektis_2023_gemeente.csv.gz"
    raw = gzip.decompress((data_dir / "vektis" / "vektis_2022_gemeente.csv.gz").read_bytes())
    (tmp_path / "vektis_2022_gemeente.csv").write_bytes(raw)
    if own.is_file():
        shutil.copy(own, tmp_path)
        return tmp_path, True
    header, rows = raw.split(b"\n", 1)
    names = header.decode().strip().split(";")
    assert [name[:32] for name in names] == HEADER_2023.split(";")
    (tmp_path / "vektis_2023_gemeente.csv").write_bytes(HEADER_2023.encode() + b"\n" + rows)
    return tmp_path, False


def test_the_file_of_2023_loads_alone_and_beside_2022(folder_2023):
    """Item 7: each cut name is the one column that begins with it; equal rows give equal spending."""
    folder, registered = folder_2023
    alone = load_vektis([2023], covariates=["expected"], folder=folder, verify=registered)
    both = load_vektis([2022, 2023], "total", covariates=["expected"], folder=folder, verify=registered)
    assert alone.spending.shape == (342, 1)
    assert both.spending.shape == (342, 2)
    if registered:
        assert 1.0 < both.spending[:, 1].mean() / both.spending[:, 0].mean() < 1.15
    else:
        assert (both.spending[:, 0] == both.spending[:, 1]).all()


def test_ages_with_one_blank_are_the_same_ages(write_vektis, vektis_text_of):
    text = vektis_text_of(2022)
    plain = read(write_vektis, 2022, text.replace("; 0 t/m  4 jaar", ";0 t/m 4 jaar"), verify=False)
    pd.testing.assert_frame_equal(plain, read(write_vektis, 2022, text, verify=False))


@given(st.sampled_from(HEADER_2023.upper().split(";")), st.data())
@settings(max_examples=60)
def test_a_changed_name_is_refused_or_the_same_column(name, data):
    """One character left out, another one, or one more: never another column."""
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(["", "X", name[place] * 2]))
    changed = name[:place] + letter + name[place + 1 :]
    assert known_names(changed) in ([], known_names(name))
    assert len(known_names(name)) == 1


def test_a_cut_name_of_two_columns_names_both(write_vektis, vektis_text_of, monkeypatch):
    text = vektis_text_of(2022).replace("MEDISCH_SPECIALISTISCHE_ZORG", "MEDISCH_SPECIALISTISCHE_Z")
    monkeypatch.setitem(columns.CARE_TYPES, "MEDISCH_SPECIALISTISCHE_ZIEKENHUIZEN", (2024, None))
    words = "may be KOSTEN_MEDISCH_SPECIALISTISCHE_ZORG or KOSTEN_MEDISCH_SPECIALISTISCHE_ZIEKENHUIZEN, cut off: write"
    with pytest.raises(DatasetError, match=words):
        read(write_vektis, 2022, text, verify=False)


def test_a_full_and_a_cut_name_of_one_column_are_a_column_twice(write_vektis, vektis_text_of):
    text = vektis_text_of(2022).replace("KOSTEN_FARMACIE", "KOSTEN_MEDISCH_SPECIALISTISCHE_Z")
    with pytest.raises(DatasetError, match="twice: KOSTEN_MEDISCH_SPECIALISTISCHE_ZORG"):
        read(write_vektis, 2022, text, verify=False)


@pytest.mark.parametrize("verify", [True, False])
def test_next_years_new_column_is_named_with_the_baskets_that_it_may_touch(write_vektis, vektis_text_of, verify):
    path = write_vektis(2023)
    text = vektis_text_of(2023).replace("\n", ";1.5\n") + ";1.5"
    later = path.with_name("vektis_2024_gemeente.csv")
    later.write_text(text.replace(";1.5", ";KOSTEN_HUISARTS_DIGITAAL", 1))
    words = r"DIGITAAL is in no earlier file: .* baskets total, core, without_ggz, .*zvw.*, gp\..*leave out 2024"
    with pytest.raises(DatasetError, match=words):
        read_vektis_file(2024, path.parent, verify=verify)
    programme = ["core_without_dental_ggz", "zvw_without_dental_ggz"]
    assert baskets_touched("KOSTEN_WIJKZORG") == ["total", "core", "without_ggz", *programme]
    assert baskets_touched("KOSTEN_FARMACIE_DUUR") == ["total", "core", "without_ggz", *programme, "pharmacy"]
    assert baskets_touched("KOSTEN_KORTDURENDE_GGZ") == ["total", "core"]


def test_next_years_file_with_known_columns_is_read_on_request(write_vektis):
    path = write_vektis(2023)
    with pytest.raises(DatasetError, match=r"vektis_2024_gemeente\.csv is not in .*put it there, or download"):
        read_vektis_file(2024, path.parent)
    path.rename(path.with_name("vektis_2024_gemeente.csv"))
    with pytest.raises(DatasetError, match=r"no SHA-256 of 2024 is registered here.*verify=False"):
        read_vektis_file(2024, path.parent)
    assert load_vektis([2024], covariates=["expected"], folder=path.parent, verify=False).periods == (2024,)
