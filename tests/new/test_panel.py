"""A new study of a panel file: what is found, asked and written; the written study is read and planned."""

from __future__ import annotations

import doctest
import io
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssinfer.cli import main
from ssinfer.console.new import new_study
from ssinfer.errors import StudyError
from ssinfer.new import Answers, draft_of_panel, write_draft
from ssinfer.new.designs import last_tables
from ssinfer.new.draft import to_toml
from ssinfer.new.panel import SAMPLE
from ssinfer.sentences import sentence
from ssinfer.study import plan_study
from ssinfer.study.config import read_study

TREATED = "Praktijk 03"
ANSWERS = {"treated": TREATED, "start": "2022Q1", "spending_is": "per insured-year"}


def frame(n_units=24, n_years=5):
    rng = np.random.default_rng(7)
    rows = [
        (
            f"Praktijk {unit:02d}",
            f"{2019 + quarter // 4}Q{quarter % 4 + 1}",
            2600 + 10 * quarter + rng.normal(0, 60),
            900,
        )
        for unit in range(1, n_units + 1)
        for quarter in range(4 * n_years)
    ]
    return pd.DataFrame(rows, columns=["praktijk", "kwartaal", "zorgkosten", "verzekerdejaren"])


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    frame().to_csv(tmp_path / "panel.csv", index=False)
    return tmp_path / "panel.csv"


def drafted(path, **given):
    return draft_of_panel(path, path.parent / "new", Answers({"treated": TREATED, **given}))


def test_the_written_study_is_planned_as_it_is(path):
    plan = plan_study(write_draft(drafted(path), path.parent / "new"))
    assert plan.config.settling == ("a", "administrative")
    assert {design for design, _ in plan.pairs} == {"a", "c", "d", "d, one window"}
    assert (plan.designs["a"].baseline[0], plan.designs["a"].performance[0]) == ("2021Q1", "2023Q1")
    assert plan.designs["d"].baseline[0] == "2020Q1"
    assert plan.config.data.file == "../panel.csv"


def test_what_is_found_and_assumed_is_said(path):
    told = []
    draft_of_panel(path, path.parent / "new", answers := Answers({"treated": TREATED}, tell=told.append))
    findings = answers.findings
    assert told == findings
    assert {part.numbers["option"]: part.numbers["column"] for part in findings if part.id == "new.column"} == {
        "--period": "kwartaal", "--unit": "praktijk", "--spending": "zorgkosten", "--insured-years": "verzekerdejaren",
    }  # fmt: skip
    assert [(part.numbers["option"], part.numbers["value"]) for part in findings if part.id == "new.assumed"] == [
        ("--spending-is", "per insured-year"), ("--start", "2023Q1"),
    ]  # fmt: skip
    assert "Column 'zorgkosten' holds spending (--spending names another)." in [sentence(part) for part in findings]


def test_a_treated_unit_cannot_be_assumed(path):
    with pytest.raises(StudyError, match=r"Give --treated\. Allowed: 'Praktijk 01', .*'Praktijk 08' and 16 more\."):
        draft_of_panel(path, path.parent / "new", Answers({}))
    with pytest.raises(StudyError, match=r"--treated is 'Praktyk 03'. Did you mean 'Praktijk 03'"):
        drafted(path, treated="Praktyk 03")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("praktijk 03", ["Praktijk 03"]),
        ("Praktijk 03; Praktijk 05", ["Praktijk 03", "Praktijk 05"]),
        ("Praktijk 03, praktijk 05", ["Praktijk 03", "Praktijk 05"]),
        (["praktijk 03; Praktijk 05"], ["Praktijk 03", "Praktijk 05"]),
        ("Praktijk 0*", [f"Praktijk {n:02d}" for n in range(1, 10)]),
    ],
)
def test_treated_units_are_found_in_any_case_in_lists_and_by_patterns(path, said, meant):
    assert keys_of(drafted(path, treated=said), "case")["treated"] == meant


@pytest.mark.parametrize(("said", "meant"), [("K1 2023", "2023Q1"), ("2023-01", "2023Q1"), ("2023", "2023Q1")])
def test_the_start_is_read_in_any_spelling(path, said, meant):
    assert keys_of(drafted(path, start=said), "windows")["performance"]["first"] == meant


