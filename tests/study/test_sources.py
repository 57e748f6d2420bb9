"""Data sources: each declared once and found by the registry; a source of another package is added by entry point."""

import sys
from pathlib import Path

import pytest

from ssinfer.errors import StudyError
from ssinfer.registry import _scan
from ssinfer.study import plan_study, run_study
from ssinfer.study.config import StudyConfig
from ssinfer.study.source import SOURCES

ROOT = Path(__file__).parents[2]

PAGE = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
# the example of the page: one source for what is shown and what is tested
PACKAGE = next(block.split("```")[0] for block in PAGE.split("```python\n") if "SOURCE = DataSource(" in block)
STUDY = """
title = "A study"
question = "Which design?"
[data]
source = "flat"
units = 25
[population]
treated = ["u00"]
[windows]
baseline = [2014, 2015, 2016]
performance = [2017]
[[comparison]]
name = "all"
[[method]]
method = "AdministrativeBenchmark"
"""
MISTAKES = {  # what a mistaken user writes in place of what the study says, and the start of the refusal
    ("units = 25", "unitz = 25"): (
        "key 'data.units' is missing (line 4); unknown key 'data.unitz' (line 6). Did you mean 'units'?"
    ),
    ("units = 25", ""): "key 'data.units' is missing (line 4)",
    ('"flat"', '"flta"'): "key 'data.source' (line 5): got 'flta'. Allowed: 'vektis' ",
}


def test_each_source_is_declared_in_a_file_of_its_name():
    files = {path.stem for path in (ROOT / "ssinfer" / "study" / "sources").glob("*.py")} - {"__init__"}
    assert set(SOURCES.names()) == files
    assert len({source.order for source in SOURCES.entries()}) == len(files)


def test_no_other_file_of_the_study_compares_with_the_name_of_a_source():
    names = [f'"{name}"' for name in SOURCES.names() if name not in ("panel", "claims")]  # words with other uses
    for path in (ROOT / "ssinfer").rglob("*.py"):
        if path.parent.name != "sources" and path.parts[-2] in ("study", "report", "ssinfer"):
            assert not [name for name in names if name in path.read_text(encoding="utf-8")], path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder with a module and the metadata of an installed package that registers its source, on the path."""
    (tmp_path / "flat_source.py").write_text(PACKAGE, encoding="utf-8")
    metadata = tmp_path / "flat_source-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: flat-source\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[ssinfer.sources]\nflat = flat_source:SOURCE\n")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    find_sources_again()
    yield tmp_path
    monkeypatch.undo()
    sys.modules.pop("flat_source")
    find_sources_again()


def find_sources_again():
    _scan.cache_clear()
    StudyConfig.model_rebuild(force=True)


def test_a_source_of_another_package_is_added_by_entry_point(package):
    result = run_study(plan_study(package / "study.toml"), parts=("evaluate",), n_jobs=1)
    assert (result.data_label, result.savings["status"].tolist()) == ("25 flat units", ["ok"])
    for (old, new), said in MISTAKES.items():
        (package / "wrong.toml").write_text(STUDY.replace(old, new), encoding="utf-8")
        with pytest.raises(StudyError) as refused:
            plan_study(package / "wrong.toml")
        _, words = str(refused.value).split(": ", 1)
        assert words.startswith(said)
    assert "'flat' (" in words
