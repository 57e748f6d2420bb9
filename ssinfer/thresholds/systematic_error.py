"""Systematic error of a design, learned from estimates whose true value is zero, and taken out of another estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from ssinfer.errors import ConvergenceError, RefusalError
from ssinfer.level import check_level

if TYPE_CHECKING:
    from ssinfer.typing import Floats


_FEWEST = 5


@dataclass(frozen=True)
class CalibratedEstimate:
    r"""An estimate with the systematic error removed.

    Attributes
    ----------
    estimate, lower, upper : float
    standard_error : float
        :math:`\sqrt{s^2 + \sigma^2}`.
    p_value : float
        Two-sided, of a true value of zero.
    """

    estimate: float
    lower: float
    upper: float
    standard_error: float
    p_value: float


@dataclass(frozen=True)
class SystematicError:
    r"""Law of the systematic error: normal with mean `mean` and standard deviation `sd`.

    Attributes
    ----------
    mean, sd : float
        In units of the estimates.
    n : int
        Number of estimates it was learned from.
    """

    mean: float
    sd: float
    n: int

    def calibrate(self, estimate: float, standard_error: float, level: float = 0.95) -> CalibratedEstimate:
        """Return another estimate less the systematic error, with the interval it then deserves.

        The estimate must not be among those from which the error was learned.
        """
        if not standard_error > 0:
            raise RefusalError(f"standard_error is {standard_error!r}; a positive number is needed.")
        centre = estimate - self.mean
        se = float(np.hypot(standard_error, self.sd))
        reach = float(stats.norm.ppf((1 + check_level(level)) / 2)) * se
        return CalibratedEstimate(
            float(centre), float(centre - reach), float(centre + reach), se, float(2 * stats.norm.sf(abs(centre) / se))
        )


def calibrate_systematic_error(estimates: Floats, standard_errors: Floats) -> SystematicError:
    r"""Fit the systematic error by maximum likelihood.

    .. math:: y_i \sim N(\mu, \sigma^2 + s_i^2)

    for negative controls or placebos, whose true value is zero: what is left of them beyond their standard errors is
    the design's. Estimates are taken as independent; placebos that share donors or shocks are not, and then :math:`\mu`
    is less certain than it looks.

    Parameters
    ----------
    estimates : (n,)
        Estimates of a true zero.
    standard_errors : (n,)
        Positive.

    Returns
    -------
    SystematicError

    Raises
    ------
    RefusalError
        Fewer than five estimates, or a value that is not finite or not positive.
    ConvergenceError
        The likelihood equations were not solved.

    References
    ----------
    Schuemie, M. J. et al. (2014). Interpreting observational studies: why empirical calibration is needed to correct
    p-values. Statistics in Medicine 33, 209-218. doi:10.1002/sim.5925

    Schuemie, M. J. et al. (2018). Empirical confidence interval calibration for population-level effect estimation
    studies. PNAS 115, 2571-2577. doi:10.1073/pnas.1708282114

    Examples
    --------
    >>> error = calibrate_systematic_error(np.array([0.1, 0.3, 0.2, 0.5, -0.1]), np.full(5, 0.1))
    >>> round(error.mean, 4), round(error.sd, 4)
    (0.2, 0.1732)
    >>> round(error.calibrate(0.2, 0.1).p_value, 4)
    1.0
    """
    y, s = np.asarray(estimates, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise RefusalError(f"estimates has shape {y.shape}, standard_errors {s.shape}; two vectors of one length.")
    if len(y) < _FEWEST:
        raise RefusalError(f"{len(y)} estimates of a true zero; at least {_FEWEST} are needed to learn two parameters.")
    if not (np.isfinite(y).all() and (np.isfinite(s) & (s > 0)).all()):
        raise RefusalError("An estimate is not finite, or a standard error not positive. Leave it out and say why.")

    def location(variance: float) -> float:
        weights = 1 / (variance + s**2)
        return float(weights @ y / weights.sum())

    def score(variance: float) -> float:
        """Return the derivative of the profile log-likelihood in the variance, times two."""
        weights = 1 / (variance + s**2)
        return float((weights**2 * (y - location(variance)) ** 2 - weights).sum())

    def minus_likelihood(variance: float) -> float:
        total = variance + s**2
        return float(0.5 * (np.log(total) + (y - location(variance)) ** 2 / total).sum())

    # The profile may have several stationary points: look on a grid first, then solve next to the best.
    top = float(np.ptp(y)) ** 2 + float(s.max()) ** 2
    grid = np.concatenate([[0.0], top * np.geomspace(1e-10, 1.0, 400)])
    best = int(np.argmin([minus_likelihood(float(value)) for value in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    if best == 0 and score(0.0) <= 0:
        variance = 0.0
    elif score(low) > 0 > score(high):
        variance = float(optimize.brentq(score, low, high, xtol=1e-16, rtol=1e-14))
    else:
        raise ConvergenceError("The variance of the systematic error has no interior maximum. Check the estimates.")
    return SystematicError(location(variance), variance**0.5, len(y))
