"""The marginal law of placebo errors as a mean and three sources of variance, by quasi-likelihood.

    y_i ~ (mu, v_i),    v_i = c^2 s_i^2 + tau^2 r_i + omega^2

s_i a fit's own standard error, r_i its relative sampling variance (typical size over own size), mu the systematic
error; c rescales what the draws carry, tau is excess error that shrinks with size, omega excess that does not
(persistent errors of units, errors common to an origin). Rows of a unit or an origin depend on one another: the
quasi-likelihood is that of the margins, which stays consistent for v, and the variance of mu is clustered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.placebo_law import variance_function

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEPS = 4


@dataclass(frozen=True, eq=False)
class ErrorLaw:
    """Mean, variances per source (c^2, tau^2, omega^2), and the clustered variance of the mean."""

    mean: float
    theta: Floats
    mean_variance: float

    def spread(self, s: Floats, relative: Floats) -> Floats:
        """Return the predictive SD of a new unit's error (R,).

        Residuals about a mean that was learned from the same clusters are too small by that mean's variance, and the
        new error strays from it by as much again: hence twice the variance of the mean.
        """
        return np.asarray(np.sqrt(sources(s, relative) @ self.theta + 2.0 * self.mean_variance))


def sources(s: Floats, relative: Floats) -> Floats:
    """Return the sources of variance (R, 3); a standard error that is not known is no source."""
    return np.column_stack([np.where(np.isfinite(s), s, 0.0) ** 2, relative, np.ones(len(relative))])


def fit_error_law(y: Floats, s: Floats, relative: Floats, clusters: NDArray[np.intp]) -> ErrorLaw:
    """Fit the law.

    Parameters
    ----------
    y : (R,) placebo savings rates
    s : (R,) their own standard errors, NaN where there are none
    relative : (R,) typical size over own size
    clusters : (R,) numbers from 0 of what the mean's variance is clustered by
    """
    columns = sources(s, relative)
    mean = float(y.mean())
    theta = np.zeros(columns.shape[1])
    weight = np.full(len(y), 1.0 / len(y))
    for _ in range(STEPS):
        theta = variance_function(y - mean, columns)
        variance = columns @ theta
        floor = 1e-12 * max(float(variance.max()), 1e-300)
        weight = 1.0 / np.maximum(variance, floor)
        weight /= weight.sum()
        mean = float(weight @ y)
    scores = np.bincount(clusters, weights=weight * (y - mean))
    count = len(scores)
    mean_variance = float((scores**2).sum()) * count / max(count - 1, 1)
    return ErrorLaw(mean, theta, mean_variance)
