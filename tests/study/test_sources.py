"""Data sources: each declared once and found by the registry; a source of another package is added by entry point."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
SCRIPT = """
import flat_source
from ssinfer.errors import StudyError
from ssinfer.study import plan_study, run_study
result = run_study(plan_study("study.toml"), parts=("evaluate",), n_jobs=1)
print(result.data_label, result.savings["status"].tolist())
text = open("study.toml").read()
for old, new in (("units = 25", "unitz = 25"), ("units = 25", ""), ('"flat"', '"flta"')):
    open("wrong.toml", "w").write(text.replace(old, new))
    try:
        plan_study("wrong.toml")
    except StudyError as error:
        print(str(error).split(": ", 1)[1])
"""


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
def package(tmp_path):
    """A folder with a module and the metadata of an installed package that registers its source."""
    (tmp_path / "flat_source.py").write_text(PACKAGE, encoding="utf-8")
    metadata = tmp_path / "flat_source-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: flat-source\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[ssinfer.sources]\nflat = flat_source:SOURCE\n")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def test_a_source_of_another_package_is_added_by_entry_point(package):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])}
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ran, unknown, missing, absent = done.stdout.splitlines()
    assert ran == "25 flat units ['ok']"
    assert unknown.startswith(
        "key 'data.units' is missing (line 4); unknown key 'data.unitz' (line 6). Did you mean 'units'?"
    )
    assert missing == "key 'data.units' is missing (line 4)"
    assert absent.startswith("key 'data.source' (line 5): got 'flta'. Allowed: 'vektis' ")
    assert "'flat' (" in absent
