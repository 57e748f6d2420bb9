"""Files of strangers: cut, stray, hostile and damaged files of claims are refused in one line, without values."""

from __future__ import annotations

import gzip

import duckdb
import pandas as pd
import pytest

from ssinfer.claims import ClaimsTables, extract
from ssinfer.errors import ClaimsError
from tests.claims.test_bad_input import DAY, frames, write


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "csv")
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "gz", "gz at a line's end", "parquet"])
def test_a_cut_file_is_refused(folder, kind):
    """Fault R11: Fault R13: a cut claims.csv counted its first lines; a cut Parquet file gave a traceback."""
    path = folder / "claims.csv"
    whole = path.read_bytes()
    path.unlink()
    if kind == "csv":
        path.write_bytes(whole[:-4])
    elif kind == "parquet":
        path = folder / "claims.parquet"
        frames()["claims"].to_parquet(path)
        path.write_bytes(path.read_bytes()[:-50])
    else:
        path = folder / "claims.csv.gz"
        path.write_bytes(gzip.compress(whole, mtime=0)[: -4 if kind == "gz" else -8])
    with pytest.raises(ClaimsError, match=rf"'claims'.*{path.name}.*cut") as refused:
        ClaimsTables.open(folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("row", ["123456782,2018-03-01,psychiatry,812.50,7", "123456782,2018-03-01,psychiatry"])
def test_a_line_with_a_field_too_many_or_too_few_is_named(folder, row):
    """Fault R15: the message was a syntax error of SQL."""
    with (folder / "claims.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(ClaimsError, match=r"claims\.csv, line 4.*fields") as refused:
        ClaimsTables.open(folder)
    assert "12345" not in str(refused.value)


def test_no_value_of_a_person_is_in_a_message(folder):
    """Fault R16: the console showed the person's line."""
    with (folder / "claims.csv").open("a") as file:
        file.write("123456782,2021-02-30,psychiatry,812.50\n")
    with pytest.raises(ClaimsError, match=r"'claims'.*line 4.*claims\.csv.*column date.*type") as refused:
        ClaimsTables.open(folder)
    spans = frames()["enrolment"].assign(person=[1234, 5678], end=[DAY(2016, 1, 1)] * 2)
    with pytest.raises(ClaimsError, match="2 enrolment spans end") as reversed_span:
        ClaimsTables.from_frames(**frames(enrolment=spans))
    for message in (str(refused.value), str(reversed_span.value)):
        assert not any(value in message for value in ("12345", "2021-02", "psychiatry", "812", "1234", "2016"))


def test_stray_files_are_left_out_or_refused(folder):
    """Fault R17: ._a.csv and a.csv.bak.csv were counted."""
    parts = folder / "claims"
    parts.mkdir()
    (folder / "claims.csv").rename(parts / "a.csv")
    for name in ("._a.csv", "_SUCCESS"):
        (parts / name).write_text("x")
    tables = ClaimsTables.open(folder)
    assert tables.noticed == {"hidden files": 2}
    result = extract(tables, periods=[2018])
    assert result.attrition.iloc[0]["euros"] == 30.0
    assert result.noticed["hidden files"] == 2
    for name, words in {"a.csv.bak.csv": "no part of", "note.txt": "no part of", "b.csv": "copy of a.csv"}.items():
        (parts / name).write_bytes((parts / "a.csv").read_bytes())
        with pytest.raises(ClaimsError, match=words):
            ClaimsTables.open(folder)
        (parts / name).unlink()
    frames()["claims"].to_parquet(folder / "claims.parquet")
    with pytest.raises(ClaimsError, match=r"claims is no part of table 'claims': the table is in claims\.parquet"):
        ClaimsTables.open(folder)


def test_deaths_and_births_that_cannot_be():
    """Fault R18: no word."""
    odd = pd.DataFrame({"person": [2, 99], "date": [DAY(2017, 1, 1), DAY(2018, 1, 1)]})
    assert ClaimsTables.from_frames(**frames(deaths=odd)).noticed == {
        "deaths of unknown persons": 1,
        "deaths before birth": 1,
    }
    for deaths, words in {
        ((2, None),): "no date",
        ((2, DAY(2018, 5, 1)), (2, DAY(2018, 6, 1))): "1 rows of table .deaths. give a person another date",
    }.items():
        frame = pd.DataFrame(deaths, columns=["person", "date"])
        frame["date"] = pd.to_datetime(frame["date"])
        with pytest.raises(ClaimsError, match=words):
            ClaimsTables.from_frames(**frames(deaths=frame))
    for year in (1, -128):
        with pytest.raises(ClaimsError, match=r"1 persons of table .insured. have a birth_year outside"):
            ClaimsTables.from_frames(**frames(insured=frames()["insured"].assign(birth_year=[year, 1950])))


def test_a_view_of_a_strangers_database_reads_no_other_file(tmp_path):
    """Fault R37: the content of another file became a unit's name."""
    (tmp_path / "secret.csv").write_text("person,insurer,practice,start,end\n1,A,secret,2018-01-01,2018-12-31\n")
    source = tmp_path / "stranger.duckdb"
    with duckdb.connect(str(source)) as connection:
        for name, frame in frames().items():
            if name != "enrolment":
                connection.register("frame", frame)
                connection.execute(f"create table {name} as from frame")
        connection.execute(f"create view enrolment as from read_csv('{tmp_path}/secret.csv')")
    with pytest.raises(ClaimsError, match="a view reads a file outside"):
        ClaimsTables.open(source)


def test_a_memory_limit_is_named(tmp_path):
    """Fault R39: 72 lines."""
    write(tmp_path, "parquet")
    with pytest.raises(ClaimsError, match=r"not enough memory. Raise memory_limit"):
        ClaimsTables.open(tmp_path, memory_limit="1MB", threads=1)


def test_a_password_is_never_repeated(tmp_path):
    """Fault R43: the refusal repeated the password."""
    for address in ("postgres://u:secret@h/db", tmp_path / "postgres://u:secret@h/db"):
        with pytest.raises(ClaimsError, match="from_connection") as refused:
            ClaimsTables.open(address)
        assert "secret" not in str(refused.value)
    assert "secret" not in str(ClaimsError("no postgres://u:secret@h/db"))
