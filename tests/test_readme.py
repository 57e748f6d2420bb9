"""README names what there is, and nothing that is not; its example runs as a doctest."""

import re
from pathlib import Path

import pytest

import ssinfer as ss

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(heading):
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))


def exported(package):
    return {name for name in ss.__all__ if getattr(getattr(ss, name), "__module__", "").startswith(package)}


def test_table_of_methods_is_what_is_exported():
    methods = {name for name in exported("ssinfer.benchmarks.") if hasattr(getattr(ss, name), "fit")}
    assert table("Benchmark methods") == methods, "Run `make maps` and commit README.md."


def test_table_of_thresholds_is_what_is_exported():
    assert table("Thresholds") == exported("ssinfer.thresholds.") - {"Threshold"}, (
        "Run `make maps` and commit README.md."
    )


def test_commands_of_the_readme_exist():
    from typer.main import get_command

    from ssinfer.cli import app

    command = get_command(app)
    lines = README.split("## Command line")[1].split("```")[1]
    for line in lines.strip().splitlines():
        spoken = line.removeprefix("ssinfer ").split("  ")[0]
        for words in (part.split() for part in spoken.split("|") if part.strip()[:1].islower()):
            assert words[0] in command.commands
            if words[0] == "data":
                assert words[1] in command.commands["data"].commands


def test_makefile_has_the_commands_of_the_readme():
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)\b", README)) - {"what"} <= rules


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CHANGELOG.md", "CITATION.cff", "docs/decisions", "case_studies"])
def test_files_that_the_readme_names_exist(name):
    assert name in README
    assert (ROOT / name).exists()


def test_decisions_are_numbered_and_follow_the_template():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(len(records)))
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: ")
        for heading in ("Question", "Decision", "Why", "Alternatives", "Consequences"):
            assert f"## {heading}" in text, path.name


def test_version_is_the_same_everywhere():
    assert f"version: {ss.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {ss.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
