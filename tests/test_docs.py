"""The pages of docs/ do what they say: their Python runs top to bottom, their commands exit with 0."""

import contextlib
import doctest
import importlib.util
import io
import re
import shlex
import sys
import tomllib
from pathlib import Path

import cloudpickle
import pandas as pd
import pytest
from typer.main import get_command

from ssinfer.cli import app, main
from ssinfer.contracts.contract import load_contract
from ssinfer.new import Answers, draft_of_panel
from ssinfer.new.panel import SAMPLE, SAMPLE_TREATED
from ssinfer.study.config import StudyConfig, read_study

pytestmark = pytest.mark.usefixtures("few_replicates")  # no standard error is judged
ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [body for name, body in BLOCK.findall(PAGE) if name == language]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the page's Python has run, as one module."""
    page_folder = tmp_path_factory.mktemp("providers")
    (page_folder / "page.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("page", page_folder / "page.py")
    sys.modules["page"] = page = importlib.util.module_from_spec(spec)
    cloudpickle.register_pickle_by_value(page)  # the conformance check of two processes sends its class
    with (
        contextlib.chdir(page_folder),
        Path("page.txt").open("w", encoding="utf-8") as printed,
        contextlib.redirect_stdout(printed),
    ):
        spec.loader.exec_module(page)
    return page_folder


def test_the_pages_python_runs(folder):
    printed = (folder / "page.txt").read_text(encoding="utf-8")
    assert "Conformance of GrowthBenchmark: passed" in printed
    assert re.search(r"last \d of 3: CRPS 0\.\d+ on the origins of the choice, 0\.\d+ on others", printed)


@pytest.mark.parametrize("line", [line for body in blocks("sh") for line in body.strip().splitlines()])
def test_the_pages_commands_run(folder, line, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    assert sys.argv[0] == "ssinfer"
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code, capsys.readouterr().err) == (0, "")
    if "result.csv" in line:
        draws, summary = pd.read_csv("result.csv"), pd.read_csv("result.summary.csv")
        assert len(draws) == 4 * 500
        assert draws["benchmark"].mean() == pytest.approx(summary["benchmark"].iloc[-1])


@pytest.mark.parametrize("name", ["growth_benchmark.py", "flat_threshold.py"])
def test_the_page_shows_the_modules_of_the_tested_package(name):
    module = (ROOT / "tests" / "plugin" / name).read_text(encoding="utf-8")
    assert module in blocks("python")
    assert len([line for line in module.splitlines() if line.strip()]) <= 40, "short enough for a page"
    assert "BenchmarkMethod" not in module


@pytest.mark.parametrize("group", ["ssinfer.benchmarks", "ssinfer.thresholds"])
def test_the_page_shows_the_entry_points_of_the_tested_package(group):
    shown = [tomllib.loads(block)["project"]["entry-points"] for block in blocks("toml")]
    project = tomllib.loads((ROOT / "tests" / "plugin" / "pyproject.toml").read_text(encoding="utf-8"))
    registered = project["project"]["entry-points"][group]
    assert next(points[group] for points in shown if group in points).items() <= registered.items()


def test_every_named_file_exists():
    for name in re.findall(r"`((?:ssinfer|tests|docs)/[\w./]+)`", PAGE):
        assert (ROOT / name).exists(), name
    assert (ROOT / "ssinfer/plugins/schemas/result.v2.json").is_file()


def test_the_study_of_the_page_on_designs_is_valid_and_names_four_designs(tmp_path):
    page = (ROOT / "docs" / "designs.md").read_text(encoding="utf-8")
    [body] = [body for language, body in BLOCK.findall(page) if language == "toml"]
    (tmp_path / "study.toml").write_text(body, encoding="utf-8")
    study = read_study(tmp_path / "study.toml")
    assert [design.name for design in study.designs] == [
        *("all care | 95%", "all care | 90%", "no mental health | 95%", "no mental health | 90%"),
    ]
    assert study.settling == ("all care | 95%", "AdministrativeBenchmark")


# --- docs/how_to: every block of Python runs and prints what the page shows; study files and commands are valid

HOW_TO = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "how_to").glob("*.md"))}
PANEL = ("masked_years", "comparing_thresholds", "priors")  # from the study of `ssinfer new --sample`


def how_to_blocks(language):
    return [(page, body) for page, text in HOW_TO.items() for name, body in BLOCK.findall(text) if name == language]


@pytest.mark.parametrize("page", sorted({page for page, _ in how_to_blocks("python")}))
def test_the_python_of_a_recipe_prints_what_the_page_shows(page):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    body = "\n".join(body for name, body in how_to_blocks("python") if name == page)
    example = doctest.DocTestParser().get_doctest(body, {"__name__": page}, page, page, 0)
    assert example.examples
    report = io.StringIO()
    assert doctest.DocTestRunner(optionflags=flags).run(example, out=report.write).failed == 0, report.getvalue()


@pytest.fixture(scope="module")
def studies():
    """The studies that recipes change, as documents: of the first page, and of the sample."""
    draft = draft_of_panel(SAMPLE, Path("demo"), Answers({"treated": SAMPLE_TREATED, "start": "2023Q1"}))
    texts = {"claims": dict(how_to_blocks("toml"))["index"], "panel": draft.text}
    return {name: tomllib.loads(text) for name, text in texts.items()}


@pytest.mark.parametrize(("page", "body"), how_to_blocks("toml"))
def test_the_toml_of_a_recipe_is_a_contract_or_changes_a_study(page, body, studies, tmp_path):
    tables = tomllib.loads(body)
    (tmp_path / "ours.toml").write_text(body, encoding="utf-8")
    if "rule_year" in tables:
        assert load_contract(tmp_path / "ours.toml").name == tables["name"]
        return
    of_panel = page in PANEL or tables.get("data", {}).get("source") == "panel"
    study = {**studies["panel" if of_panel else "claims"], **tables}
    if "group" in tables:
        assert not tables["case"].keys() & {"treated", "units"}
    assert StudyConfig.model_validate(study).designs


@pytest.mark.parametrize(("page", "body"), how_to_blocks("sh"))
def test_the_commands_of_a_recipe_have_the_options_shown(page, body):
    commands = get_command(app).commands
    for line in body.strip().splitlines():
        program, name, *words = shlex.split(line)
        command = commands[name]
        if name == "data":
            command, words = command.commands[words[0]], words[1:]
        assert program == "ssinfer", page
        command.make_context(name, words)  # parses: an unknown option, or a missing one, is refused
