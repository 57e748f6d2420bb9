"""No digit depends on a cache: a fresh home and a filled one give the same bytes, and no default loads PyTensor."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib, json, sys, warnings
import numpy as np, pandas as pd
import ssinfer as ss
from ssinfer.plugins.discovery import providers
from ssinfer.precompile import _example
from ssinfer.thresholds.kind import KINDS

rng = np.random.default_rng(1)
units, years = [f"unit {number:02d}" for number in range(24)], range(2014, 2020)
spending = 2000 * np.exp(0.1 * rng.standard_normal((24, 1)) + 0.02 * rng.standard_normal((24, 6)))
panel = ss.Panel(tuple(units), tuple(years), spending, np.full((24, 6), 20_000.0))
design = ss.Design([units[0]], baseline=years[:4], performance=years[4:])
cohort, of_persons = _example(4, 2)
out, fitted = {}, {}


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array, dtype=float).tobytes() for array in arrays)).hexdigest()


methods = {provider.name: provider.method for provider in providers() if provider.package == "ssinfer"}
assert all(methods.values()), methods
stacked = ss.StackedBenchmark([ss.SyntheticControl(), ss.AdministrativeBenchmark()])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for name, method in methods.items():
        data = (cohort, of_persons) if method.needs == "cohort" else (panel, design)
        fitted[name] = (stacked if name == "StackedBenchmark" else method()).fit(*data, seed=1)
        out[name] = digest(fitted[name].benchmark, fitted[name].expected)

placebos = ss.backtest(panel, design, ss.AdministrativeBenchmark(), n_jobs=1).placebos
placebos = placebos[placebos["role"] == "placebo"]
pair = ("HierarchicalBenchmark", "SyntheticControl")  # a posterior and a sampling distribution
table = pd.concat([ss.compare_thresholds(fitted[name], (0.95,), placebos, on_request=True) for name in pair])
for kind in KINDS.entries():
    rows = table[table["kind"] == kind.name]
    rates = rows[["rate", "detectable"]].to_numpy()
    assert np.isfinite(rates).any(), (kind.name, list(rows["reason"]))
    out[kind.name] = digest(rates)
out["samplers"] = [name for name in ("pymc", "pytensor", "nutpie") if name in sys.modules]
print(json.dumps(out))
"""


def computed(home, numba):
    """Run the script in a process of its own with this home and this folder of compiled kernels."""
    environment = os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "OMP_NUM_THREADS": "1"}
    environment |= {"NUMBA_CACHE_DIR": str(numba)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.evidence
def test_every_default_method_and_threshold_kind_gives_the_same_bytes_in_a_fresh_home(tmp_path):
    """Two processes: nothing is cached and kernels are compiled; then the same home again, all loaded."""
    home, numba = tmp_path / "home", tmp_path / "numba"
    home.mkdir()
    first = computed(home, numba)
    assert first["samplers"] == []
    assert len(first) > 10
    assert computed(home, numba) == first
