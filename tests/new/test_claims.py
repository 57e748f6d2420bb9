"""A new study of claims with Dutch names, cents and texts: the mapping proposed, and the file written."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from ssinfer.cli import main
from ssinfer.console.new import _by_kind
from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.new import Answers
from ssinfer.new.claims import draft_of_claims
from ssinfer.sentences import sentence
from ssinfer.study.config import read_study
from tests.claims.conftest import make_tables


@pytest.fixture
def delivery(tmp_path):
    frames = make_tables(3, n_persons=40, n_claims=600)
    claims, insured = frames["claims"], frames["insured"]
    folder = tmp_path / "levering"
    folder.mkdir()
    lines = pd.DataFrame(
        {
            "Pseudo-BSN": claims["person"] + 123456000,
            "behandeldatum": pd.to_datetime(claims["date"]).dt.strftime("%d-%m-%Y"),
            "zorgsoort": claims["category"],
            "bedrag": np.round(claims["amount"] * 10_000).astype(int),
            "naam": "Jansen",
        }
    )
    for year, rows in lines.groupby(lines["behandeldatum"].str[-4:]):
        rows.to_parquet(folder / f"declaraties_{year}.parquet")
    names = {"person": "pseudo_bsn", "birth_year": "geboortejaar", "sex": "geslacht", "region": "gemeente"}
    insured.assign(person=insured["person"] + 123456000).rename(columns=names).to_parquet(
        folder / "verzekerden.parquet"
    )
    spans = frames["enrolment"].assign(person=frames["enrolment"]["person"] + 123456000).drop(columns="insurer")
    names = {"person": "pseudo_bsn", "practice": "praktijk", "start": "ingangsdatum", "end": "einddatum"}
    spans.rename(columns=names).to_csv(folder / "inschrijvingen.csv", sep=";", index=False)
    return folder


def test_the_study_of_dutch_claims_is_read_and_opens(delivery, tmp_path):
    """Authority: the columns that the frames have, and their sum in cents."""
    answers = Answers({"treated": ["p1"], "start": "2019Q1"})
    with speak("en"):
        draft = draft_of_claims(delivery, tmp_path / "study", answers)
        said = "\n".join(map(sentence, answers.findings))
    config = read_study(tmp_path / "study.toml", draft.text)
    tables = {name: part.model_dump(exclude_unset=True) for name, part in config.data.tables.items()}
    assert tables["claims"] == {
        "file": "declaraties_*.parquet",
        "columns": {
            "person": {"column": "Pseudo-BSN"},
            "date": {"column": "behandeldatum", "format": "%d-%m-%Y"},
            "category": {"column": "zorgsoort"},
            "amount": {"column": "bedrag", "unit": "cents"},
        },
    }
    assert tables["insured"]["file"] == "verzekerden.parquet"
    assert tables["enrolment"]["columns"]["insurer"] == {"value": "own"}
    assert "deaths" not in tables
    assert {part.method for part in config.method} >= {"AdministrativeBenchmark", "HierarchicalBenchmark"}
    assert not re.search("1234560|Jansen", said)  # no identifier in full, and no column that is not used
    opened = config.data.open_tables(tmp_path / "study")
    raw = pd.concat(map(pd.read_parquet, delivery.glob("declaraties_*")))
    assert round(float(opened.claims["amount"].sum().execute()) * 100) == raw["bedrag"].sum()


def test_what_cannot_be_known_is_asked_for_with_its_option(delivery, tmp_path):
    with speak("en"), pytest.raises(StudyError, match=r"Give --treated. Allowed: 'p1', 'p2', 'p3'"):
        draft_of_claims(delivery, tmp_path, Answers({}))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("", "place of the claims is needed, once. Write file = "),
        ('file = "a"\nconnection = "postgres://u@h/d"', "place of the claims is needed, once"),
        ('connection = "postgres://u:geheim@h/d"', "holds a password.*PGPASSWORD.*pgpass"),
        ('connection = "postgres://u@h/d?password=geheim"', "holds a password"),
        ('connection = "mysql://u@h/d"', "is of kind 'mysql'. Allowed: 'postgres://USER@HOST:PORT/DATABASE'"),
        ('connection = "postgres://u@h/d?option=1"', "has the option 'option'. Allowed: sslmode"),
        (
            'file = "a"\n[data.tables.claims]\ncolumns = { date = { formt = "%d" } }',
            r"formt' \(line 7\). Did you mean 'for",
        ),
        (
            'file = "a"\n[data.tables.claims]\ncolumns = { date = { format = "%d %b" } }',
            "format is '%d %b'; allowed: %d",
        ),
    ],
)
def test_mistakes_in_the_place_and_the_mapping_of_claims(tmp_path, keys, words):
    text = f'title = "t"\n[data]\nsource = "claims"\nperiods = {{ first = 2018, last = 2020 }}\n{keys}\n'
    with pytest.raises(StudyError, match=words) as refused:
        read_study(tmp_path / "study.toml", text)
    assert "geheim" not in str(refused.value)


def test_data_without_an_option_are_read_by_what_they_are(delivery, tmp_path, monkeypatch):
    """Authority: the study that the option gives."""
    (tmp_path / "parts.parquet").mkdir()
    for name, kind in (
        ("levering", "claims"),
        ("dwh.duckdb", "claims"),
        ("postgres://a@b/c", "database"),
        ("spark", "database"),
    ):
        given = tmp_path / name if kind == "claims" else name
        assert [value is not None for value in _by_kind(str(given))] == [False, kind == "claims", kind == "database"]
    assert _by_kind(str(tmp_path / "parts.parquet"))[0] == tmp_path / "parts.parquet"
    texts = []
    for option in ([], ["--claims"]):
        out = tmp_path / f"study{len(texts)}"
        given = ["new", str(out), *option, str(delivery), "--treated", "p1", "--start", "2019Q1", "--yes"]
        monkeypatch.setattr("sys.argv", ["ssinfer", *given])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        texts.append((out / "study.toml").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
