"""Every kind of threshold refuses every bad input, and its message gives the next step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import ConvergenceError, DataError, DrawsError, NotSupportedError, ParameterError, RefusalError
from ssinfer.kernels.adaptive_importance import Posterior
from ssinfer.thresholds.calibrated_likelihood import calibrated_threshold
from ssinfer.thresholds.calibrated_posterior import calibrate
from ssinfer.thresholds.compare import compare_thresholds
from ssinfer.thresholds.confidence import confidence_threshold
from ssinfer.thresholds.credible import credible_threshold
from ssinfer.thresholds.detectable import minimum_detectable_saving, power_of_threshold
from ssinfer.thresholds.expected_loss import expected_loss_threshold
from ssinfer.thresholds.placebo import placebo_threshold
from ssinfer.thresholds.placebo_posterior import PlaceboPosterior
from ssinfer.thresholds.placebo_rows import CalibrationPlacebos
from ssinfer.thresholds.planning.scenario import Scenario
from ssinfer.thresholds.threshold import Threshold

NOISE = np.random.default_rng(1).standard_normal(400)
CF = Counterfactual.from_draws(100 + NOISE, "posterior", insured_years=20_000, confidence=100 + NOISE)
PLACEBOS = pd.DataFrame(
    {
        "unit": [f"u{number}" for number in range(40)],
        "origin": 2017,
        "assigned": 20_000.0,
        "standard_error": 0.01,
        "savings_rate": 0.01 * NOISE[:40],
    }
)
BY_LEVEL = {
    "credible": lambda level: credible_threshold(CF, level),
    "credible, two-sided": lambda level: credible_threshold(CF, level, "two-sided", interval="highest-density"),
    "confidence": lambda level: confidence_threshold(CF, level),
    "power": lambda level: minimum_detectable_saving(CF, level),
    "power of": lambda level: minimum_detectable_saving(CF, power=level),
    "placebo": lambda level: placebo_threshold(PLACEBOS, level),
    "calibrated": lambda level: calibrated_threshold(CF, PLACEBOS, level),
    "all": lambda level: compare_thresholds(CF, (0.95, level)),
    "before data": lambda level: Scenario(insured=1_000, level=level),
}
OF_DRAWS = {
    "credible": credible_threshold,
    "confidence": confidence_threshold,
    "power": minimum_detectable_saving,
    "power of": lambda cf: power_of_threshold(cf, 0.02, 0.0),
    "calibrated": lambda cf: calibrated_threshold(cf, PLACEBOS),
    "expected loss": expected_loss_threshold,
}


@pytest.mark.parametrize("kind", BY_LEVEL)
@pytest.mark.parametrize(
    ("level", "cure"),
    [(5, r"as a fraction: 0\.05"), (95, r"as a fraction: 0\.95"), (0, "strictly between"), (1, "strictly between")],
)
def test_a_level_outside_the_fractions(kind, level, cure):
    with pytest.raises(ParameterError, match=cure):
        BY_LEVEL[kind](level)


@pytest.mark.parametrize("level", [-0.05, float("nan"), float("inf"), 250])
def test_a_level_that_is_no_percentage_either(level):
    with pytest.raises(ParameterError, match=r"strictly between 0 and 1 is needed|allowed: a number"):
        credible_threshold(CF, level)


@pytest.mark.parametrize("which", ["benchmark", "confidence"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_draws_that_are_not_finite_make_no_counterfactual_and_so_no_threshold(which, bad):
    spoilt = 100 + NOISE
    spoilt[7] = bad
    draws = {"benchmark": 100 + NOISE, "confidence": 100 + NOISE, which: spoilt}
    with pytest.raises(DrawsError, match="not finite"):
        Counterfactual.from_draws(draws["benchmark"], "posterior", confidence=draws["confidence"])


@pytest.mark.parametrize("kind", OF_DRAWS)
def test_failed_convergence_gives_no_threshold_of_any_kind(kind):
    with pytest.raises(ConvergenceError, match=r"R-hat 1\.2 of tau"):
        OF_DRAWS[kind](replace(CF, failures=("R-hat 1.2 of tau",)))


@pytest.mark.parametrize("kind", OF_DRAWS)
def test_a_point_estimate_gives_no_threshold_of_any_kind(kind):
    with pytest.raises(NotSupportedError, match="is not supported for"):
        OF_DRAWS[kind](Counterfactual.from_draws(np.array([100.0]), "none"))


def test_side_by_side_a_fit_that_failed_keeps_the_schedule_alone_and_every_reason():
    table = compare_thresholds(replace(CF, failures=("R-hat 1.2 of tau",)), (0.95,), PLACEBOS)
    assert set(table.loc[table["rate"].notna(), "kind"]) == {"schedule"}
    assert table.loc[table["rate"].isna(), "reason"].str.contains(r"R-hat 1\.2 of tau").all()


@pytest.mark.parametrize("make", [placebo_threshold, lambda rows: calibrated_threshold(CF, rows)])
def test_eighteen_units_are_too_few_and_equal_savings_are_refused(make):
    with pytest.raises(RefusalError, match=r"18 placebo units.*at least 19"):
        make(PLACEBOS[:18])
    with pytest.raises(RefusalError, match="are equal"):
        make(PLACEBOS.assign(savings_rate=0.01))


@pytest.mark.parametrize(
    ("pareto_k", "effective", "reason"),
    [
        (0.71, 4000, r"Pareto k .* is 0\.71, above 0\.7\. Look at"),
        (0.2, 399, r"sample size .* is 399, below 400\. Look at"),
        (np.inf, 0, r"above 0\.7; .* below 400"),
        (np.nan, np.nan, r"above 0\.7; .* below 400"),
    ],
)
def test_a_calibration_with_undependable_weights_is_refused(pareto_k, effective, reason, monkeypatch):
    nodes = Posterior(np.zeros((1, 2)), np.ones(1), pareto_k, effective)
    monkeypatch.setattr(PlaceboPosterior, "integrate", lambda _model: nodes)
    with pytest.raises(ConvergenceError, match=reason):
        calibrate(PLACEBOS, ["case"])


def test_a_calibration_leaves_out_the_rows_of_the_judged_group():
    changed = PLACEBOS.assign(savings_rate=np.where(PLACEBOS["unit"] == "u3", 9.0, PLACEBOS["savings_rate"]))
    kept, moved = (CalibrationPlacebos.of(rows, ["u3"]) for rows in (PLACEBOS, changed))
    for name in ("y", "s", "ratio", "unit", "origin", "block"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(moved, name))
    assert kept.n_units == PLACEBOS["unit"].nunique() - 1


def test_unknown_sizes_count_as_equal():
    rows = PLACEBOS.assign(assigned=np.where(PLACEBOS["unit"] == "u3", np.nan, 20_000.0))
    assert (CalibrationPlacebos.of(rows, ["case"]).ratio == 1).all()
    assert np.isfinite(calibrated_threshold(CF, rows).rate)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("savings_rate", np.inf),
        ("savings_rate", -np.inf),
        ("assigned", 0.0),
        ("assigned", -1.0),
        ("standard_error", 0.0),
        ("standard_error", np.inf),
    ],
)
def test_a_placebo_row_with_an_impossible_value_is_named(column, value):
    """Fault W11, R8: one such row gave a threshold of NaN, or "all 60 placebo savings are alike"."""
    rows = PLACEBOS.assign(**{column: PLACEBOS[column].where(PLACEBOS.index != 5, value)})
    message = rf"{column} of unit 'u5' at origin 2017 is {value:g}; a .* number is needed \(1 such rows\)"
    for threshold in (
        lambda: calibrated_threshold(CF, rows),
        lambda: calibrate(rows, exclude=["u0"]),
        lambda: placebo_threshold(rows),
    ):
        with pytest.raises(DataError, match=message):
            threshold()


def test_no_threshold_is_nan():
    """Fault W11: a threshold of NaN never pays and never says why."""
    with pytest.raises(RefusalError, match="The schedule threshold is NaN"):
        Threshold(rate=float("nan"), kind="schedule")
