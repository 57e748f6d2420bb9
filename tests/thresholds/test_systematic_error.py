"""Empirical calibration against the maximum of the likelihood on the SCCS negative controls."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from ssinfer.errors import RefusalError
from ssinfer.thresholds.systematic_error import calibrate_systematic_error


def test_negative_controls(data_dir):  # authority: maximum likelihood; R EmpiricalCalibration agrees to 1e-3
    frame = pd.read_csv(data_dir / "person" / "negative_controls_sccs.csv")
    controls = frame[frame["groundTruth"] == 0]
    assert len(controls) == 45
    error = calibrate_systematic_error(controls["logRr"].to_numpy(), controls["seLogRr"].to_numpy())
    assert error.mean == pytest.approx(0.79211650, abs=1e-6)
    assert error.sd == pytest.approx(0.28342288, abs=1e-6)
    result = error.calibrate(0.7326235, 0.07371708)
    assert result.estimate == pytest.approx(-0.0594930, abs=1e-6)
    assert result.p_value == pytest.approx(0.838914, abs=1e-3)
    # One golden entry does not reproduce at 1e-6: it prints -.0595345 for the positive control, which is .7326235 less
    # a mu of .7921580, where R's optimiser stopped, 4e-5 from the maximum .7921165 of the same file; from that maximum
    # follows -.0594930, as asserted above. Its interval and p-value carry the same 4e-5: all are held to 1e-3, R's own.
    assert (result.estimate, result.lower, result.upper) == pytest.approx((-0.0595345, -0.6335409, 0.5144719), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_is_the_maximum_of_the_likelihood(seed, sigma):
    rng = np.random.default_rng(seed)
    s = rng.uniform(0.1, 0.5, 40)
    y = 0.3 + sigma * rng.standard_normal(40) + s * rng.standard_normal(40)
    error = calibrate_systematic_error(y, s)

    def minus(parameters):
        return -stats.norm.logpdf(y, parameters[0], np.hypot(parameters[1], s)).sum()

    reached = minus((error.mean, error.sd))
    found = optimize.minimize(minus, (0.3, 0.5), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    assert reached <= found.fun + 1e-8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-10, 10))
def test_equivariant(seed, scale, shift):
    rng = np.random.default_rng(seed)
    y, s = rng.normal(size=20), rng.uniform(0.1, 1, 20)
    plain, moved = calibrate_systematic_error(y, s), calibrate_systematic_error(scale * y + shift, scale * s)
    assert moved.mean == pytest.approx(scale * plain.mean + shift, rel=1e-6, abs=1e-7 * scale)
    assert moved.sd == pytest.approx(scale * plain.sd, rel=1e-5, abs=1e-6 * scale)


def test_no_excess_error_gives_sd_zero():
    error = calibrate_systematic_error(np.array([0.1, -0.1, 0.05, -0.05, 0.0]), np.ones(5))
    assert error.sd == 0.0
    assert error.calibrate(1.0, 0.5).standard_error == 0.5


def test_refusals():
    with pytest.raises(RefusalError, match="at least 5"):
        calibrate_systematic_error(np.ones(4), np.ones(4))
    with pytest.raises(RefusalError, match="not positive"):
        calibrate_systematic_error(np.ones(6), np.zeros(6))
    with pytest.raises(RefusalError, match="shape"):
        calibrate_systematic_error(np.ones(6), np.ones(5))
    with pytest.raises(RefusalError, match="standard_error"):
        calibrate_systematic_error(np.arange(6.0), np.ones(6)).calibrate(1.0, 0.0)
