"""A new study of a panel file: what is found, asked and written; the written study is read and planned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ssinfer.errors import StudyError
from ssinfer.new import Answers, draft_of_panel, write_draft
from ssinfer.new.draft import last_tables, to_toml
from ssinfer.study import plan_study
from ssinfer.study.config import read_study

TREATED = "Praktijk 03"


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
    findings = drafted(path).findings
    roles = {part.numbers["role"]: part.numbers["column"] for part in findings if part.id == "new.column"}
    assert roles == {
        "period": "kwartaal", "unit": "praktijk", "spending": "zorgkosten", "insured_years": "verzekerdejaren",
    }  # fmt: skip
    assert [(part.numbers["option"], part.numbers["value"]) for part in findings if part.id == "new.assumed"] == [
        ("--start", "2023Q1")
    ]


def test_a_treated_unit_cannot_be_assumed(path):
    with pytest.raises(StudyError, match=r"Give --treated\. Allowed: 'Praktijk 01', .*, \.\.\."):
        draft_of_panel(path, path.parent / "new", Answers({}))
    with pytest.raises(StudyError, match=r"--treated is 'Praktyk 03'. Did you mean 'Praktijk 03'"):
        drafted(path, treated="Praktyk 03")


def test_a_person_is_asked_only_what_data_cannot_tell(path):
    asked = []
    answers = Answers({}, lambda question: asked.append(question.id) or {"treated": TREATED}.get(question.id, "2022Q1"))
    draft = draft_of_panel(path, path.parent / "new", answers)
    assert asked == ["treated", "start"]
    assert 'performance = { first = "2022Q1", last = "2022Q4" }' in draft.text


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
