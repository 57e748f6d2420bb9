"""Weights as the alternative to matched sets: ATT, ATE, overlap, entropy balancing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.benchmarks.matched.kernels.entropy_balancing import entropy_balance
from ssinfer.errors import DesignError, RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.typing import Booleans, Floats


Weighting = Literal["att", "ate", "overlap"]
# Columns are standardised, so this is an imbalance of a millionth of a standard deviation.
_BALANCED = 1e-6


def propensity_weights(score: Floats, treated: Booleans, estimand: Weighting = "att") -> Floats:
    r"""Return weights of persons from the propensity score e.

    ========  =======================  ===========================
    estimand  treated                  control
    ========  =======================  ===========================
    att       1                        :math:`e / (1 - e)`
    ate       :math:`1 / e`            :math:`1 / (1 - e)`
    overlap   :math:`1 - e`            :math:`e`
    ========  =======================  ===========================

    Parameters
    ----------
    score : (n,) in (0, 1)
    treated : (n,) bool
    estimand : "att", "ate" or "overlap"
        "overlap" answers for the persons in clinical equipoise, not for the treated: state it when reporting.

    Returns
    -------
    array (n,)
        Not normalised; use ratio (Hájek) means.

    References
    ----------
    Li, F., Morgan, K. L. and Zaslavsky, A. M. (2018). Balancing covariates via propensity score weighting. Journal of
    the American Statistical Association 113, 390-400. doi:10.1080/01621459.2016.1260466

    Examples
    --------
    >>> propensity_weights(np.array([0.5, 0.2]), np.array([True, False])).tolist()
    [1.0, 0.25]
    """
    if estimand == "att":
        return np.asarray(np.where(treated, 1.0, score / (1 - score)))
    if estimand == "ate":
        return np.asarray(np.where(treated, 1 / score, 1 / (1 - score)))
    if estimand == "overlap":
        return np.asarray(np.where(treated, 1 - score, score))
    raise DesignError(f"estimand is {estimand!r}; allowed: 'att', 'ate', 'overlap'.")


def entropy_weights(covariates: Mapping[str, Floats], treated: Booleans) -> Floats:
    """Return weights that give controls exactly the treated persons' covariate means (ATT).

    Parameters
    ----------
    covariates : mapping of str to array (n,)
    treated : (n,) bool

    Returns
    -------
    array (n,)
        1 for the treated; controls' weights add up to the number of treated.

    Raises
    ------
    RefusalError
        The treated means lie outside what controls can reach by weighting.

    References
    ----------
    Hainmueller, J. (2012). Political Analysis 20, 25-46. doi:10.1093/pan/mpr025

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 0.0, 1.0, 3.0])
    >>> treated = np.array([True, True, False, False, False])
    >>> weights = entropy_weights({"x": x}, treated)
    >>> round(float(weights[2:] @ x[2:] / weights[2:].sum()), 6)
    1.5
    """
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in covariates.items()}
    names = [name for name, values in columns.items() if values.min() < values.max()]
    matrix = np.column_stack([columns[name] for name in names])
    outside = matrix[~treated]
    scale = np.where(outside.std(axis=0) > 0, outside.std(axis=0), 1.0)
    target = matrix[treated].mean(axis=0)
    inside, gap = entropy_balance((outside - target) / scale, np.zeros(len(names)))
    if not gap <= _BALANCED:
        far = np.abs(inside @ outside - target) / scale
        raise RefusalError(
            f"No weights of the {len(outside)} controls reach the treated means: {names[int(far.argmax())]!r} stays "
            f"{far.max():.3g} standard deviations away. Leave it out, or choose a comparison group that overlaps."
        )
    weights = np.ones(len(treated))
    weights[~treated] = inside * treated.sum()
    return weights
