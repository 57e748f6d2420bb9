"""Standardised mean difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.benchmarks.matched.balance.variance_ratio import is_indicator
from ssinfer.errors import DesignError

if TYPE_CHECKING:
    from ssinfer.typing import Booleans, Floats


Denominator = Literal["treated", "pooled", "control"]


def standardised_mean_difference(
    x: Floats, treated: Booleans, weights: Floats | None = None, *, denominator: Denominator = "treated"
) -> float:
    r"""Return the difference of weighted means over a standard deviation *before* adjustment.

    .. math:: \frac{\bar x_t - \bar x_c}{s}

    Parameters
    ----------
    x : (n,)
        A covariate; indicators are standardised like the others, by :math:`\sqrt{p (1 - p)}`.
    treated : (n,) bool
    weights : (n,), optional
        Equal by default.
    denominator : "treated", "pooled" or "control"
        s is the unadjusted standard deviation (n - 1; n for an indicator) of the treated (ATT), of the controls, or
        :math:`\sqrt{(s_t^2 + s_c^2)/2}`. The three differ: name it wherever the number is shown.

    Returns
    -------
    float
        0 where the means agree; infinite where they differ and s is 0.

    References
    ----------
    Austin, P. C. (2009). Balance diagnostics for comparing the distribution of baseline covariates between treatment
    groups in propensity-score matched samples. Statistics in Medicine 28, 3083-3107. doi:10.1002/sim.3697

    Examples
    --------
    >>> standardised_mean_difference(np.array([1.0, 3.0, 0.0, 1.0]), np.array([True, True, False, False]))
    1.0606601717798212
    """
    w = np.ones(len(x)) if weights is None else weights
    inside, outside = x[treated], x[~treated]
    freedom = 0 if is_indicator(x) else 1
    variances = {"treated": inside.var(ddof=freedom), "control": outside.var(ddof=freedom)}
    variances["pooled"] = (variances["treated"] + variances["control"]) / 2
    if denominator not in variances:
        raise DesignError(f"denominator is {denominator!r}; allowed: 'treated', 'pooled', 'control'.")
    difference = float(np.average(inside, weights=w[treated]) - np.average(outside, weights=w[~treated]))
    sd = float(np.sqrt(variances[denominator]))
    if sd > 0:
        return difference / sd
    return 0.0 if abs(difference) < 1e-12 * (1 + float(np.abs(x).max())) else float(np.copysign(np.inf, difference))
