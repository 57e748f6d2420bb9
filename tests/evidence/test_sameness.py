"""What carries no meaning changes nothing: bytes of whole runs by the command, on a panel and on claims."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ssinfer.simulation.claims import simulate_claims
from ssinfer.simulation.panel import simulate_panel

pytestmark = pytest.mark.evidence
PANEL_STUDY = (Path(__file__).parents[1] / "study" / "study.toml").read_text(encoding="utf-8")
TOLD = ("manifest.json", "study.toml", "SHA256SUMS", "ro-crate-metadata.json")  # times, the study as written
METHODS = """
[[comparison]]
name = "listed"
donors = DONORS

[[method]]
method = "SyntheticControl"

[[method]]
method = "HierarchicalBenchmark"
parameters = { n_draws = 400 }
"""
SIMULATION = {
    "n_insured": 9000,
    "insured_under_contract": 350,
    "first": "2020Q1",
    "last": "2022Q4",
    "start": "2022Q1",
    "practice_size": 110,
    "n_regions": 4,
    "covid": False,
    "seed": 3,
}
CLAIMS_STUDY = """
title = "claims"
question = "which design?"
[data]
source = "claims"
file = "claims"
periods = { first = "2020Q1", last = "2022Q4" }
[population]
treated = ["contract"]
[population.insured]
insurers = ["A"]
units = { contract = ["Vlissingen *"] }
[population.groups]
kind = "bundles"
seed = 2
[windows]
baseline = { first = "2021Q1", last = "2021Q4" }
performance = { first = "2022Q1", last = "2022Q4" }
[[spending]]
name = "all care"
truncation = { percentile = 0.97 }
duplicates = "keep"
[[comparison]]
name = "a"
[[comparison]]
name = "d"
truncated = true
[[method]]
method = "AdministrativeBenchmark"
"""


def run(folder, jobs=1, working_folder=None, **environment):
    """Return the bytes of every file that the command writes, but those that tell how the study was written."""
    command = [sys.executable, "-c", "from ssinfer.cli import main; main()"]
    command += ["run", folder / "study.toml", "--out", folder / "out", "--jobs", str(jobs)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    done = subprocess.run(command, cwd=working_folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = [path for path in sorted((folder / "out").rglob("*")) if path.is_file() and path.name not in TOLD]
    return {str(path.relative_to(folder / "out")): path.read_bytes() for path in files}


def panel_study(folder, *, shuffled=False):
    folder.mkdir()
    simulated = simulate_panel(30, tuple(range(2011, 2018)), start=2017, saving=0.03, seed=4, covid=False)
    frame = simulated.panel.to_frame().drop(columns="sampling_variance")
    donors = [unit for unit in simulated.panel.units if unit != "treated"][:25]
    methods, columns = METHODS.replace("DONORS", str(donors)), 'columns = { covariates = ["latitude", "longitude"] }'
    if shuffled:
        frame = frame.sample(frac=1, random_state=1)[sorted(frame.columns)]
        methods = METHODS.replace("DONORS", str(donors[::-1]))
    frame.to_csv(folder / "panel.csv", index=False)
    text = PANEL_STUDY.replace('file = "panel.csv"', f'file = "panel.csv"\n{columns}') + methods
    text = text.replace("performance = [2017]", "performance = [2017]\norigins = [2016]")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(panel_study(tmp_path_factory.mktemp("sameness") / "plain"))


@pytest.mark.parametrize(
    "change",
    [
        {"jobs": 2},
        {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "7"},
        {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
        {"shuffled": True, "working_folder": "/", "PYTHONHASHSEED": "11"},
    ],
    ids=",".join,
)
def test_a_study_on_a_panel(change, plain, tmp_path):
    """Fault R29, R30: also the report and its figures."""
    folder = panel_study(tmp_path / "other", shuffled=change.get("shuffled", False))
    changed = run(folder, **{key: value for key, value in change.items() if key != "shuffled"})
    assert {name for name in plain.keys() | changed if plain.get(name) != changed.get(name)} == set()


def test_a_study_on_claims_in_any_order_of_lines(tmp_path):
    """Fault R29: sums of squares in binary fractions depended on the order of lines and threads."""
    results = []
    for name in ("plain", "shuffled"):
        simulate_claims(tmp_path / name / "claims", **SIMULATION)
        (tmp_path / name / "study.toml").write_text(CLAIMS_STUDY, encoding="utf-8")
        if name == "shuffled":
            for path in (tmp_path / name / "claims").rglob("*.parquet"):
                pd.read_parquet(path).sample(frac=1, random_state=1).to_parquet(path, index=False)
        results.append(run(tmp_path / name, jobs=1 + len(results)))
    first, second = results
    assert {name for name in first.keys() | second if first.get(name) != second.get(name)} == set()
