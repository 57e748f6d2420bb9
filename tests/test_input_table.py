"""Input tables: the same numbers from every class, dtype and order of rows and columns; everything else is refused."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssinfer as ss
from ssinfer.cohort import Cohort
from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.errors import CohortError, PanelError
from ssinfer.input_table import natural_order, plain_value

GRID = [(unit, year) for unit in (2, 10, 9) for year in range(2010, 2016)]
FRAME = pd.DataFrame(GRID, columns=["unit", "period"]).assign(
    spending=[2000.0 + 50 * unit + 10 * (year % 7) for unit, year in GRID], insured_years=5000.0
)
PANEL = ss.Panel.from_frame(FRAME)
DTYPES = {
    "unit": ["int64", "Int64", "float64", "str", "category", "object", "int64[pyarrow]"],
    "period": ["int64", "Int64", "float64", "category", "object"],
    "spending": ["int64", "float32", "Float64", "category", "object", "double[pyarrow]", "decimal"],
    "insured_years": ["int64", "float64", "Int64", "object", "decimal"],
}
CLASSES = {
    "pandas": lambda frame: frame,
    "arrow": pa.Table.from_pandas,
    "record batch reader": lambda frame: pa.Table.from_pandas(frame).to_reader(),
    "dict": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "dict of Arrow": lambda frame: dict(zip(frame.columns, pa.Table.from_pandas(frame).columns, strict=False)),
    "index": lambda frame: frame.set_index(["unit", "period"]),
}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_row_order_column_order_dtype_and_class_change_no_digit(data):
    """Fault C4: Fault R5: Fault A4: the panel is the same to the byte, so that every fit is."""
    frame = FRAME.iloc[data.draw(st.permutations(range(len(FRAME))))][data.draw(st.permutations(list(FRAME)))]
    for name, dtypes in DTYPES.items():
        dtype = data.draw(st.sampled_from(dtypes))
        frame[name] = [Decimal(str(v)) for v in frame[name]] if dtype == "decimal" else frame[name].astype(dtype)
    panel = ss.Panel.from_frame(CLASSES[data.draw(st.sampled_from(list(CLASSES)))](frame))
    assert panel.units == ("2", "9", "10")
    assert panel.fingerprint() == PANEL.fingerprint()


def test_a_fit_does_not_depend_on_the_order_of_rows(null_panel):
    """The draws of a fit, not only the panel."""
    frame = null_panel(24, 5).to_frame().drop(columns="sampling_variance")
    panels = ss.Panel.from_frame(frame), ss.Panel.from_frame(frame.sample(frac=1, random_state=1)[frame.columns[::-1]])
    design = ss.Design([panels[0].units[0]], panels[0].periods[:4], panels[0].periods[4:])
    for method in (ss.AdministrativeBenchmark(n_draws=50, chains=1), ss.SyntheticControl(n_draws=100)):
        first, second = (method.fit(panel, design, seed=1).benchmark for panel in panels)
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "data", [FRAME.to_numpy(), FRAME.values.tolist(), FRAME["unit"], "panel.csv", None, {"unit": 1}]
)
def test_other_classes_are_refused_with_the_class_received(data):
    """Fault C4: the message names the class and what is accepted."""
    with pytest.raises(
        PanelError, match=rf"of class \S*{type(data).__name__}.* Allowed: a pandas, polars or Arrow table"
    ):
        ss.Panel.from_frame(data)


REFUSED = {
    "C5: twice": (pd.concat([FRAME, FRAME[["spending"]]], axis=1), "Column 'spending' occurs 2 times"),
    "A1: thousands": (FRAME.assign(spending="2,074.33"), r"'2,074\.33' \(row 1\)\. Store numbers .*: 2074\.33, not"),
    "text": (FRAME.assign(spending=FRAME["spending"].astype(str)), r"holds text in 18 rows, first '2110\.0' \(row 1\)"),
    "one text": (FRAME.assign(spending=[*range(1, 18), "n/a"]), r"text in 1 rows, first 'n/a' \(row 18\)"),
    "W12: dates": (FRAME.assign(spending=pd.Timestamp("2020-01-01")), "holds dates in 18 rows"),
    "W12: durations": (FRAME.assign(insured_years=pd.Timedelta("1D")), "'insured_years' holds durations"),
    "mixed": (FRAME.assign(unit=[1, *["1"] * 17]), r"'unit' mixes numbers \(row 1\) and text \(row 2\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_columns_that_are_not_what_they_should_be(name):
    """Fault C5: Fault A1: Fault W12: the column, the value, its row and the next step."""
    frame, words = REFUSED[name]
    with pytest.raises(PanelError, match=words):
        ss.Panel.from_frame(frame)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 300), unique=True))
def test_labels_of_numbers_are_in_the_order_of_numbers(numbers):
    expected = [f"u{number}" for number in sorted(numbers)]
    assert list(natural_order(f"u{number}" for number in numbers)) == expected
    assert [plain_value(float(number)) for number in numbers] == numbers


def persons(**changes):
    rows = [(i, f"g{i % 2}", year, 100.0 + i, 1.0) for i in range(6) for year in (2017, 2018)]
    frame = pd.DataFrame(rows, columns=["person", "unit", "period", "spending", "insured_years"])
    return frame.assign(**changes)


RISK = [i / 4 for i in range(6) for _ in range(2)]


@pytest.mark.parametrize(
    "risk",
    [
        [Decimal(str(value)) for value in RISK],
        pd.Series(RISK, dtype=object),
        pd.array(RISK, dtype="Float64"),
        pd.Series(RISK, dtype="category"),
    ],
)
def test_covariates_of_persons_are_numbers_in_every_dtype(risk):
    """Fault R6: decimals and numbers in object columns were labels."""
    for frame in (persons(risk=risk), pa.Table.from_pandas(persons(risk=risk)), persons(risk=risk).iloc[::-1]):
        cohort = Cohort.from_frame(frame, covariates=["risk"])
        assert cohort.fingerprint() == Cohort.from_frame(persons(risk=RISK), covariates=["risk"]).fingerprint()
        assert cohort.covariates["risk"].dtype == float


def test_persons_and_units_of_two_types_are_refused():
    """Fault A8: units 1 and "1" became one unit. Fault A10: values in messages are plain."""
    with pytest.raises(CohortError, match=r"'unit' mixes text \(row 1\) and numbers \(row 2\)"):
        Cohort.from_frame(persons(unit=["1", 1] * 6))
    dates = FRAME.assign(period=[pd.Timestamp(2010, 1, 1)] * len(FRAME))
    with pytest.raises(PanelError, match=r"Unit 2 has more than one row for period '2010-01-01'"):
        ss.Panel.from_frame(dates)
    with pytest.raises(CohortError, match=r"'age' of \d+ persons changes over periods"):
        Cohort.from_frame(persons(age=range(12)), covariates=["age"])


def test_panel_files_keep_labels_and_read_index_levels(tmp_path):
    """Fault R3: a unit "NA" is a unit. Fault R4: an index of a Parquet file is read. Fault R5: unit 17.0 is 17."""
    FRAME.replace({"unit": {2: "NA"}}).to_csv(tmp_path / "p.csv", index=False)
    assert ss.Panel.from_frame(read_panel_file(tmp_path / "p.csv")).units == ("9", "10", "NA")
    FRAME.astype({"unit": float}).set_index(["unit", "period"]).to_parquet(tmp_path / "p.parquet")
    assert ss.Panel.from_frame(read_panel_file(tmp_path / "p.parquet")).fingerprint() == PANEL.fingerprint()
    assert ss.Design([17.0], [2010], [2011]).treated == ("17",)
    assert PANEL.rows([9.0]).tolist() == [1]


def test_zoned_periods_are_local_dates():
    """Fault W5: of panels, midnight in Amsterdam is the day before in UTC."""
    zoned = FRAME.assign(period=[pd.Timestamp(year, 1, 1, tz="Europe/Amsterdam") for year in FRAME["period"]])
    panel = ss.Panel.from_frame(zoned)
    assert panel.frequency == "year"
    assert panel.columns([2010, dt.date(2015, 1, 1)]).tolist() == [0, 5]


def test_a_number_of_400_digits_is_refused():
    """Fault FZ6: OverflowError."""
    with pytest.raises(PanelError, match="Column 'spending' holds a number of more than 308 digits"):
        ss.Panel.from_frame(FRAME.astype({"spending": object}).assign(spending=[10**400, *FRAME["spending"][1:]]))
