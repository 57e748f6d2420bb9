"""Models of spending given covariates, fitted on controls: linear, two-part, gamma and Tweedie."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from ssinfer.errors import ConvergenceError, DataError
from ssinfer.kernels.optimise import minimise_convex
from ssinfer.typing import Floats

OutcomeModel = Literal["linear", "two-part", "gamma", "tweedie"]
type Loss = Callable[[Floats, Floats], tuple[Floats, Floats, Floats]]  # y, eta -> value, gradient, curvature

RIDGE = 1e-8  # per person, on standardised slopes: collinear columns and levels without spending have a solution
MAX_DECREMENT = 1e-12  # of the loss per person, expected of a further Newton step
MIN_LOG_MEAN = -20.0  # of a gamma model, relative to the mean


def fit_outcome(rate: Floats, X: Floats, weights: Floats, model: OutcomeModel = "linear") -> Callable[[Floats], Floats]:
    r"""Fit mean spending per insured-year given covariates on controls, and return the function that predicts it.

    ========  =====================================================================================
    linear    :math:`E[y|x] = x'\beta`, weighted least squares
    two-part  :math:`P(y>0|x) = \text{logit}^{-1}(x'\alpha)`, :math:`E[y|y>0,x] = \exp(x'\beta)` (gamma)
    gamma     :math:`E[y|x] = \exp(x'\beta)`, variance proportional to the squared mean; zeros are allowed
    tweedie   :math:`E[y|x] = \exp(x'\beta)`, variance proportional to the mean to the power 1.5
    ========  =====================================================================================

    With a log link no prediction lies outside the predictions for the controls: an exponential has no extrapolation.
    Manning and Mullahy (2001), doi:10.1016/S0167-6296(01)00086-8. `weights` (n,) are matching weights times
    insured-years; rows with weight 0 are not used. X (n, p) has an intercept column.
    """
    used = weights > 0
    y, Z, w = rate[used], X[used], weights[used] / weights[used].mean()
    if model == "linear":
        # Collinear columns give the solution of minimum norm.
        beta = np.linalg.pinv((Z * w[:, None]).T @ Z, hermitian=True) @ (Z.T @ (w * y))
        return lambda new: np.asarray(new @ beta)
    if (y < 0).any():
        raise DataError(
            f"outcome_model={model!r} has a log link, but {int((y < 0).sum())} persons have negative spending. Use "
            "'linear', or correct reversals in the claims first."
        )
    if not y.any():
        return lambda new: np.zeros(len(new))
    if model == "two-part":
        positive = y > 0
        share = _log_link(positive.astype(np.float64), Z, w, _binomial)
        amount = _log_link(y[positive], Z[positive], w[positive], _gamma)
        return lambda new: np.asarray(np.exp(amount(new)) / (1 + np.exp(-share(new))))
    # The gamma score, sum w x (y/mu - 1), is defined at y = 0 although the density is not.
    predictor = _log_link(y, Z, w, _gamma if model == "gamma" else _tweedie)
    return lambda new: np.asarray(np.exp(predictor(new)))


def _binomial(y: Floats, eta: Floats) -> tuple[Floats, Floats, Floats]:
    p = 1 / (1 + np.exp(-eta))
    return np.logaddexp(0, eta) - y * eta, p - y, p * (1 - p)


def _gamma(y: Floats, eta: Floats) -> tuple[Floats, Floats, Floats]:
    ratio = np.exp(np.log(y) - eta)  # zero at y = 0, however small the mean
    return ratio + eta, 1 - ratio, ratio


def _tweedie(y: Floats, eta: Floats) -> tuple[Floats, Floats, Floats]:
    above, below = np.exp(np.log(y) - eta / 2), np.exp(eta / 2)  # variance: the mean to the power 1.5
    return 2 * (above + below), below - above, (above + below) / 2


def _log_link(y: Floats, X: Floats, w: Floats, loss: Loss) -> Callable[[Floats], Floats]:
    """Minimise the weighted loss, which is convex, by damped Newton steps; return the linear predictor."""
    w = w / w.sum()
    unit = 1.0 if loss is _binomial else float(w @ y)
    with np.errstate(all="ignore"):  # a step that overflows is halved; the result is checked
        centre = w @ X[:, 1:]
        squares = w @ (X[:, 1:] - centre) ** 2
        scale = np.sqrt(squares)
        scale[scale <= 1e-12 * np.abs(centre)] = np.inf  # constant among these persons
        Z = np.column_stack([X[:, 0], (X[:, 1:] - centre) / scale])
        penalty = RIDGE * (np.arange(Z.shape[1]) > 0)

        def parts(beta: Floats) -> tuple[float, Floats, Floats]:
            losses, slope, curvature = loss(y / unit, Z @ beta)
            hessian = (Z * (w * curvature)[:, None]).T @ Z + RIDGE * np.eye(len(beta))
            return float(w @ losses + penalty @ beta**2 / 2), Z.T @ (w * slope) + penalty * beta, hessian

        beta, decrement = minimise_convex(parts, np.zeros(Z.shape[1]), MAX_DECREMENT / 100)
    fitted, shift = Z @ beta, np.log(unit)
    low, high = fitted.min(), fitted.max()
    # A gamma loss falls without end where all persons of a level spend 0.
    endless = loss is _gamma and low < MIN_LOG_MEAN
    if endless or not decrement <= MAX_DECREMENT or not np.isfinite([*squares, low, high]).all():
        raise ConvergenceError(
            f"The outcome model ({loss.__name__.removeprefix('_')}) did not converge on {len(y)} controls. Use fewer "
            "covariates, 'tweedie' if a level of a covariate has no spending, or outcome_model='linear'."
        )
    return lambda new: np.asarray(np.clip(beta[0] + (new[:, 1:] - centre) / scale @ beta[1:], low, high) + shift)
