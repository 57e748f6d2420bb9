"""Authority: a general solver of the same likelihood, and the definition of the rotation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from ssinfer.kernels.error_components import fit_noise, noise_shape, rotation, shock_contrast

EQUAL = (1 / 3, 1 / 3, 1 / 3)


def slow_fit(squares, size, lam, known):
    """Maximise the same likelihood over (log k, log tau) with a general solver from several starts."""

    def loss(theta):
        k2 = np.exp(2 * theta[0]) if known == "size" else 1.0
        variance = k2 * size[:, :, None] + np.exp(2 * theta[-1]) * lam
        return 0.5 * (np.log(variance) + squares / variance).sum()

    starts = [(2.0, -6.0), (1.0, -4.0), (0.5, -5.0)] if known == "size" else [(-6.0,), (-4.0,)]
    best = min(
        (minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}) for start in starts),
        key=lambda optimum: optimum.fun,
    )
    return np.exp(best.x), -best.fun


@pytest.mark.parametrize("known", ["size", "variance"])
@pytest.mark.parametrize("seed", range(4))
def test_profile_likelihood_reaches_the_slow_solvers_optimum(seed, known):
    rng = np.random.default_rng(seed)
    shares, n_units = np.array(EQUAL), 150
    shock = shock_contrast(0.8, shares, np.arange(3.0), np.array([3.0, 4.0]))
    noise = noise_shape(shares, 2)
    turn, lam = rotation(noise, shock)
    n = np.exp(rng.uniform(np.log(5_000), np.log(100_000), n_units))
    size = (9.0 if known == "variance" else 1.0) / n[:, None]
    errors = np.empty((n_units, 1, 2))
    for j in range(n_units):
        errors[j, 0] = rng.multivariate_normal(np.zeros(2), 9.0 / n[j] * noise + 0.013**2 * shock)
    squares = (errors @ turn.T) ** 2
    fit = fit_noise(squares, size, lam, known, np.ones((n_units, 1)))
    expected, value = slow_fit(squares, size, lam, known)
    assert fit.log_likelihood[0] <= value + 1e-6
    assert fit.log_likelihood[0] == pytest.approx(value, abs=0.02)  # the step of the grid hardly matters
    # a tenth of the statistical error with 150 units: about 0.15 (k) and 0.0009 (tau)
    assert fit.tau[0] == pytest.approx(expected[-1], abs=3e-4)
    if known == "size":
        assert fit.k[0] == pytest.approx(expected[0], abs=0.05)


def test_rotation_makes_periods_independent():
    shares = np.array([0.1, 0.3, 0.6])
    noise = noise_shape(shares, 3)
    shock = shock_contrast(0.5, shares, np.arange(3.0), np.array([4.0, 5.0, 6.0]))
    turn, lam = rotation(noise, shock)
    np.testing.assert_allclose(turn @ noise @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(turn @ shock @ turn.T, np.diag(lam), atol=1e-12)
    assert np.trace(shock) / 3 == pytest.approx(1)
