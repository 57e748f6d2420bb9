"""Authorities: SciPy's multivariate normal under adaptive quadrature, and parameters that made the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

import ssinfer as ss
from ssinfer.benchmarks.shock_prior import ShockPrior
from ssinfer.benchmarks.synthetic_control import SyntheticControl
from ssinfer.benchmarks.window import Window
from ssinfer.kernels.placebo_shocks import shock_log_likelihood
from ssinfer.kernels.simplex_posterior import LARGEST_RHO


def test_likelihood_integrates_the_units_own_shock_size():
    rng = np.random.default_rng(0)
    T, times = 5, np.array([0.0, 1, 2, 3, 5])
    residual = 0.1 * rng.normal(size=(1, T))
    root = 0.3 * rng.normal(size=(T, 7))
    own, donors = rng.uniform(1e-3, 2e-3, (2, 1, T))
    theta = np.array([-2.5, 0.8, 0.2, -0.7, -1.5])
    nodes, masses = np.polynomial.hermite_e.hermegauss(15)
    found = shock_log_likelihood(
        theta, residual, (root @ root.T)[None], own, donors, times, np.full((1, T, T), 0.16), nodes,
        masses / masses.sum(),
    )  # fmt: skip
    rho = LARGEST_RHO / (1 + np.exp(-theta[1]))
    power = rho ** np.abs(times[:, None] - times[None, :]) / (1 - rho**2)
    lam2 = np.exp(2 * theta[4])
    rest = 0.4**2 + lam2 * root @ root.T + np.exp(2 * theta[2]) * np.diag(own[0] + lam2 * donors[0])

    def density(z):
        omega2 = np.exp(2 * (theta[0] + np.exp(theta[3]) * z))
        return multivariate_normal(np.zeros(T), rest + omega2 * power).pdf(residual[0]) * norm.pdf(z)

    constant = -0.5 * T * np.log(2 * np.pi)
    assert found + constant == pytest.approx(np.log(quad(density, -8, 8, epsabs=0, epsrel=1e-10)[0]), abs=1e-6)


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
    prior = ShockPrior.learned(Window.of(SyntheticControl().prepare(panel, design), 0), 0.0)
    error = np.sqrt(np.diag(prior.covariance))
    assert prior.placebos == 59
    # spending grows and the level is its baseline root mean square: the shocks' scale is right within a fifth
    assert abs(prior.mean[0] - np.log(omega)) < 0.2 + 2 * error[0]
    assert abs(LARGEST_RHO / (1 + np.exp(-prior.mean[1])) - rho) < 0.12
    assert prior.heterogeneity < 0.3