@pytest.mark.parametrize("start", ["2010", "2024Q1", "2023-02", "15-05-2023", "x"])
def test_a_start_at_which_no_period_begins_is_told_the_periods(path, start):
    with pytest.raises(StudyError, match=f"--start is '{start}'.*20 quarters, 2019Q1 to 2023Q4"):
        drafted(path, start=start)


def test_an_answer_without_a_name_is_refused(path):
    with pytest.raises(StudyError, match=r"--treated is ';', which names nothing\..*Give --treated"):
        drafted(path, treated=";")


def test_a_slip_at_a_question_is_asked_again(path, monkeypatch, capsys):
    typed = io.StringIO("per jaar\n\npraktyk 3\npraktijk 03\n2010\n2023Q1\n")
    typed.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", typed)
    new_study(path.parent / "new", path, None, None, "en", sample=False, yes=False)
    assert capsys.readouterr().out.count("Error: ") == 3
    assert read_study(path.parent / "new" / "study.toml").case.treated == ["Praktijk 03"]


def test_a_person_is_asked_only_what_data_cannot_tell(path):
    asked = []
    answers = Answers({}, lambda question: asked.append(question.id) or ANSWERS[question.id])
    draft = draft_of_panel(path, path.parent / "new", answers)
    assert asked == ["spending_is", "treated", "start"]
    assert 'performance = { first = "2022Q1", last = "2022Q4" }' in draft.text


def test_codes_stand_for_the_names_of_the_same_units(path):
    """A file with codes and names of practices is read without a question; other columns are asked for."""
    both = frame().rename(columns={"praktijk": "Naam praktijk", "verzekerdejaren": "Enrollees (avg)"})
    both.insert(0, "Code praktijk", both["Naam praktijk"].str.replace("Praktijk ", "P"))
    both.to_csv(path, index=False)
    columns = keys_of(draft_of_panel(path, path.parent / "new", Answers({"treated": "P03"})), "data")["columns"]
    assert (columns["unit"], columns["insured_years"]) == ("Code praktijk", "Enrollees (avg)")
    both["Code praktijk"] = both["Naam praktijk"].where(both["kwartaal"] < "2021", both["Naam praktijk"] + " nieuw")
    both.to_csv(path, index=False)
    with pytest.raises(StudyError, match="Which column names the units"):
        draft_of_panel(path, path.parent / "new", Answers({"treated": "Praktijk 03"}))


def keys_of(draft, name):
    return next(table.keys for table in draft.tables if table.name == name)


@pytest.mark.parametrize(("scale", "meaning"), [(1, "per insured-year"), (1 / 4, "per insured-period"), (900, "total")])
def test_what_spending_is_follows_from_its_size(path, scale, meaning):
    """Authority: 2,600 EUR per insured-year, over 900 insured-years per quarter; all three give one panel."""
    frame().assign(zorgkosten=lambda table: table["zorgkosten"] * scale).to_csv(path, index=False)
    assert keys_of(drafted(path), "data")["spending_is"] == meaning
    plan = plan_study(write_draft(drafted(path), path.parent / "new"))
    wanted = frame()["zorgkosten"].to_numpy().reshape(24, 20)
    np.testing.assert_allclose(plan.panel.spending, wanted, rtol=1e-12)


def test_totals_are_left_out_and_an_ambiguous_number_is_asked(path):
    whole = frame().round({"zorgkosten": 0}).astype({"zorgkosten": int})
    total = whole.groupby("kwartaal", as_index=False).agg(zorgkosten=("zorgkosten", "mean")).assign(praktijk="Totaal")
    table = pd.concat([whole, total.assign(verzekerdejaren=24 * 900)])
    table["zorgkosten"] = [f"{value:,.0f}".replace(",", ".") for value in table["zorgkosten"]]
    table.to_csv(path, index=False, sep=";")
    with pytest.raises(StudyError, match=r"2\.\d+ with a decimal point and 2\d+ with a decimal comma.* Give --decimal"):
        drafted(path)
    keys = keys_of(drafted(path, decimal=","), "data")
    assert (keys["decimal"], keys["without"], keys["spending_is"]) == (",", ["Totaal"], "per insured-year")
    plan = plan_study(write_draft(drafted(path, decimal=","), path.parent / "new"))
    np.testing.assert_array_equal(plan.panel.spending, whole["zorgkosten"].to_numpy().reshape(24, 20))


