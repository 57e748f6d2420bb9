"""One test per mistake in claims: a clear error, or rows that are counted; nothing silently dropped."""

from __future__ import annotations

import datetime as dt
from contextlib import closing

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ssinfer.claims import ClaimsTables, Population, RunOut, Spending, Truncation, extract
from ssinfer.claims.backend.calendar import Calendar
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.enrolment import enrolment_pieces
from ssinfer.claims.lines import deduplicated, duplicate_lines
from ssinfer.errors import ClaimsError, ParameterError

DAY = dt.date


def frames(**changes):
    tables = {
        "insured": pd.DataFrame({"person": [1, 2], "birth_year": [1950, 2018], "sex": ["V", "M"]}),
        "enrolment": pd.DataFrame(
            {
                "person": [1, 2],
                "insurer": ["A", "A"],
                "practice": ["p", "p"],
                "start": [DAY(2017, 1, 1), DAY(2017, 1, 1)],
                "end": [None, DAY(2018, 12, 31)],
            }
        ),
        "claims": pd.DataFrame(
            {
                "person": [1, 2],
                "date": [DAY(2018, 2, 1), DAY(2018, 3, 1)],
                "category": ["gp", "hospital"],
                "amount": [10.0, 20.0],
            }
        ),
        "deaths": pd.DataFrame({"person": [2], "date": [DAY(2018, 10, 1)]}),
    }
    return tables | changes


def line(**values):
    base = {"person": 1, "date": DAY(2018, 5, 5), "category": "gp", "amount": 7.0}
    return pd.concat([frames()["claims"], pd.DataFrame([base | values])], ignore_index=True)


def reason(result, text):
    rows = result.attrition[result.attrition["reason"] == text]
    assert len(rows) == 1, result.attrition
    return rows.iloc[0]


@pytest.fixture(scope="module")
def plain_tables():
    return ClaimsTables.from_frames(**frames())


def test_a_line_that_cannot_count_is_counted_under_its_reason():
    lines_by_reason = {
        "person unknown": {"person": 99, "amount": 1.0},
        "before birth": {"person": 2, "date": DAY(2017, 5, 5), "amount": 2.0},
        "after death": {"person": 2, "date": DAY(2018, 11, 5), "amount": 4.0},
        "date outside the periods": {"date": DAY(2016, 5, 5), "amount": 8.0},
        "no person or no date": {"date": None, "amount": 16.0},
    }
    claims = pd.concat([frames()["claims"], *(line(**values).iloc[[-1]] for values in lines_by_reason.values())])
    result = extract(ClaimsTables.from_frames(**frames(claims=claims)), periods=range(2017, 2020))
    for text, values in lines_by_reason.items():
        assert reason(result, text)["lines"] == 1
        assert reason(result, text)["euros"] == values["amount"]
    assert reason(result, "person unknown")["persons"] == 1
    assert result.attrition.iloc[-1]["euros"] == 30.0


def test_negative_amounts_are_kept_and_counted():
    result = extract(ClaimsTables.from_frames(**frames(claims=line(amount=-4.0))), periods=[2018])
    assert result.attrition.iloc[-1]["euros"] == 26.0
    assert result.noticed["negative lines"] == 1
    assert result.noticed["negative euros"] == -4.0


def test_overlapping_spans_count_each_day_once():
    enrolment = pd.concat(
        [
            frames()["enrolment"],
            pd.DataFrame(
                [{"person": 1, "insurer": "A", "practice": "q", "start": DAY(2018, 3, 1), "end": DAY(2018, 3, 31)}]
            ),
        ]
    )
    result = extract(ClaimsTables.from_frames(**frames(enrolment=enrolment)), periods=[2018])
    assert reason(result, "overlaps an earlier span")["insured_days"] == 31
    assert result.panel.units == ("p",)


def test_repeated_lines():
    claims = line(amount=20.0, person=2, date=DAY(2018, 3, 1), category="hospital")
    tables = ClaimsTables.from_frames(**frames(claims=claims))
    counted = extract(tables, periods=[2018])
    assert counted.noticed["repeated lines"] == 1
    assert counted.attrition.iloc[-1]["euros"] == 50.0
    dropped = extract(tables, None, Spending(duplicates="drop"), periods=[2018])
    assert reason(dropped, "repeats another line")["euros"] == 20.0
    assert dropped.attrition.iloc[-1]["euros"] == 30.0
    # With an identifier, two deliveries that look alike are no repeats, and a repeated identifier is one.
    for names, repeated in (("abc", 0), ("abb", 1)):
        named = ClaimsTables.from_frames(**frames(claims=claims.assign(claim=list(names)))).claims
        assert duplicate_lines(named)["lines"] == repeated
        assert deduplicated(named, Spending(duplicates="drop")).count().to_pandas() == 3 - repeated


