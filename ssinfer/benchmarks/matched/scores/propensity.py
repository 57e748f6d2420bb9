"""Propensity scores: the probability of treatment given baseline covariates."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ssinfer.benchmarks.matched.scores.separation import (
    refuse_certain,
    refuse_collinear,
    refuse_separation,
    usable_covariates,
)
from ssinfer.typing import Booleans, Floats

ROUNDING = 1e-10  # relative precision of scores: those that differ by less are equal


@dataclass(frozen=True, eq=False)
class PropensityScores:
    """Fitted scores of n persons; a classifier has no coefficients."""

    score: Floats  # (n,): probability of treatment, inside (0, 1)
    logit: Floats  # (n,): its log-odds
    coefficients: Mapping[str, float] | None = None  # intercept first, in the units of the covariates
    covariance: Floats | None = None  # (p, p): inverse information of the coefficients


def propensity_scores(
    covariates: Mapping[str, Floats], treated: Booleans, *, classifier: Any = None
) -> PropensityScores:
    r"""Fit the probability of treatment.

    .. math:: e(x) = P(\text{treated} \mid x), \quad \log \frac{e(x)}{1 - e(x)} = \alpha + x'\beta

    by unpenalised maximum likelihood (scikit-learn, Newton steps), or by a clone of `classifier` through its
    ``predict_proba``. Covariates are numeric (n,). Rosenbaum and Rubin (1983), doi:10.1093/biomet/70.1.41.
    """
    treated = np.asarray(treated, dtype=bool)
    matrix, names = usable_covariates(covariates, treated)
    if classifier is not None:
        model = clone(classifier).fit(matrix, treated)
        score = tied(np.asarray(model.predict_proba(matrix)[:, list(model.classes_).index(True)], dtype=np.float64))
        refuse_certain(score)
        return PropensityScores(score, np.log(score) - np.log1p(-score))
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scaled = (matrix - centre) / scale
    refuse_collinear(scaled, names)
    intercept, slopes = _maximum_likelihood(scaled, treated)
    logit = linear_predictor(intercept, slopes, scaled)
    score = 1 / (1 + np.exp(-logit))
    refuse_separation(scaled, score, treated, names)
    intercept -= float((slopes * centre / scale).sum())
    coefficients = {"const": intercept, **dict(zip(names, (slopes / scale).tolist(), strict=True))}
    design = np.column_stack([np.ones(len(matrix)), matrix / scale])
    information = (design * (score * (1 - score))[:, None]).T @ design
    rescale = np.concatenate([[1.0], 1 / scale])
    covariance = np.linalg.pinv(information, hermitian=True) * np.outer(rescale, rescale)
    return PropensityScores(score, logit, coefficients, covariance)


def _maximum_likelihood(scaled: Floats, treated: Booleans) -> tuple[float, Floats]:
    """Return the intercept and slopes of a logistic regression on standardised covariates."""
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=ConvergenceWarning)  # separation is refused by the caller
        warnings.simplefilter("ignore", category=RuntimeWarning)
        warnings.filterwarnings("ignore", module="sklearn", category=UserWarning)
        model.fit(scaled, treated)
    return float(model.intercept_[0]), model.coef_[0]


def linear_predictor(intercept: float, slopes: Floats, covariates: Floats) -> Floats:
    """Return intercept + covariates x slopes (n,), summed by column: ties stay ties to the bit in any order of rows."""
    total = np.full(len(covariates), intercept)
    for column, slope in zip(covariates.T, slopes, strict=True):
        total = total + column * slope
    return tied(total)


def tied(scores: Floats) -> Floats:
    """Return scores (n,) in which those that differ by rounding only are equal: each gets the lowest of its run."""
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    starts = np.diff(ascending, prepend=-np.inf) > ROUNDING * float(np.abs(ascending).max())
    out = np.empty_like(scores)
    out[order] = ascending[starts][np.cumsum(starts) - 1]
    return out
