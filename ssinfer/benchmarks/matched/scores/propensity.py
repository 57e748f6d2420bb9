"""Propensity scores: the probability of treatment given baseline covariates, never given an outcome."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ssinfer.errors import DataError, DesignError, RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.typing import Booleans, Floats


# Smallest eigenvalue of the information, covariates standardised: below it a coefficient's standard error exceeds
# 1,000 standard deviations, which is a likelihood without a maximum.
_SEPARATED = 1e-6


@dataclass(frozen=True, eq=False)
class PropensityScores:
    """Fitted scores.

    Attributes
    ----------
    score : (n,)
        Probability of treatment, inside (0, 1).
    logit : (n,)
        Its log-odds.
    coefficients : mapping of str to float, or None
        Intercept first, on the covariates' own scale; None for a classifier without coefficients.
    log_likelihood : float
        Of the treatment.
    covariance : (p, p) or None
        Inverse information of the coefficients.
    """

    score: Floats
    logit: Floats
    coefficients: Mapping[str, float] | None
    log_likelihood: float
    covariance: Floats | None = None

    def discrimination(self, treated: Booleans) -> float:
        """Return the area under the ROC curve, P(score treated > score control) with ties counted half."""
        order = np.argsort(self.logit, kind="stable")
        counts = np.unique(self.logit[order], return_counts=True)[1]
        rank = np.repeat(np.cumsum(counts) - (counts - 1) / 2, counts)
        place = np.empty(len(order))
        place[order] = rank
        n_t = int(treated.sum())
        n_c = len(treated) - n_t
        return float((place[treated].sum() - n_t * (n_t + 1) / 2) / (n_t * n_c))


def propensity_scores(
    covariates: Mapping[str, Floats], treated: Booleans, *, classifier: Any = None
) -> PropensityScores:
    r"""Fit the probability of treatment.

    .. math:: e(x) = P(\text{treated} \mid x), \quad \log \frac{e(x)}{1 - e(x)} = \alpha + x'\beta

    by unpenalised maximum likelihood (scikit-learn, Newton steps), unless a classifier is given.

    Parameters
    ----------
    covariates : mapping of str to array (n,)
        Numeric baseline covariates.
    treated : (n,) bool
    classifier : scikit-learn classifier, optional
        Cloned and fitted; its ``predict_proba`` gives the score. Set its own random_state for repeatable scores.

    Returns
    -------
    PropensityScores

    Raises
    ------
    DesignError
        Only one group is present, or no covariate is given.
    DataError
        A covariate is missing or infinite for somebody.
    RefusalError
        A covariate, or several together, separate the groups perfectly; covariates are collinear.

    References
    ----------
    Rosenbaum, P. R. and Rubin, D. B. (1983). The central role of the propensity score in observational studies for
    causal effects. Biometrika 70, 41-55. doi:10.1093/biomet/70.1.41

    Examples
    --------
    >>> age = np.array([30.0, 40, 50, 60, 35, 45, 55, 65])
    >>> treated = np.array([True, False, True, True, False, False, False, True])
    >>> fit = propensity_scores({"age": age}, treated)
    >>> {name: round(value, 4) for name, value in fit.coefficients.items()}
    {'const': -2.9046, 'age': 0.0611}
    """
    treated = np.asarray(treated, dtype=bool)
    matrix, names = _matrix(covariates, treated)
    if classifier is not None:
        model = clone(classifier).fit(matrix, treated)
        score = np.asarray(model.predict_proba(matrix)[:, list(model.classes_).index(True)], dtype=np.float64)
        _refuse_certain(score, treated)
        with np.errstate(divide="ignore"):
            logit = np.log(score) - np.log1p(-score)
        return PropensityScores(score, logit, None, _log_likelihood(logit, treated))
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scaled = (matrix - centre) / scale
    _refuse_collinear(scaled, names)
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=ConvergenceWarning)  # separation is named below
        warnings.simplefilter("ignore", category=RuntimeWarning)
        warnings.filterwarnings("ignore", module="sklearn", category=UserWarning)
        model.fit(scaled, treated)
    slopes = model.coef_[0]
    # Summed column by column: persons with equal covariates get equal bits, so ties stay ties in any row order.
    logit = np.full(len(treated), float(model.intercept_[0]))
    for column, slope in zip(scaled.T, slopes, strict=True):
        logit = logit + column * slope
    score = 1 / (1 + np.exp(-logit))
    _refuse_separation(scaled, score, treated, names)
    intercept = float(model.intercept_[0] - (slopes * centre / scale).sum())
    coefficients = {"const": intercept, **dict(zip(names, (slopes / scale).tolist(), strict=True))}
    full = np.column_stack([np.ones(len(matrix)), matrix / scale])
    information = (full * (score * (1 - score))[:, None]).T @ full
    rescale = np.concatenate([[1.0], 1 / scale])
    covariance = np.linalg.pinv(information, hermitian=True) * np.outer(rescale, rescale)
    return PropensityScores(score, logit, coefficients, _log_likelihood(logit, treated), covariance)


def _matrix(covariates: Mapping[str, Floats], treated: Booleans) -> tuple[Floats, list[str]]:
    if treated.all() or not treated.any():
        raise DesignError(
            f"{int(treated.sum())} of {len(treated)} persons are treated: a propensity score needs both groups."
        )
    if not covariates:
        raise DesignError("No covariates are given for the propensity score. Name at least one baseline covariate.")
    kept: list[Floats] = []
    names: list[str] = []
    for name, values in covariates.items():
        column = np.asarray(values, dtype=np.float64)
        holes = int((~np.isfinite(column)).sum())
        if holes:
            raise DataError(
                f"Covariate {name!r} is missing or infinite for {holes} persons. Missing covariates are never dropped "
                "silently: give a missing-indicator and a fill value, impute, or leave the persons out and count them."
            )
        if column.min() == column.max():
            continue  # a constant carries no information about treatment
        inside, outside = column[treated], column[~treated]
        if inside.min() > outside.max() or inside.max() < outside.min():
            raise RefusalError(
                f"Covariate {name!r} separates the groups perfectly: treated [{inside.min():g}, {inside.max():g}], "
                f"controls [{outside.min():g}, {outside.max():g}]. Nobody is comparable on it: leave it out of the "
                "score, or choose another comparison group."
            )
        if set(np.unique(column[:1000])) <= {0.0, 1.0}:
            for level in (0.0, 1.0):
                refuse_unseen(f"{name!r} = {level:g}", int((inside == level).sum()), int((outside == level).sum()))
        kept.append(column)
        names.append(name)
    if not kept:
        raise DesignError(f"Every covariate is constant ({list(covariates)[:5]}): nothing distinguishes persons.")
    return np.column_stack(kept), names


def refuse_unseen(level: str, n_treated: int, n_controls: int) -> None:
    """Refuse a level that only treated persons have, or only controls: it separates those who have it perfectly."""
    if n_treated > 0 and n_controls == 0:
        raise RefusalError(
            f"Level {level} is unseen among controls ({n_treated} treated persons have it), so it separates them "
            "perfectly. Merge the level with another, or leave these persons out and count them."
        )
    if n_controls > 0 and n_treated == 0:
        raise RefusalError(
            f"Level {level} is unseen among the treated ({n_controls} controls have it), so it separates them "
            "perfectly: these controls are like nobody treated. Merge the level with another, or leave them out "
            "(Cohort.select) and count them."
        )


def _refuse_collinear(scaled: Floats, names: list[str]) -> None:
    gram = scaled.T @ scaled / len(scaled)
    values, vectors = np.linalg.eigh(gram)
    if values[0] < 1e-10 * values[-1]:
        guilty = [name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 1e-4]
        raise RefusalError(
            f"Covariates {guilty} are collinear: their coefficients are not identified. Leave one of them out."
        )


def _refuse_separation(scaled: Floats, score: Floats, treated: Booleans, names: list[str]) -> None:
    """Refuse where the information vanishes in some direction, and name the covariates that lie in it."""
    full = np.column_stack([np.ones(len(scaled)), scaled])
    information = (full * np.nan_to_num(score * (1 - score))[:, None]).T @ full
    values, vectors = np.linalg.eigh(information)
    if values[0] > _SEPARATED:
        return
    share = np.abs(vectors[1:, 0])
    guilty = [names[place] for place in np.argsort(-share) if share[place] > 0.1 * share.max()][:3]
    right = int(((score > 0.5) == treated).sum())
    raise RefusalError(
        f"The covariates {guilty} together separate treated ({int(treated.sum())}) from controls, wholly or in "
        f"part: the likelihood has no maximum ({right} of {len(treated)} persons are classified rightly). Leave them "
        "out, merge rare levels, or choose another comparison group."
    )


def _refuse_certain(score: Floats, treated: Booleans) -> None:
    certain = (score <= 0) | (score >= 1) | ~np.isfinite(score)
    if certain.any():
        raise RefusalError(
            f"The classifier gives a probability of exactly 0 or 1 to {int(certain.sum())} of {len(treated)} persons: "
            "their log-odds are infinite. Regularise or calibrate it."
        )


def _log_likelihood(logit: Floats, treated: Booleans) -> float:
    return float(-np.logaddexp(0.0, np.where(treated, -logit, logit)).sum())
