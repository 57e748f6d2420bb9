"""Tables with other names, units, texts and values: the same panel to the cent; all mistakes of a mapping at once."""

from __future__ import annotations

import datetime as dt
import os
from types import SimpleNamespace

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssinfer.claims import ClaimsTables, SourceColumn, TableMapping, extract
from ssinfer.claims.backend.engine import connect
from ssinfer.claims.tables.mapping import map_table
from ssinfer.errors import ClaimsError
from ssinfer.periods import span

PERIODS = span("2018Q2", "2019Q4")
FORMATS = ["%d-%m-%Y", "%Y%m%d", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d", "%m.%d.%Y"]
AMOUNTS = ["euros", "cents", "comma", "point", "float cents"]


def as_text(amounts, decimal):
    other = "." if decimal == "," else ","
    return [f"{amount:,.2f}".replace(",", "X").replace(".", decimal).replace("X", other) for amount in amounts]


def disguised(frames, renaming, layout, amount):
    """The frames as another database has them, and the mapping that reads them; pandas is the authority of texts."""
    sources, mapping = {}, {}
    for name, frame in frames.items():
        columns, changed = {}, frame.copy()
        for number, column in enumerate(frame):
            source, options = renaming(name, number, column), {}
            if column in ("date", "start", "end", "paid"):
                changed[column] = pd.to_datetime(frame[column]).dt.strftime(layout)
                options["format"] = layout
            if column == "amount" and amount != "euros":
                if "cents" in amount:
                    cents = np.round(frame[column] * 100)
                    changed[column], options["unit"] = cents.astype(float if "float" in amount else int), "cents"
                else:
                    options["decimal"] = "," if amount == "comma" else "."
                    changed[column] = as_text(frame[column], options["decimal"])
            columns[column] = SourceColumn(source, **options)
        sources[name] = changed.set_axis([columns[column].column for column in frame], axis=1)
        mapping[name] = TableMapping(columns=columns)
    labels = {"hospital": "ziekenhuis", "pharmacy": "apotheek"}
    claims = mapping["claims"].columns["category"].column
    sources["claims"][claims] = sources["claims"][claims].replace(labels)
    back = {"category": {other: label for label, other in labels.items()}}
    mapping["claims"] = TableMapping(columns=mapping["claims"].columns, values=back)
    return sources, mapping


def opened_copy(folder, frames, order, layout, amount, kind):
    """Tables of a disguised copy in a folder: Parquet or CSV files in parts, or a DuckDB file."""
    sources, mapping = disguised(frames, lambda name, number, _: f"{name[:2]}_{order[number]}", layout, amount)
    if kind == "duckdb":
        with duckdb.connect(folder / "c.duckdb") as base:
            base.execute("CREATE SCHEMA dwh")
            for name, frame in sources.items():
                base.register("frame", frame)
                base.execute(f"CREATE TABLE dwh.t_{name} AS SELECT * FROM frame")  # noqa: S608  (names of this test)
        mapping = {n: TableMapping(table=f"dwh.t_{n}", columns=m.columns, values=m.values) for n, m in mapping.items()}
        return ClaimsTables.open(folder / "c.duckdb", mapping=mapping)
    for name, frame in sources.items():
        parts = np.array_split(frame.index, 2) if name == "claims" else [frame.index]
        for number, rows in enumerate(parts):
            path, part = folder / f"{name}_{number}.{kind}", frame.loc[rows]
            part.to_csv(path, index=False, sep=";") if kind == "csv" else part.to_parquet(path)
    mapping = {n: TableMapping(file=f"{n}_*.{kind}", columns=m.columns, values=m.values) for n, m in mapping.items()}
    return ClaimsTables.open(folder, mapping=mapping)


def rows_of(tables, name):
    """Rows of a table as sorted text, amounts in whole cents."""
    frame = getattr(tables, name).to_pandas()
    for column in frame:
        if column == "amount":
            frame[column] = np.round(frame[column].astype(float) * 100).astype(int)
        elif column == "person":
            frame[column] = frame[column].astype("Int64")
        elif column in ("date", "start", "end", "paid"):
            frame[column] = pd.to_datetime(frame[column])
    frame = frame.astype("string").fillna("").replace("<NA>", "")
    return frame.sort_values(sorted(frame), ignore_index=True)[sorted(frame)].to_dict("list")


def test_a_disguised_copy_of_the_data_is_read_as_the_same_rows(frames, tmp_path):
    """Authority: the frames before they got other names, texts, cents and categories."""
    opened = opened_copy(tmp_path, frames, range(7), "%d/%m/%Y %H:%M:%S", "comma", "csv")
    for name, frame in frames.items():
        assert rows_of(opened, name) == rows_of(SimpleNamespace(**{name: memory(frame)}), name), name


@pytest.mark.evidence
@settings(
    max_examples=60 if os.environ.get("SSINFER_EVIDENCE") == "full" else 2,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    order=st.permutations(range(7)),
    layout=st.sampled_from(FORMATS),
    amount=st.sampled_from(AMOUNTS),
    kind=st.sampled_from(["parquet", "csv", "duckdb"]),
)
def test_a_disguised_copy_of_the_data_gives_the_same_panel_to_the_cent(frames, panel, tmp_path_factory, **copy):
    ours = extract(opened_copy(tmp_path_factory.mktemp("copy"), frames, **copy), periods=PERIODS)
    assert np.array_equal(ours.panel.spending, panel.spending, equal_nan=True)
    assert np.array_equal(ours.panel.insured_years, panel.insured_years, equal_nan=True)
    assert np.allclose(ours.panel.sampling_variance, panel.sampling_variance, rtol=1e-9, equal_nan=True)


def memory(frame):
    return SimpleNamespace(to_pandas=frame.copy)


@pytest.fixture(scope="module")
def panel(frames):
    return extract(ClaimsTables.from_frames(**frames), periods=PERIODS).panel


@pytest.fixture(scope="module")
def frames(random_tables):
    return random_tables(3, n_persons=30, n_claims=400)


@pytest.fixture(scope="module")
def line():
    """Tables of claims of one column: `line(values)`, mapped by the given column."""
    connection = connect()

    def mapped(values, target, **options):
        frame = pd.DataFrame({"person": 1, "date": dt.date(2018, 1, 1), "category": "a", "amount": 1.0, "x": values})
        frame["claim"] = range(len(frame))
        connection.con.register("lines", frame)
        columns = {target: SourceColumn("x", **options)}
        made, mistakes, _ = map_table("claims", connection.table("lines"), TableMapping(columns=columns))
        return made.to_pandas().sort_values("claim")[target].tolist(), mistakes

    return mapped


@pytest.mark.parametrize(
    ("layout", "texts"),
    [("%d-%m-%Y", ["31-12-2018", "1-2-2020", "29-02-2020", " 28-02-1900"]), ("%Y%m%d", ["20200229", "20181231"])],
)
def test_dates_are_those_of_pandas(line, layout, texts):
    values, mistakes = line([*texts, None, " "], "date", format=layout)
    assert [pd.Timestamp(value) for value in values[:-2]] == [pd.to_datetime(t.strip(), format=layout) for t in texts]
    assert all(pd.isna(values[-2:]))
    assert mistakes == []


def test_no_such_day_is_a_mistake_with_its_form_and_without_its_value(line):
    texts = ["29-02-2019", "31-04-2019", "00-01-2019", "12-13-2019", "2019-01-12", "1-1-19", "29-02-1900", "x"]
    values, [mistake] = line([*texts, "01-01-2019"], "date", format="%d-%m-%Y")
    assert all(pd.isna(values[:-1]))
    assert mistake.startswith("column 'date' (source 'x'): 8 values are not of format '%d-%m-%Y'; one has the form 'a'")
    _, [mistake] = line(["2019-01-12"], "date", format="%d-%m-%Y")
    assert "the form '9999-99-99'. Give format = '%Y-%m-%d'." in mistake
    assert "2019" not in mistake


@pytest.mark.parametrize(
    ("options", "cases"),
    [
        ({"decimal": ","}, {"1.234,56": 1234.56, "-0,05": -0.05, "€ 12": 12.0, "1.250": 1250.0, "0,125": 0.125}),
        ({"decimal": "."}, {"1,234,567.8": 1234567.8, "1.250": 1.25}),
        ({"decimal": ",", "unit": "cents"}, {"123456": 1234.56}),
        ({"unit": "cents"}, {123456: 1234.56, -5: -0.05}),
        ({"unit": "cents"}, {12.5: 0.13, -12.5: -0.12, 7.0: 0.07}),
    ],
)
def test_amounts_are_exact(line, options, cases):
    """Authority: arithmetic by hand; half a cent is rounded up."""
    values, mistakes = line([*cases], "amount", **options)
    assert [float(value) for value in values] == [*cases.values()]
    assert mistakes == []


def test_numbers_of_another_form_are_a_mistake(line):
    texts = ["1,234.56", "12,", "1.23", "12-", "een", "1e3"]
    values, [mistake] = line([*texts, "1,5"], "amount", decimal=",")
    assert all(pd.isna(values[:-1]))
    assert "6 values are not numbers with the decimal mark ','" in mistake


@pytest.fixture
def folder(tmp_path, random_tables):
    frames = random_tables(3, n_persons=10, n_claims=50)
    claims = frames["claims"].rename(columns={"person": "pseudo_bsn", "category": "zorgsoort"})
    claims["date"] = pd.to_datetime(claims["date"]).dt.strftime("%d-%m-%Y")
    claims.assign(amount=as_text(claims["amount"], ",")).to_parquet(tmp_path / "declaraties.parquet")
    frames["insured"].rename(columns={"sex": "geslacht"}).to_parquet(tmp_path / "verzekerden.parquet")
    frames["enrolment"].to_parquet(tmp_path / "enrolment.parquet")
    return tmp_path


def test_all_mistakes_of_all_tables_are_in_one_message(folder):
    mapping = {
        "claims": TableMapping(
            file="declaraties.parquet",
            columns={"person": "pseudobsn", "category": "zorgsoort", "datum": "date"},
            filter={"jaar": 2018, "zorgsoort": "huisarts", "volume": {"over": 3}},
            values={"category": {"hospitaal": "hospital"}},
        ),
        "insured": TableMapping(file="verzekerden.parquet"),
        "deaths": TableMapping(file="overleden.parquet"),
    }
    with pytest.raises(ClaimsError) as refused:
        ClaimsTables.open(folder, mapping=mapping)
    lines = str(refused.value).splitlines()
    for words in (
        "10 mistakes in the tables of claims",
        "'claims': columns names 'datum', which the table does not have. Did you mean 'date'?",
        "'claims': column 'person': the source has no column 'pseudobsn'. Did you mean 'pseudo_bsn'?",
        "'claims': column 'date' (source 'date'): 51 values are not of format '%Y-%m-%d'",
        "one has the form '99-99-9999'. Give format = '%d-%m-%Y'.",
        "'claims': column 'amount' (source 'amount'): 52 values are text, and need a decimal mark; one has the form",
        "'claims': filter: the source has no column 'jaar'",
        "'claims': filter of 'zorgsoort' names 'huisarts', which no row has",
        "'claims': filter of 'volume': 'over' = 3. Allowed: not, from and to.",
        "'claims': values of 'category' name 'hospitaal', which no row has. Did you mean 'hospital'?",
        "'insured': column 'sex': the source has no column 'sex'. Did you mean 'geslacht'?",
        "'deaths': no Parquet or CSV file at",
    ):
        assert any(words in line for line in lines), (words, lines)


def test_tables_without_a_mapping_are_told_the_column_that_is_meant(folder):
    with pytest.raises(ClaimsError, match=r"no table 'insured', 'claims'.*\[data.tables.insured\].*ssinfer new"):
        ClaimsTables.open(folder)
    with pytest.raises(
        ClaimsError, match=r"'person'. Did you mean 'pseudo_bsn'\? Write \[data.tables.claims\] columns"
    ):
        ClaimsTables.open(folder, claims=folder / "declaraties.parquet", insured=folder / "verzekerden.parquet")


def test_filters():
    frame = pd.DataFrame({"n": [1, 2, 3], "s": ["a", "b", None], "d": [dt.date(2018, 1, day) for day in (1, 2, 3)]})
    table = ibis.memtable(frame.assign(unit="u", start=frame["d"]))
    columns = {"end": SourceColumn(value="2020-01-01"), "unit": "n"}
    for rule, kept in (
        ({"n": [1, 3]}, [1, 3]),
        ({"s": {"not": ["b"]}}, [1, 3]),  # a missing value is not b
        ({"d": {"from": dt.date(2018, 1, 2)}}, [2, 3]),
        ({"d": {"to": "2018-01-02"}}, [1, 2]),
        ({"n": {"from": 2, "to": 3}, "s": {"not": "b"}}, [3]),
    ):
        made, mistakes, _ = map_table("programmes", table, TableMapping(columns=columns, filter=rule))
        assert mistakes == []
        assert sorted(made.to_pandas()["unit"]) == kept


def test_a_partitioned_folder_is_one_table(folder):
    claims = pd.read_parquet(folder / "declaraties.parquet").assign(jaar=2018)
    half = len(claims) // 2
    for year, rows in (("2018", claims[:half]), ("2019", claims[half:])):
        part = folder / "delen" / f"jaar={year}"
        part.mkdir(parents=True)
        rows.drop(columns="jaar").to_parquet(part / "part-0.parquet")
    columns = {
        "person": "pseudo_bsn",
        "category": "zorgsoort",
        "date": SourceColumn("date", format="%d-%m-%Y"),
        "amount": SourceColumn("amount", decimal=","),
    }
    insured = TableMapping(file="verzekerden.parquet", columns={"sex": "geslacht"})
    for rule, rows in (({}, len(claims)), ({"jaar": 2018}, half)):
        mapping = {"claims": TableMapping(file="delen", columns=columns, filter=rule), "insured": insured}
        assert ClaimsTables.open(folder, mapping=mapping).claims.count().execute() == rows
