"""One test per mistake: the message names the file, what was got, what is allowed, and the cure."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest

from ssinfer.datasets.vektis.columns import care_types
from ssinfer.datasets.vektis.file import read_vektis_file
from ssinfer.errors import DatasetError

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
