"""Panel files of other tools: the same panel from each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.errors import DatasetError, PanelError
from ssinfer.panel import Panel

UNITS = ("Ten Boer, oost", 'De "Linde"', "Súdwest-Fryslân", "0363", "'s-Gravenhage")
FRAME = pd.DataFrame(
    {
        "unit": np.repeat(UNITS, 3),
        "period": [2016, 2017, 2018] * len(UNITS),
        "spending": 2000.25 + 10.5 * np.arange(15.0),
        "insured_years": 1000.0 + np.arange(15.0),
    }
)


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    return tmp_path / "panel.parquet"


def assert_same_panel(path):
    panel = Panel.from_frame(read_panel_file(path))
    assert set(panel.units) == set(UNITS)
    assert panel.periods == (2016, 2017, 2018)
    rows = [panel.units.index(unit) for unit in UNITS]
    np.testing.assert_array_equal(panel.spending[rows], FRAME["spending"].to_numpy().reshape(5, 3))
    np.testing.assert_array_equal(panel.insured_years[rows], FRAME["insured_years"].to_numpy().reshape(5, 3))


def test_a_line_without_a_period_is_named_by_its_line(tmp_path):
    """Row 35 of the journey: "1 rows have no label" named no line. A total below the table is left out, and said."""
    lines = FRAME.to_csv(index=False).splitlines(keepends=True)
    (tmp_path / "panel.csv").write_text("".join([*lines[:-1], "Eindtotaal,,2100,15000\n", lines[-1]]))
    with pytest.raises(PanelError, match=r"1 rows have no label .* row 15 \(line 16 of a CSV file\)"):
        Panel.from_frame(read_panel_file(tmp_path / "panel.csv"))


@pytest.mark.parametrize("quoting", [0, 1, 2])
def test_names_with_commas_quotes_accents_and_leading_zeros(tmp_path, quoting):
    """Fault H12: csv.QUOTE_MINIMAL, QUOTE_ALL and QUOTE_NONNUMERIC."""
    FRAME.to_csv(tmp_path / "panel.csv", index=False, quoting=quoting)
    assert_same_panel(tmp_path / "panel.csv")


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("unit", pa.large_string()),
        ("unit", pa.binary()),
        ("unit", pa.dictionary(pa.int32(), pa.string())),
        ("period", pa.int32()),
        ("period", pa.float64()),
        ("spending", pa.decimal128(12, 2)),
        ("insured_years", pa.int32()),
    ],
)
def test_types_of_parquet(path, column, kind):
    """Fault H12: category, decimal, large string, binary, int32 and float years."""
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    place = table.schema.get_field_index(column)
    values = pa.array(FRAME[column].tolist())
    cast = values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
    pq.write_table(table.set_column(place, column, cast), path)
    assert_same_panel(path)


def test_nullable_types(path):
    """Fault H12: pandas' own nullable columns."""
    FRAME.convert_dtypes().to_parquet(path)
    assert_same_panel(path)


def test_a_folder_of_parts_as_spark_writes_it(path):
    """Fault A9: such a folder was "Is a directory. Check the path"."""
    path.mkdir()
    (path / "_SUCCESS").touch()
    FRAME[:7].to_parquet(path / "part-00000.snappy.parquet")
    FRAME[7:].to_parquet(path / "part-00001.snappy.parquet")
    assert_same_panel(path)


def test_damage_of_a_parquet_file_is_refused(path):
    """Fault FZ9: a flipped bit in the values was read, and one in pandas' own notes was a KeyError."""
    options = {"write_page_checksum": True, "compression": "none", "use_dictionary": False}
    pq.write_table(pa.Table.from_pandas(FRAME), path, **options)
    raw = path.read_bytes()
    value, note = raw.index(np.float64(2010.75).tobytes()), raw.rindex(b"pandas_type")
    path.write_bytes(raw[: value + 6] + bytes([raw[value + 6] ^ 1]) + raw[value + 7 :])
    with pytest.raises(DatasetError, match=r"truncated or not a Parquet file .*CRC"):
        read_panel_file(path)
    path.write_bytes(raw[:note] + b"X" + raw[note + 1 :])
    assert_same_panel(path)


@pytest.mark.parametrize("cut", [1, 3, 9])
def test_a_csv_panel_whose_last_line_has_no_end_is_refused(tmp_path, cut):
    """Fault FZ11: a file that was cut within its last number was read."""
    (tmp_path / "panel.csv").write_text(FRAME.to_csv(index=False)[:-cut])
    with pytest.raises(DatasetError, match=r"truncated|may be cut"):
        read_panel_file(tmp_path / "panel.csv")