def test_a_file_without_insured_years_and_with_gaps_is_planned(path):
    frame().drop(columns="verzekerdejaren").drop(index=[0, 1]).to_csv(path, index=False)
    draft = drafted(path)
    assert keys_of(draft, "data")["columns"]["insured_years"] is False
    assert keys_of(draft, "comparison")["incomplete"] == "drop"
    plan = plan_study(write_draft(draft, path.parent / "new"))
    assert {design for design, _ in plan.pairs} == {"a", "d", "d, one window"}


def test_long_windows_have_the_slow_method_as_a_comment(tmp_path):
    """Monthly data: a fit of the hierarchical model takes 20 s."""
    rows = [
        (unit, f"{year}-{month:02d}", 2600, 75)
        for unit in "abc"
        for year in range(2019, 2024)
        for month in range(1, 13)
    ]
    pd.DataFrame(rows, columns=["unit", "month", "spending", "insured_years"]).to_csv(tmp_path / "p.csv", index=False)
    text = draft_of_panel(tmp_path / "p.csv", tmp_path, Answers({"treated": "a"})).text
    assert '# [[method]]\n# method = "HierarchicalBenchmark"' in text
    assert 'kind = "confidence"' in text


def test_nothing_is_replaced(path):
    (path.parent / "new").mkdir()
    (path.parent / "new" / "study.toml").write_text("mine")
    with pytest.raises(StudyError, match=r"study.toml exists. Name a new folder"):
        write_draft(drafted(path), path.parent / "new")
    assert (path.parent / "new" / "study.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("placebos", "kind", "level"), [(20, "placebo", 0.95), (19, "placebo", 0.9), (9, "confidence", 0.95)]
)
def test_few_units_have_a_threshold_that_they_can_show(placebos, kind, level):
    """Authority: ceil(level (m + 1)) <= m with m placebos of other blocks (`ssinfer.thresholds.placebo_order`)."""
    threshold = next(table for table in last_tables(placebos) if table.name == "threshold")
    assert (threshold.keys["kind"], threshold.keys["level"]) == (kind, level)


def test_names_with_quotes_are_valid_toml(tmp_path):
    text = 'title = "t"\nquestion = "q"\n[data]\nsource = "panel"\nfile = "p"\n'
    text += "[windows]\nbaseline = [1]\nperformance = [2]\n"
    text += '[[comparison]]\nname = "a"\n[[method]]\nmethod = "SyntheticControl"\n[case]\ntreated = '
    name = 'De "Linde" \\ \'s'
    (tmp_path / "study.toml").write_text(text + to_toml([name]))
    assert read_study(tmp_path / "study.toml").case.treated == [name]


def test_the_sample_is_what_its_command_writes(tmp_path, monkeypatch):
    monkeypatch.setattr("ssinfer.new.panel.SAMPLE", tmp_path / "sample.csv")
    runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "sample.py"), run_name="__main__")
    assert (tmp_path / "sample.csv").read_bytes() == SAMPLE.read_bytes()
    assert len(SAMPLE.read_bytes()) < 60_000


def test_the_sample_from_the_console(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ssinfer", "new", str(tmp_path / "demo"), "--sample", "--language", "nl", "--yes"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert "Kolom 'spending' bevat de zorguitgaven (met --spending noemt u een andere)." in said
    assert f"ssinfer run {tmp_path / 'demo' / 'study.toml'} --out {tmp_path / 'demo' / 'result'}" in said
    study = read_study(tmp_path / "demo" / "study.toml")
    assert (study.settling, study.report.language) == (("b", "administrative"), "nl")
    assert "# De drempel die beslist" in (tmp_path / "demo" / "study.toml").read_text(encoding="utf-8")
    assert study.data.file == "practices.csv"


def test_the_page_of_own_data_runs():
    failed, tried = doctest.testfile(str(Path(__file__).parents[2] / "docs" / "own_data.md"), module_relative=False)
    assert (failed, tried > 3) == (0, True)
