"""Growth ahead. Authority: the joint density of mean and SD on a fine grid, without integrating the mean out."""

import numpy as np
import pytest
from scipy.stats import norm

from ssinfer.benchmarks.risk_adjusted.kernels.growth import growth_draws


@pytest.mark.parametrize(
    ("growths", "noise", "years"),
    [([0.01, 0.05, -0.02], 0.02**2, 1), ([0.03, 0.031, 0.029, 0.03], 0.0, 2), ([0.2, -0.1, 0.05], 0.05**2, 3)],
)
def test_draws_have_the_posterior_predictive_distribution_of_the_stated_model(growths, noise, years):
    g, prior, n = np.array(growths), 0.05, 40_000
    m = g.mean() + np.linspace(-0.5, 0.5, 1001)[:, None]
    sd = np.linspace(1e-4, 4 * prior, 200)[None, :]
    log = norm.logpdf(sd, 0, prior) + sum(norm.logpdf(value, m, np.sqrt(sd**2 + noise)) for value in g)
    weight = np.exp(log - log.max())
    draws = growth_draws(g, noise, prior, years, n, np.random.default_rng(1))
    for point in np.quantile(draws, [0.02, 0.1, 0.5, 0.9, 0.98]):
        share = (weight * norm.cdf(point, years * m, np.sqrt(years) * sd)).sum() / weight.sum()
        assert (draws <= point).mean() == pytest.approx(share, abs=5 * 0.5 / np.sqrt(n))


def test_without_noise_and_with_a_wide_prior_it_is_wider_than_the_growths_and_noise_takes_off_its_share():
    """If noise explains all of the spread, growth has little of its own."""
    g, rng = np.array([0.0, 0.04, 0.08, 0.02, 0.06]), np.random.default_rng(2)
    plain, noisy = (growth_draws(g, noise, 0.3, 1, 20_000, rng).std() for noise in (0.0, g.var(ddof=1)))
    assert plain > g.std(ddof=1) * np.sqrt(1 + 1 / len(g))
    assert noisy < 0.9 * plain