def test_text_that_looks_like_sql_is_a_label():
    evil = "x'; DROP TABLE claims; --"
    tables = ClaimsTables.from_frames(**frames(claims=line(category=evil)))
    result = extract(tables, None, Spending(exclude=[evil]), periods=[2018])
    assert reason(result, f"category {evil!r} left out")["euros"] == 7.0
    with closing(Scratch(tables.connection)) as scratch:
        population = Population(practices=["p"], units={"p": evil})
        assert enrolment_pieces(tables, population, Calendar.of([2018]), scratch)[1] == (evil,)


def test_unknown_category_is_refused_or_counted():
    tables = ClaimsTables.from_frames(**frames(claims=line(category=None)))
    with pytest.raises(ClaimsError, match=r"2 categories are unknown.*'hospital' \(1 lines, 20.00\)"):
        extract(tables, None, Spending(include=["gp"]), periods=[2018])
    result = extract(tables, None, Spending(include=["gp"], unknown="exclude"), periods=[2018])
    assert reason(result, "category '(missing)' unknown to the definition")["euros"] == 7.0
    assert reason(result, "category 'hospital' unknown to the definition")["euros"] == 20.0


@pytest.mark.parametrize("name", ["insured", "enrolment", "claims"])
def test_an_empty_table_is_refused(name):
    made = frames()
    empty = made[name].iloc[:0]
    if name == "claims":
        empty = empty.astype({"person": "int64", "amount": "float64"})
        empty["date"] = pd.to_datetime(empty["date"])
        empty["category"] = empty["category"].astype("str")
    if name == "enrolment":
        empty["start"], empty["end"] = pd.to_datetime(empty["start"]), pd.to_datetime(empty["end"])
        empty["practice"], empty["insurer"] = empty["practice"].astype("str"), empty["insurer"].astype("str")
    with pytest.raises(ClaimsError, match=f"Table '{name}' is empty"):
        ClaimsTables.from_frames(**made | {name: empty})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"insured": None}, "Table 'insured' was not found"),
        ({"claims": frames()["claims"].drop(columns="amount")}, "no column 'amount'"),
        ({"claims": frames()["claims"].assign(amount=["10,50", "1"])}, "is of type string; a number"),
        ({"claims": frames()["claims"].assign(date=["1-2-2018", "x"])}, "a date is needed"),
        ({"claims": frames()["claims"].assign(person=["1", "2"])}, "whole number in insured.*text in claims"),
        ({"insured": pd.concat([frames()["insured"]] * 2)}, "2 rows of table .insured. repeat a person"),
        ({"insured": frames()["insured"].assign(birth_year=[None, 1950])}, "of type|have no birth_year"),
        ({"insured": frames()["insured"].assign(sex=["V", None])}, "1 persons of table .insured. have no sex"),
        ({"enrolment": frames()["enrolment"].assign(end=[DAY(2016, 1, 1)] * 2)}, "2 enrolment spans end before"),
        ({"enrolment": frames()["enrolment"].assign(start=[DAY(2016, 1, 1), None])}, "no person or no start"),
        ({"enrolment": frames()["enrolment"].assign(practice=["p", None])}, "name no practice"),
        ({"clams": frames()["claims"]}, "Did you mean 'claims'"),
    ],
)
def test_tables_that_cannot_be_what_they_claim(changes, message):
    with pytest.raises(ClaimsError, match=message):
        ClaimsTables.from_frames(**frames(**changes))


