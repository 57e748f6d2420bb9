"""Authority: the conformance suite that every provider of benchmarks is held to."""

# ruff: noqa: T201
from __future__ import annotations

import pytest

import ssinfer as ss


@pytest.mark.evidence
@pytest.mark.parametrize("intercept", [False, True])
def test_the_bayesian_synthetic_control_passes(intercept):
    report = ss.check_benchmark(ss.SyntheticControl(inference="bayes", intercept=intercept))
    print(report.checks.set_index("check").loc["calibration"].to_dict())
    assert report.passed, report
