"""Compiling in advance: after it no fit of another size waits, and without a place to keep the code it is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ssinfer.errors import SsinferError
from ssinfer.precompile import precompile

# In a process of its own: what other tests compiled in this one would hide what is missing.
SCRIPT = """
from numba.core import event
from ssinfer.precompile import _example, precompile
from ssinfer.backtesting.backtest import backtest
from ssinfer.plugins.discovery import make_method

for compiled in precompile(n_jobs=1):
    assert not compiled.failed, compiled
    assert compiled.seconds > 0
compilations = []


class Listener(event.Listener):
    def on_start(self, event):
        compilations.append(event.data["dispatcher"].py_func.__qualname__)

    def on_end(self, event):
        pass


cohort, design = _example(6, 3)
with event.install_listener("numba:compile", Listener()):
    for name, given in (
        ("AdministrativeBenchmark", {}),
        ("SyntheticControl", {"intercept": True}),
        ("SyntheticControl", {"predictors": [("spending", [2001]), ("spending", [2002, 2003])], "v": "regression"}),
        ("AugmentedSyntheticControl", {"intercept": True, "inference": "jackknife+"}),
        ("SyntheticDiD", {}),
        ("HierarchicalBenchmark", {"draws": 500}),
        ("RiskAdjustedBenchmark", {"n_draws": 200}),
        ("PropensityMatching", {"n_draws": 200}),
    ):
        method = make_method(name, given)
        method.fit(cohort if method.needs == "cohort" else cohort.to_panel(), design, seed=2)
    backtest(cohort.to_panel(), design, make_method("SyntheticControl"), n_jobs=1)
print(compilations)
"""


def test_nothing_is_left_to_compile_for_another_size_and_other_parameters():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_without_a_place_to_keep_the_code_it_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(SsinferError, match="Set NUMBA_CACHE_DIR to a folder that can"):
        precompile()
