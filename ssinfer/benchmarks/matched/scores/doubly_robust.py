"""Regression adjustment, inverse probability weighting, and both: with the nuisance estimates' error counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from ssinfer.benchmarks.matched.scores.effect import Effect
from ssinfer.errors import ConvergenceError, DesignError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.typing import Booleans, Floats


Adjustment = Literal["ra", "ipw", "aipw"]
Estimand = Literal["ATE", "ATT"]
Link = Literal["logit", "probit"]


@dataclass(frozen=True, eq=False)
class _ScoreModel:
    """Fitted probability e, its derivative g in the linear predictor, the design, and influence of the coefficients."""

    probability: Floats
    slope: Floats
    design: Floats
    influence: Floats  # (n, p)


def treatment_effect(
    outcome: Floats,
    treated: Booleans,
    *,
    outcome_covariates: Mapping[str, Floats] | None = None,
    score_covariates: Mapping[str, Floats] | None = None,
    adjustment: Adjustment = "aipw",
    estimand: Estimand = "ATT",
    link: Link = "logit",
) -> Effect:
    r"""Return a treatment effect with the standard error of the stacked estimating equations.

    With outcome regressions :math:`m_1, m_0` (least squares per group), score e, and :math:`h = e/(1-e)`:

    ====  ==========================================================  =============================================
    ..    ATE                                                         ATT
    ====  ==========================================================  =============================================
    ra    mean of :math:`m_1 - m_0`                                   the same over the treated
    ipw   Hájek means under :math:`1/e` and :math:`1/(1-e)`           mean of the treated less Hájek mean under h
    aipw  mean of :math:`m_1 - m_0 + T(y-m_1)/e - (1-T)(y-m_0)/(1-e)`  :math:`\frac1{n_t}\sum [T - (1-T) h] (y-m_0)`
    ====  ==========================================================  =============================================

    The standard error is the empirical SD of the influence function over :math:`\sqrt n`, in which the coefficients
    of both models have their part (Stata's ``teffects`` convention). Scores are never clipped.

    Parameters
    ----------
    outcome : (n,)
    treated : (n,) bool
    outcome_covariates, score_covariates : mapping of str to array (n,)
        Of the outcome regressions ("ra", "aipw") and of the propensity score ("ipw", "aipw"), intercepts added.
    adjustment : "ra", "ipw" or "aipw"
        "aipw" is consistent if either model is right.
    estimand : "ATE" or "ATT"
    link : "logit" or "probit"

    Returns
    -------
    Effect

    References
    ----------
    Robins, J. M., Rotnitzky, A. and Zhao, L. P. (1994). Journal of the American Statistical Association 89, 846-866.
    doi:10.1080/01621459.1994.10476818

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 3.0])
    >>> treated = np.array([True, True, True, False, False, False, False])
    >>> y = 2.0 * x + 5.0 * treated
    >>> effect = treatment_effect(y, treated, outcome_covariates={"x": x}, score_covariates={"x": x})
    >>> round(effect.estimate, 6), round(effect.standard_error, 6)
    (5.0, 0.0)
    """
    if adjustment not in ("ra", "ipw", "aipw"):
        raise DesignError(f"adjustment is {adjustment!r}; allowed: 'ra', 'ipw', 'aipw'.")
    if estimand not in ("ATE", "ATT"):
        raise DesignError(f"estimand is {estimand!r}; allowed: 'ATE', 'ATT'.")
    y, t = np.asarray(outcome, dtype=np.float64), np.asarray(treated, dtype=bool)
    n, T = len(y), t.astype(np.float64)
    on = T if estimand == "ATT" else np.ones(n)  # whose mean is taken
    share = float(on.mean())
    X = _with_intercept(outcome_covariates, n) if adjustment != "ipw" else np.ones((n, 1))
    m1, influence1 = _regression(y, X, t)
    m0, influence0 = _regression(y, X, ~t)
    if adjustment == "ra":
        estimate = float((on * (m1 - m0)).mean() / share)
        phi = on * (m1 - m0 - estimate) / share
        phi += (influence1 - influence0) @ ((on[:, None] * X).mean(axis=0) / share)
        return _effect(estimate, phi, estimand, "regression adjustment")
    model = _score(_with_intercept(score_covariates, n), T, link)
    e, g, Z = model.probability, model.slope, model.design
    if adjustment == "ipw":
        if estimand == "ATE":
            mu1, phi1 = _hajek(y, T / e, -T * g / e**2, model)
            mu0, phi0 = _hajek(y, (1 - T) / (1 - e), (1 - T) * g / (1 - e) ** 2, model)
        else:
            mu1, phi1 = _hajek(y, T, np.zeros(n), model)
            mu0, phi0 = _hajek(y, (1 - T) * e / (1 - e), (1 - T) * g / (1 - e) ** 2, model)
        return _effect(mu1 - mu0, phi1 - phi0, estimand, f"inverse probability weighting, {link}")
    if estimand == "ATE":
        values = m1 - m0 + T * (y - m1) / e - (1 - T) * (y - m0) / (1 - e)
        estimate = float(values.mean())
        phi = values - estimate
        phi += influence1 @ ((1 - T / e) @ X / n) - influence0 @ ((1 - (1 - T) / (1 - e)) @ X / n)
        by_score = -T * (y - m1) * g / e**2 - (1 - T) * (y - m0) * g / (1 - e) ** 2
        phi += model.influence @ (by_score @ Z / n)
    else:
        h = (1 - T) * e / (1 - e)
        values = (T - h) * (y - m0) / share
        estimate = float(values.mean())
        phi = values - estimate * T / share
        phi += influence0 @ (-(T - h) @ X / n / share)
        phi += model.influence @ (-((1 - T) * (y - m0) * g / (1 - e) ** 2) @ Z / n / share)
    return _effect(estimate, phi, estimand, f"augmented inverse probability weighting, {link}")


def _effect(estimate: float, phi: Floats, estimand: str, method: str) -> Effect:
    return Effect(estimate, float(np.sqrt((phi**2).sum())) / len(phi), estimand, method)


def _with_intercept(covariates: Mapping[str, Floats] | None, n: int) -> Floats:
    columns = [np.asarray(values, dtype=np.float64) for values in (covariates or {}).values()]
    return np.column_stack([np.ones(n), *columns])


def _regression(y: Floats, X: Floats, group: Booleans) -> tuple[Floats, Floats]:
    """Return fitted values for everybody and the influence of the coefficients (n, p)."""
    inverse = np.linalg.pinv(X[group].T @ X[group], hermitian=True)
    fitted = X @ (inverse @ (X[group].T @ y[group]))
    residual = np.where(group, y - fitted, 0.0)
    return fitted, len(y) * (X * residual[:, None]) @ inverse


def _hajek(y: Floats, w: Floats, dw: Floats, model: _ScoreModel) -> tuple[float, Floats]:
    """Return a ratio mean and its influence; dw is the derivative of w in the linear predictor of the score."""
    mean = float((w @ y) / w.sum())
    phi = w * (y - mean) / w.mean()
    return mean, phi + model.influence @ ((dw * (y - mean)) @ model.design / len(y) / w.mean())


def _score(Z: Floats, T: Floats, link: Link) -> _ScoreModel:
    """Fit the score by Newton steps on the log-likelihood; its influence uses the observed information."""
    if link not in ("logit", "probit"):
        raise DesignError(f"link is {link!r}; allowed: 'logit', 'probit'.")
    scale = np.abs(Z).max(axis=0)
    Z = Z / np.where(scale > 0, scale, 1.0)  # the effect does not depend on the covariates' units; Newton does
    gamma = np.zeros(Z.shape[1])
    for _ in range(100):
        eta = Z @ gamma
        if link == "logit":
            e = 1 / (1 + np.exp(-eta))
            g = e * (1 - e)
            first, second = T - e, -g
        else:
            e, g = stats.norm.cdf(eta), stats.norm.pdf(eta)
            first = np.where(T == 1, g / e, -g / (1 - e))
            second = np.where(T == 1, -eta * g / e - (g / e) ** 2, eta * g / (1 - e) - (g / (1 - e)) ** 2)
        inverse = np.linalg.pinv(-(Z * second[:, None]).T @ Z, hermitian=True)
        step = inverse @ (Z.T @ first)
        if not np.isfinite(step).all() or np.abs(eta).max() > 30:
            break
        if np.abs(step).max() < 1e-11:
            return _ScoreModel(e, g, Z, len(T) * (Z * first[:, None]) @ inverse)
        gamma = gamma + step
    raise ConvergenceError(
        f"The {link} score did not converge: the covariates separate the groups, or nearly so. "
        "See ssinfer.benchmarks.matched.scores.propensity.propensity_scores, which names the covariate."
    )
