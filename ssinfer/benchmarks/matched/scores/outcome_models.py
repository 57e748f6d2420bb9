"""Models of spending given covariates, fitted on controls: linear, two-part, gamma and Tweedie."""

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ssinfer.errors import ConvergenceError, DataError
from ssinfer.typing import Floats

OutcomeModel = Literal["linear", "two-part", "gamma", "tweedie"]
TWEEDIE_POWER = 1.5


def fit_outcome(rate: Floats, X: Floats, weights: Floats, model: OutcomeModel = "linear") -> Callable[[Floats], Floats]:
    r"""Fit mean spending per insured-year given covariates on controls, and return the function that predicts it.

    ========  =====================================================================================
    linear    :math:`E[y|x] = x'\beta`, weighted least squares
    two-part  :math:`P(y>0|x) = \text{logit}^{-1}(x'\alpha)`, :math:`E[y|y>0,x] = \exp(x'\beta)` (gamma)
    gamma     :math:`E[y|x] = \exp(x'\beta)`, variance proportional to the squared mean; zeros are allowed
    tweedie   :math:`E[y|x] = \exp(x'\beta)`, variance proportional to the mean to the power 1.5
    ========  =====================================================================================

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
    from statsmodels.genmod import families  # noqa: PLC0415  (statsmodels takes a second to import)

    gamma = families.Gamma(families.links.Log())
    if model == "two-part":
        positive = y > 0
        share = None if positive.all() else _glm(positive.astype(np.float64), Z, w, families.Binomial())
        amount = _glm(y[positive], Z[positive], w[positive], gamma)

        def predict(new: Floats) -> Floats:
            mean = np.exp(new @ amount)
            return np.asarray(mean if share is None else mean / (1 + np.exp(-(new @ share))))

        return predict
    # The gamma score with a log link, sum w x (y/mu - 1), is defined at y = 0 although the density is not.
    beta = _glm(y, Z, w, gamma if model == "gamma" else families.Tweedie(gamma.link, var_power=TWEEDIE_POWER))
    return lambda new: np.asarray(np.exp(new @ beta))


def _glm(y: Floats, X: Floats, w: Floats, family: Any) -> Floats:
    """Return coefficients (p,) that solve the weighted likelihood equations, by Fisher scoring on scaled columns."""
    from statsmodels.genmod.generalized_linear_model import GLM  # noqa: PLC0415

    scale = np.abs(X).max(axis=0)
    scale[scale == 0] = 1.0
    start = np.zeros(X.shape[1])
    mean = float(np.average(y, weights=w))
    start[0] = float(family.link(np.array([mean]))[0]) * scale[0]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # convergence is checked below
        result = GLM(y, X / scale, family=family, var_weights=w).fit(
            start_params=start, tol=1e-10, tol_criterion="params", maxiter=200
        )
    beta = np.asarray(result.params, dtype=np.float64)
    if not result.converged or not np.isfinite(beta).all():
        raise ConvergenceError(
            f"The outcome model ({type(family).__name__}) did not converge on {len(y)} controls. Use fewer covariates, "
            "or outcome_model='linear'."
        )
    return np.asarray(beta / scale)
