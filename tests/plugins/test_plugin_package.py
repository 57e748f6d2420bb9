"""A package that adds a method and a kind of threshold, installed into a fresh environment: listed, and in a study."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "plugin"

STUDY = """
title = "A study of another package's parts"
question = "Are they found?"
[data]
source = "panel"
file = "panel.csv"
[population]
treated = ["u00"]
[windows]
baseline = [2014, 2015, 2016]
performance = [2017]
origins = [2016]
[[comparison]]
name = "all"
[[method]]
method = "GrowthBenchmark"
parameters = { n_draws = 200 }
[threshold]
levels = [0.90]
injected = [0.0, 0.05]
kind = "flat"
[sharing]
contract = "kerngezond-vlissingen"
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


RUN = """
from ssinfer.cli import app, main
for name in ("methods", "thresholds"):
    app([name], standalone_mode=False)
main()
"""


@pytest.fixture(scope="module")
def run(environment, tmp_path_factory):
    """The lists of methods and thresholds, and a study, by one process, as its imports take longer than they do."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    rng = np.random.default_rng(0)
    grid = [(f"u{i:02d}", t) for i in range(25) for t in range(2012, 2018)]
    frame = pd.DataFrame(grid, columns=["unit", "period"]).assign(insured_years=20_000.0)
    frame["spending"] = 2000 * 1.02 ** (frame["period"] - 2012) * (1 + 0.02 * rng.standard_normal(len(frame)))
    frame.to_csv(folder / "panel.csv", index=False)
    # -P and no PYTHONPATH: the plug-in is found by its installation, not by standing in the working folder
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [environment, "-P", "-c", RUN, "run", "study.toml", "--out", "out", "--jobs", "2"]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done, folder / "out"


def test_method_and_threshold_are_listed_and_the_broken_one_named_with_its_reason(run):
    done, _ = run
    assert done.stderr == ""
    lists = done.stdout.partition("A study of another package's parts")[0]
    rows = {line.split()[0]: line.split() for line in lists.splitlines() if line.strip()}
    assert rows["GrowthBenchmark"][1:] == ["panel", "growth-benchmark", "0.3.1", "masks,", "confidence"]
    assert rows["AdministrativeBenchmark"][1:3] == ["panel", "ssinfer"]
    (broken,) = [line for line in lists.splitlines() if line.startswith("not usable")]
    assert broken == (
        "not usable: BrokenBenchmark (growth-benchmark 0.3.1): ImportError: No module named "
        "'a_library_that_is_not_there' (second line)"
    )
    assert " ".join(rows["flat"]) == "flat Flat rate of another package fit no yes"


def test_a_study_runs_method_and_threshold_of_another_package_in_a_worker_process(run):
    _, out = run
    placebos = pd.read_parquet(out / "placebos.parquet")
    assert (placebos["status"] == "ok").sum() == 24 + 1  # placebos at the origin, and the case before its contract
    (score,) = pd.read_csv(out / "scores.csv").to_dict("records")
    assert score["method"] == "GrowthBenchmark"
    assert 0.65 <= score["coverage_90"] <= 1.0  # 24 placebos of independent noise: 90% within four standard errors
    flat = pd.read_csv(out / "thresholds.csv").query("kind == 'flat'").iloc[0]
    assert flat["threshold"] == pytest.approx(0.025)
    # the threshold is fixed: false payments are the share of placebos that measure 2.5% and more
    ok = placebos.query("status == 'ok' and role == 'placebo'")
    assert flat["false_payment_rate"] == pytest.approx((ok["savings_rate"] >= 0.025).mean())
    assert pd.read_csv(out / "settlement.csv")["threshold"].tolist() == [0.025, 0.025]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "GrowthBenchmark" in page
    assert "Flat rate of another package" in page
