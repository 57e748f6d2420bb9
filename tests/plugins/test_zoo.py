"""A zoo of dishonest and broken methods: each is named, and none changes a number of another method."""

import json
import os
import random
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import zoo

import ssinfer as ss
from ssinfer.cli import main
from ssinfer.guard.method import ISOLATION, guarded
from ssinfer.plugins import discovery
from ssinfer.study import plan_study, run_study

STUDY = """
title = "Zoo"
question = "Who is honest?"
[data]
source = "panel"
file = "panel.csv"
[population]
treated = ["u000"]
placebos = ["u001", "u002"]
[windows]
baseline = [2013, 2014, 2015]
performance = [2016]
origins = [2015]
[[comparison]]
name = "all"
[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 100, history = 0 }
[threshold]
levels = [0.90]
injected = [0.0]
kind = "confidence"
[sharing]
contract = "kerngezond-vlissingen"
"""


@pytest.fixture
def folder(tmp_path, null_panel, monkeypatch):
    """A folder with a study, and the zoo as methods of another distribution."""
    own = [point for point in discovery.entry_points(group=discovery.GROUP) if point.value.startswith("ssinfer.")]
    names = ["Honest", "Remembers", *zoo.ZOO]
    points = [EntryPoint(name, f"zoo:{name}", discovery.GROUP) for name in names]
    theirs = [point._for(SimpleNamespace(name="zoo", version="1.0")) for point in points]
    monkeypatch.setattr(discovery, "entry_points", lambda **_: own + theirs)
    discovery.providers.cache_clear()
    null_panel(12, 5).to_frame().to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    yield tmp_path
    discovery.providers.cache_clear()


def rows_of(result, method="AdministrativeBenchmark"):
    """The numbers of a method: placebos, the saving, the settlement."""
    tables = (result.backtest.placebos, result.savings, result.settlement)
    return [table[table["method"] == method].reset_index(drop=True) for table in tables]


def test_each_animal_is_named_and_changes_no_number_of_another(folder):
    """Fault R1: Fault R2: Fault R3: twelve providers of another package in one study with an honest method."""
    alone = run_study(plan_study(folder / "study.toml"), n_jobs=1)
    slow = ("Hangs", "PrintsWithoutEnd")
    parts = [f'[[method]]\nmethod = "{name}"\ntime_limit = {0.05 if name in slow else 60}\n' for name in zoo.ZOO]
    (folder / "study.toml").write_text("\n".join([STUDY, *parts]))
    state, environment, place = (random.getstate(), np.random.get_state()), dict(os.environ), Path.cwd()  # noqa: NPY002
    together = run_study(plan_study(folder / "study.toml"), n_jobs=1)
    np.testing.assert_equal((random.getstate(), np.random.get_state()), state)  # noqa: NPY002
    assert (dict(os.environ), Path.cwd()) == (environment, place)
    for before, after in zip(rows_of(alone), rows_of(together), strict=True):
        pd.testing.assert_frame_equal(before, after)
    assert together.manifest["data_hash"] == alone.manifest["data_hash"]
    savings = together.savings.set_index("method")
    placebos = together.backtest.placebos.set_index("method")
    facts = alone.savings.iloc[0]
    for name, words in zoo.ZOO.items():
        if words:
            assert savings.loc[name, "status"] == "refused", name
            assert placebos.loc[[name], "status"].isin(["refused", "failed"]).all(), name
            for reason in (savings.loc[name, "reason"], *placebos.loc[name, "reason"]):
                assert name in reason
                assert words in reason
        else:  # its result counts, and a note says what it did
            assert (placebos.loc[[name], "status"] == "ok").all(), name
            assert savings.loc[name, "spending"] == facts["spending"]
            assert savings.loc[name, "insured_years"] == facts["insured_years"]
            checks = together.counterfactuals["all", name].diagnostics.set_index("check")
            assert checks.loc[ISOLATION, "status"] == "WARN"


def test_a_method_that_remembers_earlier_fits_is_refused(folder):
    (folder / "study.toml").write_text(STUDY + '[[method]]\nmethod = "Remembers"\n')
    result = run_study(plan_study(folder / "study.toml"), n_jobs=1)
    (reason,) = result.savings.query("method == 'Remembers'")["reason"]
    assert "Remembers gave other draws in a new process" in reason


COMMAND = {
    "LeavesByExit": [],
    "LeavesAtOnce": [],
    "LiesOnSpending": [],
    "ReadsSealedCells": [],
    "Hangs": ["--time-limit", "0.05"],
    "AdministrativeBenchmark": ["--time-limit", "60"],  # of ssinfer: it has no limit
}


@pytest.mark.parametrize("name", COMMAND)
def test_exit_status_0_is_never_given_without_a_result(folder, monkeypatch, capsys, name):
    design = {"schema_version": 1, "treated": ["u000"], "baseline": [2012, 2013], "performance": [2014]}
    (folder / "design.json").write_text(json.dumps(design))
    files = ["--panel", folder / "panel.csv", "--design", folder / "design.json", "--out", folder / "out.json"]
    monkeypatch.setattr(sys, "argv", list(map(str, ["ssinfer", "benchmark", *files, "--method", name, *COMMAND[name]])))
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1)
    assert name in said
    assert not (folder / "out.json").exists()


def test_an_honest_method_is_the_same_with_and_without_a_process(null_panel):
    """NaN spending of its result is filled in, and every draw is that of the bare method."""
    panel, design = null_panel(12, 5), ss.Design(treated=["u000"], baseline=[2012, 2013], performance=[2014])
    bare = zoo.Honest().fit(panel, design, seed=1)
    for limit in (None, 60.0):
        cf = guarded(zoo.Honest(), limit).fit(panel, design, seed=1)
        np.testing.assert_array_equal(cf.benchmark.values, bare.benchmark.values)
        assert cf.savings().pooled().measured_rate.item() == bare.savings().pooled().measured_rate.item()
        assert cf.insured_years.item() == panel.insured_years[0, 2]
