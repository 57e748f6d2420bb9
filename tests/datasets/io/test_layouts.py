"""One panel in every layout: read to the same numbers, or refused with both readings; never a wrong number."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_files import MONTHLY, NAMES, QUARTERS, TREATED, Written, label, panel, text_of, write_xlsx

from ssinfer.datasets.io.layout import Layout
from ssinfer.datasets.io.panel_file import open_panel_file, read_panel_file
from ssinfer.errors import DatasetError
from ssinfer.panel import Panel

ROLES = [NAMES[role] for role in ("unit", "period", "spending")]
PER_YEAR = dict.fromkeys(QUARTERS.values(), 4) | dict.fromkeys(MONTHLY.values(), 12) | {"{y}": 1}
TITLES = ((), ("Export; van de verzekeraar",), ("Zorgkosten per praktijk", "", "Peildatum 1-1-2024"), (";;;",))
BELOW = ((), ("Totaal",), ("", "Bron: eigen administratie"), ("Eindtotaal", "Bron: x"))


def written(draw):
    decimal = draw(st.sampled_from([".", ","]))
    separator = draw(st.sampled_from([";", "\t", "|", ","]))
    groups = ["", "'", "\u00a0", "," if decimal == "." else "."]
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    style = draw(st.sampled_from(sorted(PER_YEAR)))
    titles, below = draw(st.sampled_from(TITLES)), draw(st.sampled_from(BELOW))
    wide = draw(st.booleans())
    return Written(separator, decimal, draw(st.sampled_from(groups)), encoding, titles, below, wide, style)


@given(st.composite(written)(), st.integers(0, 99))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_layout_is_read_to_the_same_numbers(tmp_path, how, seed):
    """Authority: the numbers before they were written."""
    per_year = PER_YEAR[how.style]
    frame = panel(4, 3, per_year, seed)
    (tmp_path / "panel.csv").write_bytes(text_of(frame, how, per_year))
    read = open_panel_file(tmp_path / "panel.csv", *ROLES)
    assert not [finding for finding in read.findings if finding.refuses]
    got = Panel.from_frame(read.frame, *ROLES, insured_years=NAMES["insured_years"])
    truth = Panel.from_frame(
        frame.assign(period=[label(period, per_year, "{y}-{m:02d}") for period in frame["period"]])
    )
    assert got.units == truth.units
    assert TREATED in got.units
    np.testing.assert_array_equal(got.spending, truth.spending)
    np.testing.assert_array_equal(got.insured_years, truth.insured_years)


def frame_of(numbers, more=()):
    frame = pd.DataFrame({"unit": [f"u{i}" for i in range(len(numbers))], "period": 2018, "spending": numbers})
    return frame.assign(**{f"other{place}": column for place, column in enumerate(more)})


@given(st.lists(st.integers(1_000, 999_999), min_size=1, max_size=6), st.sampled_from([".", ","]))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_mark_before_three_digits_is_refused_with_both_readings(tmp_path, numbers, mark):
    """Fault A7: 1.250 was 1.25; the key decides."""
    frame_of([f"{number:,}".replace(",", mark) for number in numbers]).to_csv(path := tmp_path / "p.csv", index=False)
    with pytest.raises(DatasetError, match=r"decimal = \"\.\" or decimal = \",\" in \[data\]") as refused:
        read_panel_file(path)
    assert f"{numbers[0]} with a decimal {'comma' if mark == '.' else 'point'}" in str(refused.value)
    stated = read_panel_file(path, layout=Layout(decimal="," if mark == "." else "."))
    assert stated["spending"].tolist() == numbers


@pytest.mark.parametrize(
    ("numbers", "more", "expected"),
    [
        (["1.250", "2.500"], [["2,5", "3"]], [1250, 2500]),
        (["1.250", "2.500"], [["2.5", "3"]], [1.25, 2.5]),
        (["1.250", "12.5"], [], [1.25, 12.5]),
        (["1.250", "1.250.000"], [], [1250, 1250000]),
        (["0.125", "1.250"], [], [0.125, 1.25]),
        (["1250.125", "1.250"], [], [1250.125, 1.25]),
        (["€ 1.250,50", "€ 3"], [], [1250.5, 3]),
        (["1,250.5", "NA"], [], [1250.5, np.nan]),
        (["-1 250,5", "1e3"], [], [-1250.5, 1000]),
    ],
)
def test_the_whole_column_or_the_other_columns_decide(tmp_path, numbers, more, expected):
    frame_of(numbers, more).to_csv(tmp_path / "p.csv", index=False)
    np.testing.assert_array_equal(read_panel_file(tmp_path / "p.csv")["spending"], expected)


@pytest.mark.parametrize(
    "numbers", [["12,5", "12.5"], ["2,074.33", "n.b."], ["1.2.3", "5"], ["1,2,3", "5"], ["12 50", "5"]]
)
def test_what_is_no_number_stays_text_and_is_refused(tmp_path, numbers):
    frame_of(numbers).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(Exception, match="holds text in"):
        Panel.from_frame(read_panel_file(tmp_path / "p.csv"), insured_years=None)


def test_half_utf8_is_refused_and_each_guess_is_a_finding(tmp_path):
    raw = "unit;period;spending\nBéta;2018;2,5\nGamma;2018;3\n"
    (tmp_path / "p.csv").write_bytes(raw.encode() + "Zoë;2018;4\n".encode("cp1252"))
    with pytest.raises(DatasetError, match=r"line 4 is not UTF-8.* encoding"):
        read_panel_file(tmp_path / "p.csv")
    (tmp_path / "p.csv").write_bytes(("Titel\n" + raw + "Totaal;;5,5\n").encode("cp1252"))
    findings = {part.id: dict(part.numbers) for part in open_panel_file(tmp_path / "p.csv").findings}
    assert findings == {
        "reader.layout": {"separator": ";", "decimal": ",", "encoding": "cp1252", "header": 2},
        "reader.below": {"n": 1, "line": "Totaal;;5,5"},
    }
    with pytest.raises(DatasetError, match="header is 9; allowed: a line from 1 to 5"):
        read_panel_file(tmp_path / "p.csv", layout=Layout(header=9))


def test_a_spreadsheet_is_read_like_a_text(tmp_path):
    """Authority: the numbers before they were written."""
    frame = panel(4, 3)
    rows = [
        [unit, label(period, 4, "K{q} {y}"), spending, years]
        for unit, period, spending, years in frame.itertuples(index=False)
    ]
    table = [["Zorgkosten per praktijk"], [], list(NAMES.values()), *rows, ["Eindtotaal", "", 1.0, 2.0]]
    write_xlsx(tmp_path / "p.xlsx", {"Blad1": table, "Toelichting": [["tekst"]]})
    file = open_panel_file(tmp_path / "p.xlsx", *ROLES)
    assert [part.id for part in file.findings] == ["reader.below", "reader.sheet"]
    np.testing.assert_array_equal(file.frame[NAMES["spending"]], frame["spending"])
    np.testing.assert_array_equal(file.frame[NAMES["insured_years"]], frame["insured_years"])
    with pytest.raises(DatasetError, match=r"no sheet 'Blad2'\. Did you mean 'Blad1'"):
        read_panel_file(tmp_path / "p.xlsx", layout=Layout(sheet="Blad2"))
    (tmp_path / "p.xlsx").write_bytes((tmp_path / "p.xlsx").read_bytes()[:900])
    with pytest.raises(DatasetError, match="is damaged, or no spreadsheet"):
        read_panel_file(tmp_path / "p.xlsx")


def test_parquet_with_decimals_and_categories_is_read_as_numbers_and_text(tmp_path):
    """As polars and databases write money and names; and as DuckDB writes a table."""
    table = pa.table(
        {
            "unit": pa.array(["a", "b"]).dictionary_encode(),
            "period": [2018, 2018],
            "spending": pa.array([Decimal("2415.97"), Decimal("2500.00")], pa.decimal128(12, 2)),
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    duckdb.from_arrow(table).write_parquet(str(tmp_path / "d.parquet"), compression="zstd")
    for name in ("p", "d"):
        panel = Panel.from_frame(read_panel_file(tmp_path / f"{name}.parquet"), insured_years=None)
        assert [*panel.units, *panel.spending.ravel()] == ["a", "b", 2415.97, 2500.0]


def test_parquet_keeps_its_types(tmp_path):
    """A Parquet file has types: text in a column of spending is refused, not read as a number."""
    table = pa.table({"unit": ["a", "b"], "period": pa.array([2018, 2018]), "spending": ["1.250", "2.500"]})
    pq.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(Exception, match="holds text in 2 rows"):
        Panel.from_frame(read_panel_file(tmp_path / "p.parquet"), insured_years=None)
