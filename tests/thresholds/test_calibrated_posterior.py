"""Empirical calibration on placebos with known systematic error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ssinfer.counterfactual import point_of
from ssinfer.design import Design
from ssinfer.errors import DataError, RefusalError
from ssinfer.thresholds.calibrated_posterior import calibrate


def placebos(n_units=150, n_origins=4, bias=0.006, scale=0.7, excess=0.008, unit=0.006, seed=1):
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(np.log(20_000), 0.6, n_units))
    persistent = unit * rng.standard_normal(n_units)
    typical = np.exp(np.log(size).mean())
    rows = []
    for origin in range(n_origins):
        s = 0.02 * np.sqrt(20_000 / size) * rng.uniform(0.5, 1.8, n_units)
        sd = np.sqrt((scale * s) ** 2 + excess**2 * typical / size)
        y = bias + persistent + sd * rng.standard_normal(n_units)
        rows.append(
            pd.DataFrame(
                {
                    "unit": [f"u{i}" for i in range(n_units)],
                    "origin": 2010 + origin,
                    "savings_rate": y,
                    "standard_error": s,
                    "assigned": size,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="session")
def calibration():
    return calibrate(placebos(), exclude=["unit"])


def test_known_systematic_error_is_recovered(calibration):
    truth = {"mean": 0.006, "scale": 0.7, "excess": 0.008, "unit_sd": 0.006}
    table = calibration.summary().set_index("parameter")
    for name, value in truth.items():
        assert abs(table.loc[name, "mean"] - value) < 3.5 * table.loc[name, "sd"], name


def test_threshold_moves_by_the_bias_and_carries_the_excess(calibration):
    rng = np.random.default_rng(2)
    cf = point_of(2000 * (1 + 0.02 * rng.standard_normal(20_000)), "sampling", insured_years=20_000)
    found = calibration.threshold(cf, 0.95, seed=3)
    spread = np.sqrt((0.7 * 0.02) ** 2 + 0.008**2 + 0.006**2)
    assert found.rate == pytest.approx(0.006 + 1.645 * spread, abs=0.006)
    assert found.money == pytest.approx(found.rate * cf.level)
    rate, money = calibration.expected_systematic_error(cf)
    assert 0.004 < rate < 0.015
    assert money == pytest.approx(rate * cf.level)


def test_the_tested_group_is_never_in_its_own_set(calibration):
    from dataclasses import replace

    cf = point_of(np.array([99.0, 101.0]), "sampling", insured_years=20_000)
    other = replace(cf, design=Design(treated=["u3"], baseline=["b"], performance=["p"]))
    with pytest.raises(RefusalError, match=r"exclude=\['u3'\]"):
        calibration.threshold(other)


@pytest.mark.parametrize(
    ("change", "error", "cure"),
    [
        (lambda f: f.drop(columns="standard_error"), DataError, "standard_error"),
        (lambda f: f[f["unit"].isin([f"u{i}" for i in range(10)])], RefusalError, "at least 19"),
        (lambda f: f.assign(savings_rate=0.01), RefusalError, "alike"),
        (lambda f: f.assign(method=f["origin"].astype(str)), DataError, "one design and method"),
    ],
)
def test_bad_placebos(change, error, cure):
    with pytest.raises(error, match=cure):
        calibrate(change(placebos()), exclude=["unit"])


def test_exclude_must_name_the_judged_group():
    with pytest.raises(RefusalError, match="exclude is empty"):
        calibrate(placebos(), exclude=[])