@pytest.mark.parametrize("amount", [None, np.nan, np.inf])
def test_a_line_without_an_amount_is_refused(amount):
    tables = ClaimsTables.from_frames(**frames(claims=line(amount=amount)))
    with pytest.raises(ClaimsError, match="1 claim lines have no"):
        extract(tables, periods=[2018])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"periods": [2018, 2020]}, "without gaps"),
        ({"periods": [2030]}, "No claim line is counted"),
        ({"population": Population(ages=(98, 99))}, r"age outside the population \(2 lines\)"),
        ({"population": Population(kind="closed", baseline=[2011])}, "is not in the study"),
        ({"spending": Spending(product_groups_exclude=["L04"])}, "needs the column 'product_group'"),
        ({"spending": Spending(run_out=RunOut(extracted=DAY(2019, 6, 30), months=3))}, "needs the column 'paid'"),
        ({"spending": Spending(run_out=RunOut(extracted=DAY(2019, 2, 1), months=3))}, "Shorten the run-out"),
        ({"spending": Spending(truncation=Truncation(amount={2017: 3.0}))}, r"no amount for \[2018\]"),
        (
            {"spending": Spending(reference_tariffs=pd.DataFrame({"category": ["gp"], "tariff": [1.0]}))},
            "needs the column 'volume'",
        ),
    ],
)
def test_extracts_that_cannot_be(plain_tables, arguments, message):
    with pytest.raises(ClaimsError, match=message):
        extract(plain_tables, **{"periods": [2018], **arguments})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Population(kind="shut"), "allowed: 'closed' or 'open'"),
        (lambda: Population(kind="closed"), "needs baseline periods"),
        (lambda: Population(ses=[]), "is an empty list"),
        (lambda: Population(ages=(70, 60)), "lowest and the highest"),
        (lambda: Population(minimum_enrolment=80, start=2018), "allowed: None or a number more than 0 and at most 1"),
        (lambda: Population(minimum_enrolment=0.8), "Pass start as well"),
        (lambda: Population(after_leaving="drop"), "for a closed population"),
        (lambda: Spending(include=["a"], exclude=["a"]), "named in include and in exclude"),
        (lambda: Spending(include=[]), "so nothing counts"),
        (lambda: Spending(unknown="ignore"), "allowed: 'refuse'"),
        (
            lambda: Spending(reference_tariffs=pd.DataFrame({"category": ["a", "a"], "tariff": [1, 2]})),
            "more than once",
        ),
        (lambda: Spending(reference_tariffs=pd.DataFrame({"category": ["a"], "tariff": [0]})), "not positive"),
        (Truncation, "exactly one"),
        (lambda: Truncation(percentile=99), "allowed: None or a number of at least 0.5 and less than 1"),
        (lambda: Truncation(amount=-5), "positive amount"),
        (lambda: RunOut(extracted=DAY(2019, 1, 1), months=-1), "whole number from 0"),
    ],
)
def test_definitions_that_contradict_themselves(make, message):
    with pytest.raises((ClaimsError, ParameterError), match=message):
        make()


def write(folder, suffix):
    for name, frame in frames().items():
        if suffix == "parquet":
            frame.to_parquet(folder / f"{name}.parquet")
        else:
            frame.to_csv(folder / f"{name}.csv", index=False)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "duckdb"])
def test_parquet_csv_and_duckdb_files_give_the_same(tmp_path, plain_tables, suffix):
    if suffix == "duckdb":
        write(tmp_path, "parquet")
        source = tmp_path / "insurer.duckdb"
        with duckdb.connect(str(source)) as connection:
            for name in frames():
                connection.execute(f"create table {name} as from '{tmp_path}/{name}.parquet'")
    else:
        write(tmp_path, suffix)
        source = tmp_path
    opened = ClaimsTables.open(source)
    for name in frames():
        table, plain = (getattr(tables, name) for tables in (opened, plain_tables))
        pd.testing.assert_frame_equal(table.to_pandas(), plain.to_pandas())


def test_dutch_dates_byte_order_marks_and_leading_zeros_in_csv(tmp_path):
    """Fault H11: 01-02-2018 is the first of February, 31-12-9999 is a day, person 007 is text."""
    wanted = {name: frame.assign(person=["007", "010"][-len(frame) :]) for name, frame in frames().items()}
    wanted["enrolment"]["end"] = [DAY(9999, 12, 31), DAY(2018, 12, 31)]
    for name, frame in wanted.items():
        days = frame.columns.intersection(["date", "start", "end"])
        dutch = frame.assign(**{column: [f"{day:%d-%m-%Y}" for day in frame[column]] for column in days})
        text = dutch.to_csv(index=False, sep=";", lineterminator="\r\n")
        (tmp_path / f"{name}.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    tables = ClaimsTables.open(tmp_path)
    for name, frame in wanted.items():
        read = getattr(tables, name).to_pyarrow().select(list(frame.columns)).to_pylist()
        assert read == frame.to_dict("records")


def test_several_files_of_one_table_must_agree(tmp_path):
    write(tmp_path, "parquet")
    claims = tmp_path / "parts"
    claims.mkdir()
    frames()["claims"].to_parquet(claims / "a.parquet")
    frames()["claims"].assign(amount=[1.0, 2.0]).to_parquet(claims / "b.parquet")
    tables = ClaimsTables.open(tmp_path, claims=claims)
    assert extract(tables, periods=[2018]).attrition.iloc[0]["lines"] == 4
    frames()["claims"].assign(person=["x", "y"]).to_parquet(claims / "b.parquet")
    with pytest.raises(ClaimsError, match=r"'person' is whole number in a\.parquet and text in b\.parquet"):
        ClaimsTables.open(tmp_path, claims=claims)
    frames()["claims"].to_csv(claims / "b.csv")
    with pytest.raises(ClaimsError, match="mixes"):
        ClaimsTables.open(tmp_path, claims=claims)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ClaimsError, match="neither a folder nor a DuckDB file"):
        ClaimsTables.open(tmp_path / "nowhere")
    with pytest.raises(ClaimsError, match="no DuckDB file"):
        ClaimsTables.open(tmp_path / "x.duckdb")
    with pytest.raises(ClaimsError, match="no Parquet or CSV"):
        ClaimsTables.open(claims=tmp_path / "c.parquet")
    write(tmp_path, "parquet")
    (tmp_path / "insured.parquet").rename(tmp_path / "verzekerden.parquet")
    with pytest.raises(ClaimsError, match=r"no table 'insured'. It has .*verzekerden\.parquet\. Allowed"):
        ClaimsTables.open(tmp_path)  # row 99 of the journey
    assert ClaimsTables.open(tmp_path, insured=tmp_path / "verzekerden.parquet").insured.count().execute() == 2
    with pytest.raises(ClaimsError, match="'insured' was not found"):
        ClaimsTables.open()


