"""calibrated_threshold and cross-fitted thresholds: known laws, agreement with golden maximum likelihood, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import DataError, ParameterError, RefusalError
from ssinfer.kernels.predictive_error_distribution import fit_error_distribution
from ssinfer.thresholds.calibrated_likelihood import KIND, calibrated_threshold
from ssinfer.thresholds.kind import ThresholdKey

from_draws = Counterfactual.from_draws


def frame(n_units=400, bias=0.006, scale=0.7, common=0.012, seed=1, origins=(1,)):
    rng = np.random.default_rng(seed)
    s = 0.02 * rng.uniform(0.4, 2.0, n_units)
    parts = [
        pd.DataFrame(
            {
                "unit": [f"u{number}" for number in range(n_units)],
                "origin": origin,
                "block": np.arange(n_units) // 10,
                "assigned": 20_000.0,
                "standard_error": s,
                "savings_rate": bias + np.hypot(scale * s, common) * rng.standard_normal(n_units),
            }
        )
        for origin in origins
    ]
    return pd.concat(parts, ignore_index=True)


def case(se=0.02):
    return from_draws(100 * (1 + se * norm.ppf((np.arange(4_000) + 0.5) / 4_000)), "sampling", insured_years=20_000)


ONE_SIDED = ThresholdKey("calibrated", 0.95, "one-sided")


def cross_fitted(table):
    """Cross-fitted one-sided 95% thresholds of the placebos."""
    return KIND.for_placebos(table, [ONE_SIDED])[ONE_SIDED]


def test_known_law_is_recovered():
    # mean, scale and common error of the simulation; the standard error of the SD from 4,000 placebos is 1.1%
    threshold = calibrated_threshold(case(), frame(4_000))
    spread = np.hypot(0.7 * 0.02, 0.012)
    assert threshold.detail["bias"] == pytest.approx(0.006, abs=4 * 0.02 / np.sqrt(4_000))
    assert threshold.detail["standard_error"] == pytest.approx(spread, rel=0.05)
    assert threshold.rate == pytest.approx(0.006 + 1.645 * spread, rel=0.06)
    assert threshold.money == pytest.approx(100 * threshold.rate)


def test_equal_standard_errors_give_mean_and_variance_of_maximum_likelihood():
    # with one source of variance the normal maximum likelihood is mean and mean square
    y = np.random.default_rng(2).normal(0.01, 0.03, 200)
    law = fit_error_distribution(y, np.full(200, np.nan), np.ones(200), np.arange(200))
    assert law.mean == pytest.approx(y.mean(), rel=1e-9)
    assert law.predictive_sd(np.array([np.nan]), np.ones(1))[0] ** 2 == pytest.approx(
        y.var() * (1 + 2 * 200 / 199 / 200), rel=1e-4
    )


def test_intervals_too_wide_are_narrowed_which_excess_variance_cannot_do():
    threshold = calibrated_threshold(case(), frame(4_000, bias=0.0, scale=0.5, common=0.0))
    assert threshold.rate == pytest.approx(1.645 * 0.5 * 0.02, rel=0.1)


def test_the_judged_group_is_never_in_its_own_set():
    table = frame(100)
    outlier = table.assign(savings_rate=np.where(table["unit"] == "u3", 5.0, table["savings_rate"]))
    judged = replace(case(), design=Design(treated=["u3"], baseline=["b"], performance=["p"]))
    rest = table[table["unit"] != "u3"]
    assert calibrated_threshold(judged, outlier).rate == calibrated_threshold(judged, rest).rate


@pytest.mark.parametrize("origins", [(1,), (1, 2, 3)])
def test_a_placebos_threshold_never_sees_its_own_block_or_origin(origins):
    table = frame(100, origins=origins)
    before = cross_fitted(table)
    inside = ((table["block"] == 0) & (table["origin"] == 1)).to_numpy()
    moved = table.assign(savings_rate=np.where(inside, 9.0, table["savings_rate"]))
    after = cross_fitted(moved)
    assert after[inside] == pytest.approx(before[inside])
    assert (after[~inside] != before[~inside]).any()


def test_thresholds_without_standard_errors_come_from_the_placebos_alone():
    table = frame(300, bias=0.0).assign(standard_error=np.nan)
    threshold = cross_fitted(table)
    assert threshold.mean() == pytest.approx(1.645 * table["savings_rate"].std(), rel=0.05)


@pytest.mark.parametrize(
    ("table", "error", "cure"),
    [
        (frame(18), RefusalError, "18 placebo units with a standard error; at least 19"),
        (frame(50).assign(savings_rate=0.01), RefusalError, "they are not 50 placebos"),
        (frame(50).drop(columns="assigned"), DataError, "lacks \\['assigned'\\]"),
        (frame(50).assign(design=["a", "b"] * 25), DataError, "mixes several designs"),
    ],
)
def test_refusals(table, error, cure):
    with pytest.raises(error, match=cure):
        calibrated_threshold(case(), table)


def test_level_as_a_percentage():
    with pytest.raises(ParameterError, match=r"fraction: 0\.05"):
        calibrated_threshold(case(), frame(50), level=5)


def test_folds_too_small_have_no_threshold_and_refuse_where_all_are():
    # 15 or 20 of 25 units outside a block of 10 or of 5; 10 of 20 outside either block
    threshold = cross_fitted(frame(25))
    assert np.isnan(threshold).tolist() == [True] * 20 + [False] * 5
    with pytest.raises(RefusalError, match="outside every block"):
        cross_fitted(frame(20))


def test_equal_savings_are_refused():
    with pytest.raises(RefusalError, match="are equal"):
        cross_fitted(frame(50).assign(savings_rate=0.0))
