"""What a release needs, without making one: contents of the wheel, lower bounds, citation, hooks, fragments."""

import datetime as dt
import re
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: Suffixes of files that the package reads or type checkers read; a new kind of file is named here.
SUFFIXES = {".py", ".pyi", ".po", ".toml", ".csv", ".json", ".css", ".j2", ".js", ".typ", ".bib"}


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_wheel_holds_the_package_and_nothing_else():
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    strange = [name for name in files if PurePosixPath(name).suffix not in SUFFIXES and not name.endswith("py.typed")]
    assert strange == []
    assert {PurePosixPath(name).parts[0] for name in files} == {"ssinfer"}
    assert {PurePosixPath(name).suffix for name in files} >= SUFFIXES
    listed = subprocess.run(["git", "ls-files", "ssinfer"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    assert {name for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()} - files == set()


def test_every_dependency_has_a_lower_bound():
    requirements = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    assert [each.name for each in requirements if not any(part.operator == ">=" for part in each.specifier)] == []


def test_the_citation_has_the_version_and_a_date():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]
    released = citation["date-released"]
    assert isinstance(released, dt.date)
    heading = re.search(rf"^## {re.escape(citation['version'])} \((.+)\)$", text("CHANGELOG.md"), re.MULTILINE)
    assert heading[1] in ("unreleased", released.isoformat())


def test_hooks_are_commands_of_the_makefile():
    [local] = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert local["repo"] == "local"
    assert all(set(hook) & {"rev", "additional_dependencies"} == set() for hook in local["hooks"])
    entries = {hook["stages"][0]: hook["entry"].split() for hook in local["hooks"]}
    assert entries == {"pre-commit": ["make", "lint"], "pre-push": ["make", "types", "imports"]}
    rules = re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE)
    assert {name for words in entries.values() for name in words[1:]} <= set(rules)


def test_fragments_of_the_changelog_have_a_kind_and_a_place():
    settings = PROJECT["tool"]["towncrier"]
    assert text(settings["filename"]).count(settings["start_string"]) == 1
    kinds = "|".join(kind["directory"] for kind in settings["type"])
    fragments = {path.name for path in (ROOT / settings["directory"]).iterdir()} - {"README.md"}
    assert [name for name in fragments if not re.fullmatch(rf"(\d+|\+[\w-]+)\.({kinds})(\.\d+)?\.md", name)] == []
