"""A real plug-in package, installed into a fresh environment: found, listed, checked, and run in a backtest."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "plugin"

BACKTEST = """
import json
import numpy as np, pandas as pd
import ssinfer as ss
from ssinfer.errors import PluginError
from ssinfer.plugins.discovery import find_method

rng = np.random.default_rng(0)
grid = [(f"u{i:02d}", t) for i in range(25) for t in range(2012, 2018)]
frame = pd.DataFrame(grid, columns=["unit", "period"]).assign(insured_years=20_000.0)
frame["spending"] = 2000 * 1.02 ** (frame["period"] - 2012) * (1 + 0.02 * rng.standard_normal(len(frame)))
design = ss.Design(treated=["u00"], baseline=range(2014, 2017), performance=[2017])
method = find_method("GrowthBenchmark")(draws=200)
result = ss.backtest(ss.Panel.from_frame(frame), design, method, n_jobs=2)
row = result.scores.iloc[0]
try:
    find_method("BrokenBenchmark")
except PluginError as error:
    broken = str(error)
print(json.dumps({"broken": broken, "ok": int((result.placebos["status"] == "ok").sum()), "method": row["method"],
                  "coverage": row["coverage_90"], "module": type(method).__module__}))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A fresh virtual environment with the plug-in installed by pip; libraries are seen through a .pth file."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    here = sysconfig.get_paths()["purelib"]
    asked = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True).stdout.strip())
    (site / "libraries.pth").write_text(f"{ROOT}\n{here}\n", encoding="utf-8")
    # a copy, because building leaves files; the build tools and every dependency are the ones at hand: no network
    source = tmp_path_factory.mktemp("source") / "plugin"
    source.mkdir()
    for path in PLUGIN.iterdir():
        if path.is_file():
            (source / path.name).write_bytes(path.read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", python, "install"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (site / "growth_benchmark.py").is_file()
    return python


def ask(environment, *arguments, folder):
    # -P and no PYTHONPATH: the plug-in is found by its installation, not by standing in the working folder
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [environment, "-P", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


CLI = "from ssinfer.cli import main; main()"


def test_the_plug_in_is_listed_and_the_broken_one_named_with_its_reason(environment, tmp_path):
    done = ask(environment, "-c", CLI, "methods", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
    assert rows["GrowthBenchmark"][1:] == ["panel", "growth-benchmark", "0.3.1", "masks,", "confidence"]
    assert rows["AdministrativeBenchmark"][1:3] == ["panel", "ssinfer"]
    (broken,) = [line for line in done.stdout.splitlines() if line.startswith("not usable")]
    assert broken == (
        "not usable: BrokenBenchmark (growth-benchmark 0.3.1): ImportError: No module named "
        "'a_library_that_is_not_there' (second line)"
    )


def test_the_plug_in_runs_in_a_backtest_with_two_processes(environment, tmp_path):
    (tmp_path / "run.py").write_text(BACKTEST, encoding="utf-8")
    done = ask(environment, "run.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # 24 placebos at the origins 2015, 2016 and 2017, and the case itself at the two before its contract
    assert found["ok"] == 24 * 3 + 2
    assert found["method"] == "GrowthBenchmark"
    assert found["module"] == "growth_benchmark"
    assert 0.7 <= found["coverage"] <= 1.0  # 72 placebos of independent noise: 90% within four standard errors
    assert found["broken"].startswith("Method 'BrokenBenchmark' of growth-benchmark 0.3.1 cannot be used: ImportError")