def test_a_csv_with_a_date_that_is_none(tmp_path):
    write(tmp_path, "csv")
    text = (tmp_path / "claims.csv").read_text().replace("2018-03-01", "1 March")
    (tmp_path / "claims.csv").write_text(text)
    with pytest.raises(ClaimsError, match="'claims' could not be read"):
        ClaimsTables.open(tmp_path)


def assert_same_tables(**changes):
    """Tables with the same content, whatever classes they came from."""
    given, plain = (ClaimsTables.from_frames(**tables) for tables in (frames(**changes), frames()))
    for name in frames():
        pd.testing.assert_frame_equal(getattr(given, name).to_pandas(), getattr(plain, name).to_pandas())


def zoned(frame, *columns):
    dates = {name: pd.to_datetime(frame[name]).dt.tz_localize("Europe/Amsterdam") for name in columns}
    return frame.assign(**dates)


CONVERT = [lambda frame: frame, pa.Table.from_pandas, lambda frame: frame.to_dict("series")]


@pytest.mark.parametrize("convert", CONVERT)
def test_zoned_dates_are_local_dates_of_their_zone(convert):
    """Fault W5: spans and lines moved to the day before. Fault C4: every class of table gives the same."""
    dates = {"enrolment": ("start", "end"), "claims": ("date",), "deaths": ("date",)}
    assert_same_tables(**{name: convert(zoned(frames()[name], *columns)) for name, columns in dates.items()})


def test_a_timestamp_in_utc_of_a_file_is_refused(tmp_path):
    """Fault W5: of files and servers, which store the instant and not the zone."""
    for name, frame in frames().items():
        (zoned(frame, "date") if name == "claims" else frame).to_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(ClaimsError, match=r"'date' of table 'claims' is of type timestamp\('UTC'.*Store local dates"):
        ClaimsTables.open(tmp_path)


def test_whole_floats_are_identifiers_and_years():
    """Fault R7: a missing person makes floats of a column of whole numbers."""
    assert_same_tables(insured=frames()["insured"].astype({"birth_year": float, "person": float}))
    lines = frames()["claims"].assign(person=[1.0, np.nan])
    held = ClaimsTables.from_frames(**frames(claims=lines)).claims.to_pandas()
    assert held["person"].tolist()[0] == 1
    assert held["person"].isna().tolist() == [False, True]
    large = 2**53 + 1  # a float does not hold it
    columns = pa.Table.from_pandas(frames()["claims"]).to_pydict() | {"person": pa.array([large, None], pa.int64())}
    claims = ClaimsTables.from_frames(**frames(claims=pa.table(columns))).claims
    assert claims.person.max().to_pandas() == large
    with pytest.raises(ClaimsError, match=r"'person' of table 'claims' has values that are not a whole"):
        ClaimsTables.from_frames(**frames(claims=frames()["claims"].assign(person=[1.5, 2])))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"deaths": pd.DataFrame({"person": pd.Series([1, "2"], dtype=object), "date": [DAY(2018, 5, 5)] * 2})},
            r"'deaths': Column 'person' mixes numbers \(row 1\) and text \(row 2\)",
        ),
        ({"claims": line(amount="2,074.33")}, "Store numbers as numbers|Store values of one type"),
        ({"claims": pd.concat([line(), line()[["amount"]]], axis=1)}, "'claims': Column 'amount' occurs 2 times"),
        ({"claims": [1, 2]}, "of class builtins.list. Allowed: a pandas"),
    ],
)
def test_columns_of_two_types_and_columns_twice_are_refused(changes, words):
    """Fault C9: Fault C5: Fault A1: Fault C4: of claims."""
    with pytest.raises(ClaimsError, match=words):
        ClaimsTables.from_frames(**frames(**changes))
