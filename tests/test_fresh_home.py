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
from ssinfer.precompile import _few
from ssinfer.thresholds.compare import compare_thresholds, whole_calibration

cohort, design = _few(4, 2)
panel = cohort.to_panel()
out, fitted = {}, {}


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array, dtype=float).tobytes() for array in arrays)).hexdigest()


methods = {provider.name: provider.method for provider in providers() if provider.package == "ssinfer"}
assert all(methods.values()), methods
stacked = ss.StackedBenchmark([ss.SyntheticControl(), ss.AdministrativeBenchmark()])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for name, method in methods.items():
        benchmark = stacked if name == "StackedBenchmark" else method()
        cf = benchmark.fit(cohort if method.needs == "cohort" else panel, design, seed=1)
        fitted[name] = cf
        out[name] = digest(cf.benchmark, cf.expected)

placebos = ss.backtest(panel, design, ss.AdministrativeBenchmark(), n_jobs=1).placebos
placebos = placebos[placebos["role"] == "placebo"]
tables = []
for name in ("HierarchicalBenchmark", "SyntheticControl"):  # a posterior and a sampling distribution
    cf = fitted[name]
    tables += [compare_thresholds(cf, (0.95,), placebos), whole_calibration(cf, placebos, (0.95,), seed=1)]
for kind, rows in pd.concat(tables).groupby("kind"):
    found = rows[["rate", "detectable"]].to_numpy()
    assert np.isfinite(found).any(), (kind, rows["reason"].iloc[0])
    out[kind] = digest(found)
out["samplers"] = [name for name in ("pymc", "pytensor", "nutpie") if name in sys.modules]
print(json.dumps(out))
"""
KINDS = {
    "calibrated", "calibrated whole", "confidence", "credible", "expected loss", "placebo", "power", "schedule",
}  # fmt: skip


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
    assert set(first) >= KINDS
    assert computed(home, numba) == first
