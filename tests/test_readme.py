"""README names what there is, and nothing that is not; its example runs as a doctest."""

import re
from pathlib import Path

import ssinfer as ss

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(heading):
    return README.split(f"## {heading}\n")[1].split("\n## ")[0]


def names(heading):
    return set(re.findall(r"`(\w+)`", section(heading)))


def exported(package):
    return {name for name in ss.__all__ if getattr(getattr(ss, name), "__module__", "").startswith(package)}


def test_it_names_every_method():
    methods = {name for name in exported("ssinfer.benchmarks.") if hasattr(getattr(ss, name), "fit")}
    assert names("Benchmark methods") == methods


def test_it_names_the_function_of_every_threshold():
    functions = {name for name in exported("ssinfer.thresholds.") if name.endswith("_threshold")}
    assert names("Thresholds") == functions - {"power_of_threshold"}


def test_it_names_every_command():
    from typer.main import get_command

    from ssinfer.cli import app

    assert names("Command line") - {"ssinfer"} == set(get_command(app).commands)


def test_makefile_has_the_commands_of_the_readme():
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)\b", README)) <= rules


def test_files_that_it_names_exist():
    linked = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"`((?:docs|case_studies)/[\w./]*)`", README)
    linked += re.findall(r"\b[A-Z]+\.(?:md|cff)\b", README)
    assert {"ARCHITECTURE.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md", "docs/_static/first_page.png"} <= set(
        linked
    )
    assert [name for name in linked if not (ROOT / name).exists()] == []


def test_it_is_short_and_its_first_screen_answers():
    assert len(README.splitlines()) <= 120
    first, second = README.index("![First page"), README.index("## Where next")
    assert README.index("ssinfer run") < first < README.index("## An example") < second


def test_decisions_are_numbered_and_follow_the_template():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(len(records)))
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: ")
        for heading in ("Question", "Decision", "Why", "Alternatives", "Consequences"):
            assert f"## {heading}" in text, path.name


def test_version_is_the_same_everywhere():
    assert f"version: {ss.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {ss.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
