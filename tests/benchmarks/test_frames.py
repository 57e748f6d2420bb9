"""Frames that a method returns: every declared name, and no other."""

from __future__ import annotations

import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.benchmarks.frames import COMPONENTS, DIAGNOSTICS, SOLVER, conform_components, conform_diagnostics
from ssinfer.errors import DataError

DESIGN = ss.Design(treated=["u000"], baseline=[2014, 2015, 2016], performance=[2017])


def checks(*rows):
    return pd.DataFrame(rows, columns=["check", "status", "figure", "message"])


@pytest.mark.parametrize("status", ["passed", "failed", "OK"])
def test_a_status_outside_the_vocabulary_is_refused(status):
    with pytest.raises(DataError, match=rf"the status '{status}'; allowed: PASS, WARN, FAIL, NOT EVALUATED"):
        conform_diagnostics(checks(("r_hat", "PASS", 1.0, ""), ("ess", status, 10.0, "")))


def test_an_undeclared_column_is_refused_and_an_absent_source_is_not():
    with pytest.raises(DataError, match="components has the column 'surprise'"):
        conform_components(pd.DataFrame({"unit": ["a"], "period": [1], "surprise": [0.1], "total": [0.1]}))
    pooled = conform_components(pd.DataFrame({"shock": [0.1], "weights": [0.3]}, index=["a"]))
    assert pooled.to_dict("records") == [{"unit": "a", "period": "pooled", "weights": 0.3, "shock": 0.1, "total": 0.4}]


@pytest.mark.parametrize(
    "method",
    [
        ss.AdministrativeBenchmark(history=0),
        ss.HierarchicalBenchmark(nodes=512, volatility=False),
        ss.SyntheticControl(),
        ss.AugmentedSyntheticControl(),
        ss.SyntheticDiD(),
    ],
    ids=lambda method: type(method).__name__,
)
def test_every_method_fills_the_declared_frames(method, null_panel):
    cf = method.fit(null_panel(24, 6), DESIGN, seed=1)
    for frame, schema in ((cf.components, COMPONENTS), (cf.solver, SOLVER), (cf.diagnostics, DIAGNOSTICS)):
        if frame is not None:
            assert list(schema.conform(frame).columns) == list(frame.columns)
    assert set(cf.diagnostics["status"]) <= {"PASS", "WARN", "FAIL", "NOT EVALUATED"}
    if cf.components is not None:
        sources = cf.components.drop(columns=["unit", "period", "total"])
        pd.testing.assert_series_equal(cf.components["total"], sources.sum(axis=1), check_names=False)
