"""Agreements: nothing of claims after the start is read; the signed range holds the learned thresholds."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssinfer.agreement.settle import Settling
from ssinfer.agreement.sign import sign_study
from ssinfer.errors import StudyError
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import run_study
from ssinfer.study.config import read_study
from ssinfer.study.plan import make_plan

pytestmark = pytest.mark.evidence
GOLDEN = Path(__file__).parents[1] / "golden_agreements"


def test_no_number_of_claims_after_the_start_changes_the_agreement(tmp_path):
    rng, tables = np.random.default_rng(5), tmp_path / "tables"
    shutil.copytree(GOLDEN / "claims", tmp_path, dirs_exist_ok=True)
    frames = {name: pd.read_csv(tables / f"{name}.csv") for name in ("insured", "enrolment", "claims")}
    late = frames["claims"]["date"] >= "2022-01-01"
    amounts = (1e4 * rng.random(len(late))).round(2)
    frames["claims"]["amount"] = frames["claims"]["amount"].mask(late, amounts)
    frames["enrolment"].loc[::7, "end"] = "2022-05-05"
    frames["insured"].loc[144] = [144, 1950, "V"]
    frames["enrolment"].loc[144] = [144, "A", "practice 99", "2022-02-01", "2022-12-31"]
    for name, frame in frames.items():
        frame.to_csv(tables / f"{name}.csv", index=False)
    told = []
    agreement = sign_study(tmp_path / "study.toml", tell=told.append)[""]
    kept = sign_study(GOLDEN / "claims" / "study.toml")[""]  # that of the golden file has an older data hash
    for table in ("threshold", "origins", "known"):
        assert agreement.document[table] == kept.document[table]
    assert [finding.id for finding in told] == ["performance_not_read"]


STUDY = """
title = "range"
question = "inside?"
seed = 1
[agreement]
signed = 2016-12-01
[data]
source = "panel"
file = "panel.csv"
[case]
treated = ["treated"]
[windows]
baseline = { first = 2014, last = 2016 }
performance = [2017]
[backtest]
levels = [0.9]
[[comparison]]
name = "all"
[[threshold]]
kind = "KIND"
level = 0.9
[[sharing]]
contract = "kerngezond-vlissingen"
[[method]]
METHOD
"""
METHODS = {
    "administrative": 'method = "AdministrativeBenchmark"\nparameters = { history = 0, n_draws = 400 }',
    "synthetic DiD": 'method = "SyntheticDiD"\nparameters = { n_draws = 400 }',
}


@pytest.mark.parametrize("first", [2010, 2013])
@pytest.mark.parametrize(("kind", "method"), [*product(["placebo", "confidence"], METHODS)])
def test_the_signed_range_holds_the_learned_threshold(kind, method, first, tmp_path, evidence_share, capsys):
    """With four earlier windows, and with one; the case is a group like the placebos."""
    inside, n = 0, 200 if evidence_share == 1 else 10
    for seed in range(n):
        world = simulate_panel(24, tuple(range(first, 2018)), start=2017, saving=0.02, seed=seed, covid=False)
        world.panel.to_frame().drop(columns="sampling_variance").to_csv(tmp_path / "panel.csv", index=False)
        (tmp_path / "study.toml").write_text(
            STUDY.replace("KIND", kind).replace("METHOD", METHODS[method]), encoding="utf-8"
        )
        settling = Settling(sign_study(tmp_path / "study.toml")[""], {"file": str(tmp_path / "panel.csv")})
        plan = settling.plan()
        try:
            settling.finish(plan, run_study(plan, n_jobs=1))
            inside += 1
        except StudyError as error:
            if "the signed range is" not in str(error):
                raise
    share = inside / n
    with capsys.disabled():
        sys.stdout.write(
            f"{kind}, {method}, {2014 - first} windows: {share:.3f} of {n} inside "
            f"(error {np.sqrt(0.98 * 0.02 / n):.3f})\n"
        )
    assert share >= 0.98 - 3 * np.sqrt(0.98 * 0.02 / n) - 0.03


def test_groups_of_practices_are_those_of_signing(tmp_path):
    text = (Path(__file__).parents[1] / "study" / "designs.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text.replace('"excess.toml"', '"mijnzorg"'), encoding="utf-8")
    study = read_study(tmp_path / "study.toml")
    sealed, whole = study.sealed(dt.date(2021, 12, 31)), study.with_run(groups_until=dt.date(2022, 1, 1))
    panels = [make_plan(config, text, tmp_path).panel for config in (sealed, whole, study)]
    years = [panel.insured_years[:, :8] for panel in panels]
    assert panels[0].units == panels[1].units
    assert np.array_equal(years[0], years[1])
    assert panels[0].units != panels[2].units or not np.array_equal(years[0], years[2])
