"""Effects of units. Authority: densities and conditional moments of the whole multivariate normal distribution."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ssinfer.benchmarks.risk_adjusted.kernels.unit_effects import (
    Grid,
    Unseen,
    draw_effects,
    learn,
    marginal,
    prior_grid,
    raised_variance,
)

YEARS = np.array([-2, -1, 0])
POINT = np.array([[0.05, 0.02, 0.4, 0.03, 0.01]])


def dense(point, region, years, noise):
    """Covariance of all residuals, unit by unit."""
    effect, shock, rho, region_effect, region_shock = point
    C = rho ** np.abs(np.subtract.outer(years, years))
    same = np.equal.outer(region, region)
    total = np.kron(np.eye(len(region)), effect**2 + shock**2 * C)
    total += np.kron(same, region_effect**2 + region_shock**2 * C)
    for g, block in enumerate(noise):
        part = slice(g * len(years), (g + 1) * len(years))
        total[part, part] += block
    return total


def noise_of(n, width, rng):
    root = 0.03 * rng.normal(size=(n, width, width))
    return root @ root.transpose(0, 2, 1) + 0.02**2 * np.eye(width)


def test_the_likelihood_of_each_point_is_that_of_the_whole_normal_distribution():
    rng = np.random.default_rng(0)
    region, noise = np.array([0, 0, 1, 1, 1]), noise_of(5, 3, rng)
    r = 0.05 * rng.normal(size=(5, 3))
    prior = prior_grid(0.1, 0.02, regions=True)
    gained = learn(prior, r, noise, YEARS, region).log - prior.log
    some = rng.choice(len(gained), 12, replace=False)
    theirs = [
        multivariate_normal(cov=dense(prior.points[k], region, YEARS, noise)).logpdf(r.ravel()) for k in [0, *some]
    ]
    assert gained[some] - gained[0] == pytest.approx(np.array(theirs[1:]) - theirs[0], abs=1e-8)


@pytest.mark.parametrize(("kept", "sampling"), [(0.0, False), (0.9, False), (0.9, True)])
def test_draws_have_the_conditional_moments(kept, sampling):
    """With `sampling` those of the same estimate and its error, of units without what the bound adds to the prior."""
    rng = np.random.default_rng(1)
    years, region, noise = np.array([-2, -1, 0, 1]), np.array([0, 0]), noise_of(2, 4, rng)
    r = np.array([[0.10, 0.06], [-0.02, 0.0]])
    unseen = Unseen(r, noise, years, region, np.full(2, kept))
    grid = Grid(POINT, np.zeros(1))
    added, variance = raised_variance(POINT, unseen)
    learned = POINT[0, 0] ** 2 + POINT[0, 3] ** 2
    assert ((learned + added) / (learned + added + variance) >= kept - 1e-12).all()
    own = np.stack([rng.multivariate_normal(np.zeros(4), block, 20_000) for block in noise], axis=1)
    draws = draw_effects(grid, unseen, own, 20_000, rng, sampling=sampling)
    total = dense(POINT[0], region, years, noise) + np.kron(np.diag(added[0]), np.ones((4, 4)))
    seen, ahead = [0, 1, 4, 5], [2, 3, 6, 7]
    weights = total[np.ix_(ahead, seen)] @ np.linalg.inv(total[np.ix_(seen, seen)])
    true = dense(POINT[0], region, years, noise) if sampling else total
    both = weights @ true[np.ix_(seen, ahead)]
    spread = true[np.ix_(ahead, ahead)] - both - both.T + weights @ true[np.ix_(seen, seen)] @ weights.T
    drawn = (draws.level + draws.noise).reshape(-1, 4)
    variance = np.diag(spread)
    assert (np.abs(drawn.mean(axis=0) - weights @ r.ravel()) < 5 * np.sqrt(variance / 20_000)).all()
    error = np.sqrt((np.outer(variance, variance) + spread**2) / 20_000)
    assert (np.abs(np.cov(drawn.T) - spread) < 5 * error).all()
    log = marginal(Grid(np.repeat(POINT, 2, axis=0), np.array([0.0, 1.0])), unseen).log
    assert log[1] - log[0] == pytest.approx(1.0)


def test_a_raised_prior_keeps_the_bound_and_a_flat_one_all():
    noise = 0.03**2 * np.eye(3)[None]
    for kept, least in ((0.8, 0.8), (1.0, 1 - 2e-6)):
        unseen = Unseen(np.array([[0.1, 0.1]]), noise, YEARS, np.array([0]), np.array([kept]))
        added, variance = raised_variance(np.zeros((1, 5)), unseen)
        assert added / (added + variance) == pytest.approx(least, rel=1e-9 if kept < 1 else 1e-5)
