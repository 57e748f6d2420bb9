"""Posterior draws of the propensity score, so that its uncertainty can be carried through the match."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from ssinfer.benchmarks.matched.scores.propensity import propensity_scores
from ssinfer.errors import ConvergenceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.benchmarks.matched.scores.propensity import PropensityScores
    from ssinfer.typing import Booleans, Floats


PRIOR_SD = 2.5
_CANDIDATES = 20
_DEGREES = 5


def bayesian_scores(
    covariates: Mapping[str, Floats], treated: Booleans, n_draws: int, rng: np.random.Generator
) -> list[PropensityScores]:
    r"""Return posterior draws of a Bayesian logistic regression of treatment on covariates.

    .. math:: \beta_j \, s_j \sim N(0, 2.5^2), \quad \alpha \text{ flat}

    with :math:`s_j` the standard deviation of covariate j. The posterior is sampled by importance resampling from a
    multivariate t (5 degrees of freedom) at the maximum of the likelihood. The likelihood holds the treatment only:
    the outcome never feeds back into the score.

    Parameters
    ----------
    covariates : mapping of str to array (n,)
    treated : (n,) bool
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    list of PropensityScores
        One per draw.

    Raises
    ------
    ConvergenceError
        The importance weights rest on too few candidates.

    References
    ----------
    Gelman, A. et al. (2008). A weakly informative default prior distribution for logistic and other regression models.
    Annals of Applied Statistics 2, 1360-1383. doi:10.1214/08-AOAS191

    Zigler, C. M. et al. (2013). Model feedback in Bayesian propensity score estimation. Biometrics 69, 263-273.
    doi:10.1111/j.1541-0420.2012.01830.x

    Examples
    --------
    >>> x = np.repeat([0.0, 1.0, 2.0], 20)
    >>> treated = np.tile([True, False, False, True, False], 12)
    >>> draws = bayesian_scores({"x": x}, treated, 3, np.random.default_rng(1))
    >>> len(draws), draws[0].score.shape
    (3, (60,))
    """
    mode = propensity_scores(covariates, treated)
    assert mode.coefficients is not None  # noqa: S101  (logistic regression always has them)
    assert mode.covariance is not None  # noqa: S101
    names = [name for name in mode.coefficients if name != "const"]
    X = np.column_stack([np.ones(len(treated)), *(np.asarray(covariates[name], dtype=np.float64) for name in names)])
    scale = X.std(axis=0)
    centre = np.array(list(mode.coefficients.values()))
    root = np.linalg.cholesky(mode.covariance + 1e-14 * np.diag(np.diag(mode.covariance)))
    n_candidates = max(_CANDIDATES * n_draws, 200)
    z = rng.standard_normal((n_candidates, len(centre)))
    stretch = np.sqrt(_DEGREES / rng.chisquare(_DEGREES, n_candidates))
    beta = centre + (z * stretch[:, None]) @ root.T
    proposal = -0.5 * (_DEGREES + len(centre)) * np.log1p((z * stretch[:, None]) ** 2 @ np.ones(len(centre)) / _DEGREES)
    sign = np.where(treated, -1.0, 1.0)
    target = np.empty(n_candidates)
    for start in range(0, n_candidates, 8):  # eight at a time keep memory at a few vectors of length n
        eta = X @ beta[start : start + 8].T
        target[start : start + 8] = -np.logaddexp(0.0, eta * sign[:, None]).sum(axis=0)
    target -= 0.5 * ((beta[:, 1:] * scale[1:] / PRIOR_SD) ** 2).sum(axis=1)
    log_weight = target - proposal
    weight = np.exp(log_weight - logsumexp(log_weight))
    effective = 1 / float((weight**2).sum())
    if effective < 2 * n_draws:
        raise ConvergenceError(
            f"The score's posterior rests on {effective:.0f} effective candidates for {n_draws} draws: the covariates "
            "all but separate the groups. Use fewer covariates, or scores='maximum likelihood'."
        )
    draws = []
    for chosen in rng.choice(n_candidates, size=n_draws, replace=False, p=weight):
        # Summed column by column: persons with equal covariates keep equal scores.
        logit = np.full(len(treated), beta[chosen, 0])
        for column, slope in zip(X.T[1:], beta[chosen, 1:], strict=True):
            logit = logit + column * slope
        coefficients = dict(zip(["const", *names], beta[chosen].tolist(), strict=True))
        draws.append(
            replace(
                mode,
                score=1 / (1 + np.exp(-logit)),
                logit=logit,
                coefficients=coefficients,
                log_likelihood=float(-np.logaddexp(0.0, logit * sign).sum()),
            )
        )
    return draws
