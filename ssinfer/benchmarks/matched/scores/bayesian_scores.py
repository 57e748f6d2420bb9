"""Posterior draws of the propensity score, by importance resampling."""

from collections.abc import Mapping

import numpy as np
from scipy.special import logsumexp

from ssinfer.benchmarks.matched.scores.propensity import PropensityScores, linear_predictor, propensity_scores
from ssinfer.errors import ConvergenceError
from ssinfer.typing import Booleans, Floats

PRIOR_SD = 2.5
CANDIDATES_PER_DRAW = 20
MIN_CANDIDATES = 200
PROPOSAL_DEGREES = 5


def bayesian_scores(
    covariates: Mapping[str, Floats], treated: Booleans, n_draws: int, rng: np.random.Generator
) -> list[PropensityScores]:
    r"""Draw from the posterior of a Bayesian logistic regression of treatment on covariates with SD s, by resampling.

    .. math:: \beta_j \, s_j \sim N(0, 2.5^2), \quad \alpha \text{ flat}

    Gelman et al. 2008, doi:10.1214/08-AOAS191. Candidates come from a multivariate t at the maximum of the likelihood.
    No outcome enters a score (Zigler et al. 2013, doi:10.1111/j.1541-0420.2012.01830.x).
    """
    mode = propensity_scores(covariates, treated)
    assert mode.coefficients is not None  # noqa: S101  (logistic regression always has them)
    assert mode.covariance is not None  # noqa: S101
    names = [name for name in mode.coefficients if name != "const"]
    X = np.column_stack([np.ones(len(treated)), *(np.asarray(covariates[name], dtype=np.float64) for name in names)])
    centre = np.array(list(mode.coefficients.values()))
    root = np.linalg.cholesky(mode.covariance + 1e-14 * np.diag(np.diag(mode.covariance)))
    n_candidates = max(CANDIDATES_PER_DRAW * n_draws, MIN_CANDIDATES)
    z = rng.standard_normal((n_candidates, len(centre)))
    z *= np.sqrt(PROPOSAL_DEGREES / rng.chisquare(PROPOSAL_DEGREES, n_candidates))[:, None]
    beta = centre + z @ root.T
    log_weight = _log_posterior(beta, X, treated)
    log_weight += 0.5 * (PROPOSAL_DEGREES + len(centre)) * np.log1p(z**2 @ np.ones(len(centre)) / PROPOSAL_DEGREES)
    weight = np.exp(log_weight - logsumexp(log_weight))
    effective = 1 / float((weight**2).sum())
    if effective < 2 * n_draws:
        raise ConvergenceError(
            f"The posterior of the score rests on {effective:.0f} effective candidates for {n_draws} draws: the "
            "covariates almost separate the groups. Use fewer covariates, or scores='maximum likelihood'."
        )
    draws = []
    for chosen in rng.choice(n_candidates, size=n_draws, replace=False, p=weight):
        logit = linear_predictor(beta[chosen, 0], beta[chosen, 1:], X[:, 1:])
        coefficients = dict(zip(["const", *names], beta[chosen].tolist(), strict=True))
        draws.append(PropensityScores(1 / (1 + np.exp(-logit)), logit, coefficients))
    return draws


def _log_posterior(beta: Floats, X: Floats, treated: Booleans) -> Floats:
    """Return the log posterior density of candidates (K,), up to a constant; `beta` (K, p), `X` (n, p)."""
    scale = X.std(axis=0)
    sign = np.where(treated, -1.0, 1.0)
    density = np.empty(len(beta))
    for start in range(0, len(beta), 8):  # eight at a time limit memory to a few vectors of length n
        eta = X @ beta[start : start + 8].T
        density[start : start + 8] = -np.logaddexp(0.0, eta * sign[:, None]).sum(axis=0)
    return density - 0.5 * ((beta[:, 1:] * scale[1:] / PRIOR_SD) ** 2).sum(axis=1)
