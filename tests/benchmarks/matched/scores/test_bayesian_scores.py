"""Posterior draws of the score against the inverse information, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.benchmarks.matched.scores.bayesian_scores import bayesian_scores
from ssinfer.benchmarks.matched.scores.propensity import propensity_scores
from ssinfer.errors import ConvergenceError


def test_bayesian_scores_spread_like_the_information(population):
    covariates, treated = population(n=2000)
    mode = propensity_scores(covariates, treated)
    draws = bayesian_scores(covariates, treated, 200, np.random.default_rng(0))
    slopes = np.array([draw.coefficients["x"] for draw in draws])
    # At n = 2,000 the prior hardly matters: posterior = N(mode, inverse information). 200 draws, four standard errors.
    sd = np.sqrt(mode.covariance[1, 1])
    assert slopes.mean() == pytest.approx(mode.coefficients["x"], abs=4 * sd / np.sqrt(200))
    assert slopes.std() == pytest.approx(sd, rel=0.2)
    first, again = (bayesian_scores(covariates, treated, 3, np.random.default_rng(0))[2].score for _ in range(2))
    assert np.array_equal(first, again)


def test_bayesian_scores_refuse_too_few_effective_candidates():
    rng = np.random.default_rng(0)
    x = {f"x{j}": rng.normal(size=100) for j in range(30)}
    treated = rng.random(100) < 0.5
    with pytest.raises(ConvergenceError, match="effective candidates"):
        bayesian_scores(x, treated, 400, rng)
