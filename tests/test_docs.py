"""The pages of docs/ do what they say: their Python runs top to bottom, their commands exit with 0."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [body for name, body in BLOCK.findall(PAGE) if name == language]


def run(arguments, folder):
    """Run a command in `folder` with this checkout's package."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the page's Python has run, as one script."""
    place = tmp_path_factory.mktemp("providers")
    (place / "page.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    done = run([sys.executable, "-W", "error", "page.py"], place)
    assert done.returncode == 0, done.stderr
    (place / "page.txt").write_text(done.stdout, encoding="utf-8")
    return place


def test_the_pages_python_runs(folder):
    printed = (folder / "page.txt").read_text(encoding="utf-8")
    assert "Conformance of GrowthBenchmark: passed" in printed
    assert re.search(r"last \d of 3: CRPS 0\.\d+ where it was chosen, 0\.\d+ where it was not", printed)


@pytest.mark.parametrize("line", [line for body in blocks("sh") for line in body.strip().splitlines()])
def test_the_pages_commands_run(folder, line):
    assert line.startswith("ssinfer ")
    entry = f'"{sys.executable}" -c "from ssinfer.cli import main; main()"'
    done = run(["/bin/sh", "-c", line.replace("ssinfer", entry, 1)], folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    if "--out result.csv" in line:
        draws, summary = pd.read_csv(folder / "result.csv"), pd.read_csv(folder / "result.summary.csv")
        assert len(draws) == 4 * 500
        assert draws["benchmark"].mean() == pytest.approx(summary["benchmark"].iloc[-1])


def test_the_strangers_method_is_the_plug_ins(folder):
    # one source: what the page shows is what tests/plugin installs
    module = (ROOT / "tests" / "plugin" / "growth_benchmark.py").read_text(encoding="utf-8")
    assert blocks("python")[0] == module
    written = [line for line in module.splitlines() if line.strip()]
    assert len(written) <= 40, "the page promises forty lines"
    assert "BenchmarkMethod" not in module
    del folder


def test_the_entry_point_is_the_plug_ins():
    shown = tomllib.loads(blocks("toml")[0])["project"]["entry-points"]["ssinfer.benchmarks"]
    project = tomllib.loads((ROOT / "tests" / "plugin" / "pyproject.toml").read_text(encoding="utf-8"))
    registered = project["project"]["entry-points"]["ssinfer.benchmarks"]
    assert shown.items() <= registered.items()


def test_every_named_file_exists():
    for name in re.findall(r"`((?:ssinfer|tests|docs)/[\w./]+)`", PAGE):
        assert (ROOT / name).exists(), name
    assert (ROOT / "ssinfer/plugins/schemas/result.v1.json").is_file()
