"""The pages of docs/ do what they say: their Python runs top to bottom, their commands exit with 0."""

import contextlib
import importlib.util
import re
import shlex
import sys
import tomllib
from pathlib import Path

import cloudpickle
import pandas as pd
import pytest

from ssinfer.cli import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [body for name, body in BLOCK.findall(PAGE) if name == language]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the page's Python has run, as one module."""
    place = tmp_path_factory.mktemp("providers")
    (place / "page.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("page", place / "page.py")
    sys.modules["page"] = page = importlib.util.module_from_spec(spec)
    cloudpickle.register_pickle_by_value(page)  # the conformance check of two processes sends its class
    with (
        contextlib.chdir(place),
        Path("page.txt").open("w", encoding="utf-8") as printed,
        contextlib.redirect_stdout(printed),
    ):
        spec.loader.exec_module(page)
    return place


def test_the_pages_python_runs(folder):
    printed = (folder / "page.txt").read_text(encoding="utf-8")
    assert "Conformance of GrowthBenchmark: passed" in printed
    assert re.search(r"last \d of 3: CRPS 0\.\d+ where it was chosen, 0\.\d+ where it was not", printed)


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


def test_the_strangers_method_is_the_plug_ins():
    # one source: what the page shows is what tests/plugin installs
    module = (ROOT / "tests" / "plugin" / "growth_benchmark.py").read_text(encoding="utf-8")
    assert blocks("python")[0] == module
    written = [line for line in module.splitlines() if line.strip()]
    assert len(written) <= 40, "the page promises forty lines"
    assert "BenchmarkMethod" not in module


def test_the_entry_point_is_the_plug_ins():
    shown = tomllib.loads(blocks("toml")[0])["project"]["entry-points"]["ssinfer.benchmarks"]
    project = tomllib.loads((ROOT / "tests" / "plugin" / "pyproject.toml").read_text(encoding="utf-8"))
    registered = project["project"]["entry-points"]["ssinfer.benchmarks"]
    assert shown.items() <= registered.items()


def test_every_named_file_exists():
    for name in re.findall(r"`((?:ssinfer|tests|docs)/[\w./]+)`", PAGE):
        assert (ROOT / name).exists(), name
    assert (ROOT / "ssinfer/plugins/schemas/result.v1.json").is_file()
