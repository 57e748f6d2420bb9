"""Authorities: SciPy's multivariate normal under adaptive quadrature, and parameters that made the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal, norm

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes.shock_prior import ShockPrior
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.placebo_shocks import shock_log_likelihood
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import MAX_RHO


def test_likelihood_integrates_the_units_own_shock_size():
    rng = np.random.default_rng(0)
    T, times = 5, np.array([0.0, 1, 2, 3, 5])
    residual = 0.1 * rng.normal(size=(1, T))
    noise = rng.uniform(1e-3, 2e-3, (1, T))
    theta = np.append([-2.5, 0.8, 0.2, -0.7], rng.normal(0, 0.3, T))
    loose = 0.16 + 0.3 * np.diag(times)
    nodes, masses = np.polynomial.hermite_e.hermegauss(15)
    rest = (residual, noise, times, loose[None], nodes, masses / masses.sum())
    gradient, unused = np.empty(4 + T), np.empty(4 + T)
    log_likelihood = shock_log_likelihood(theta, *rest, gradient)
    numeric = approx_fprime(theta, lambda x: shock_log_likelihood(x, *rest, unused), 1e-7)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-3 * np.abs(gradient).max())
    rho = MAX_RHO / (1 + np.exp(-theta[1]))
    v = np.exp(theta[4:])
    power = np.outer(v, v) * rho ** np.abs(times[:, None] - times[None, :]) / (1 - rho**2)
    fixed = loose + np.exp(2 * theta[2]) * np.diag(noise[0])

    def density(z):
        omega2 = np.exp(2 * (theta[0] + np.exp(theta[3]) * z))
        return multivariate_normal(np.zeros(T), fixed + omega2 * power).pdf(residual[0]) * norm.pdf(z)

    constant = -0.5 * T * np.log(2 * np.pi)
    assert log_likelihood + constant == pytest.approx(np.log(quad(density, -8, 8, epsabs=0, epsrel=1e-10)[0]), abs=1e-6)


@pytest.mark.parametrize(("omega", "rho"), [(0.01, 0.5), (0.03, 0.9)])
def test_shock_size_and_persistence_are_recovered(omega, rho):
    """Sixty units that share a mean; shocks of their own make all the difference between them but the level."""
    rng = np.random.default_rng(7)
    N, T = 60, 20
    shock = np.zeros((N, T))
    shock[:, 0] = rng.normal(size=N) * omega / np.sqrt(1 - rho**2)
    for t in range(1, T):
        shock[:, t] = rho * shock[:, t - 1] + omega * rng.normal(size=N)
    spending = 2000 * 1.03 ** np.arange(T) * (1 + shock)
    panel = ss.Panel(tuple(f"u{j:02d}" for j in range(N)), tuple(range(T)), spending)
    design = ss.Design(treated=["u00"], baseline=range(15), performance=range(15, 20))
    prior = ShockPrior.learned(FitWindow.of(SyntheticControl().prepare(panel, design), 0))
    error = np.sqrt(np.diag(prior.covariance))
    assert prior.placebos == 59
    # spending grows and the level is its baseline root mean square: the shocks' scale is right within a fifth
    assert abs(prior.mean[0] - np.log(omega)) < 0.2 + 2 * error[0]
    assert abs(MAX_RHO / (1 + np.exp(-prior.mean[1])) - rho) < 0.12
    assert prior.heterogeneity < 0.3


def test_k_is_recovered_and_not_taken_for_weights():
    """150 units of 20,000 to 200,000 insured, k = 3, shocks of 1%, levels 10% apart, and a common factor.

    With weights integrated out together with k, as once here, the same panel gives a k of about 2.
    """
    rng = np.random.default_rng(3)
    N, T, k = 150, 9, 3.0
    sizes = np.exp(rng.uniform(np.log(2e4), np.log(2e5), N))[:, None] * np.ones((1, T))
    shock = 0.01 * rng.normal(size=(N, T)).cumsum(axis=1)
    factor = rng.normal(size=(N, 1)) * 0.01 * rng.normal(size=T).cumsum()
    level = 2000 * np.exp(0.1 * rng.normal(size=(N, 1)))
    spending = level * np.exp(factor + shock + k / np.sqrt(sizes) * rng.normal(size=(N, T)))
    panel = ss.Panel(tuple(f"u{j:03d}" for j in range(N)), tuple(range(T)), spending, insured_years=sizes)
    design = ss.Design(treated=["u000"], baseline=range(8), performance=[8])
    prior = ShockPrior.learned(FitWindow.of(SyntheticControl().prepare(panel, design), 0))
    assert np.exp(prior.mean[2]) == pytest.approx(k, rel=0.15)
    assert np.exp(prior.mean[0]) == pytest.approx(0.01, rel=0.25)


def test_a_loud_performance_year_is_found_and_the_others_are_not():
    """100 units, shocks twice as large in the last of ten years."""
    rng = np.random.default_rng(2)
    N, T = 100, 10
    shock = 0.02 * rng.normal(size=(N, T))
    shock[:, 9] *= 2
    panel = ss.Panel(tuple(f"u{j:03d}" for j in range(N)), tuple(range(T)), 2000 * (1 + shock))
    design = ss.Design(treated=["u000"], baseline=range(9), performance=[9])
    prior = ShockPrior.learned(FitWindow.of(SyntheticControl().prepare(panel, design), 0))
    volatility, error = prior.mean[3:], np.sqrt(np.diag(prior.covariance))[3:]
    others = volatility[:9]
    assert volatility[9] - others.mean() == pytest.approx(np.log(2), abs=0.25)  # drawn to nought by its prior, SD 0.3
    assert np.abs(others - others.mean()).max() < 0.3
    assert error.max() < 0.2
