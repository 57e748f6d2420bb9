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

from ssinfer.kernels.compile import compiled
from ssinfer.kernels.variance_components import fit_variance, variance_function

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats


STEPS = 50  # at most, between the mean and the sources
STILL = 1e-14  # squared move of the mean over its variance per observation, below which the law stands


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
    start = ErrorLaw(mean, variance_function(y - mean, columns), 0.0)
    (law,) = _laws(y, columns, clusters, np.ones((1, len(y))), start, drawn=False)
    return law


def refit_error_law(
    y: Floats,
    s: Floats,
    relative: Floats,
    clusters: NDArray[np.intp],
    weights: Floats,
    law: ErrorLaw,
    *,
    drawn: bool,
) -> list[ErrorLaw]:
    """Fit the law again to bootstrap replicates, from the law of the whole.

    Parameters
    ----------
    y, s, relative, clusters : (R,) as of :func:`fit_error_law`
    weights : (K, R) how often each row is drawn
    law : of the rows themselves
    drawn : bool
        Whether the clusters are what the bootstrap draws (blocks): a cluster drawn twice is two.
    """
    return _laws(y, sources(s, relative), clusters, weights, law, drawn=drawn)


def _laws(
    y: Floats, columns: Floats, clusters: NDArray[np.intp], weights: Floats, start: ErrorLaw, *, drawn: bool
) -> list[ErrorLaw]:
    # A copy of y, so that the kernel meets one kind of array (columns of frames are read-only) and is compiled once.
    found = _fit(np.array(y), columns, clusters, weights, start.mean, start.theta, drawn)
    return [ErrorLaw(float(mean), theta, float(variance)) for mean, theta, variance in zip(*found, strict=True)]


@compiled
def _fit(
    y: Floats,
    columns: Floats,
    clusters: NDArray[np.intp],
    weights: Floats,
    mean: float,
    start: Floats,
    drawn: bool,
) -> tuple[Floats, Floats, Floats]:
    """Return means (K,), thetas (K, 3) and variances of the mean (K,)."""
    n_replicates, n_rows = weights.shape
    n_sources = columns.shape[1]
    n_clusters = 0
    for row in range(n_rows):
        n_clusters = max(n_clusters, clusters[row] + 1)
    means, thetas, variances = np.empty(n_replicates), np.empty((n_replicates, n_sources)), np.empty(n_replicates)
    theta, square, scale = np.empty(n_sources), np.empty(n_rows), np.empty(n_rows)
    scores, multiplicity = np.empty(n_clusters), np.empty(n_clusters)
    for k in range(n_replicates):
        mass = weights[k]
        for c in range(n_sources):
            theta[c] = start[c]
        centre = mean
        total = 0.0
        for _ in range(STEPS):
            before = centre
            for row in range(n_rows):
                square[row] = (y[row] - centre) ** 2
            fit_variance(square, columns, mass, theta)
            largest = 1e-300
            for row in range(n_rows):
                scale[row] = 0.0
                for c in range(n_sources):
                    scale[row] += columns[row, c] * theta[c]
                largest = max(largest, scale[row])
            total, first, count = 0.0, 0.0, 0.0
            for row in range(n_rows):
                scale[row] = 1.0 / max(scale[row], 1e-12 * largest, 1e-300)
                count += mass[row]
                total += mass[row] * scale[row]
                first += mass[row] * scale[row] * y[row]
            if not total > 0.0:  # a replicate that drew nothing
                centre = np.nan
                break
            centre = first / total
            if (centre - before) ** 2 * total <= STILL * count:
                break
        scores[:] = 0.0
        multiplicity[:] = 0.0
        for row in range(n_rows):
            scores[clusters[row]] += mass[row] * scale[row] / max(total, 1e-300) * (y[row] - centre)
            if mass[row] > 0.0:
                multiplicity[clusters[row]] = mass[row] if drawn else 1.0
        count, squares = 0.0, 0.0
        for one in range(n_clusters):
            count += multiplicity[one]
            if multiplicity[one] > 0.0:
                squares += scores[one] ** 2 / multiplicity[one]
        means[k] = centre
        for c in range(n_sources):
            thetas[k, c] = theta[c]
        variances[k] = squares * count / max(count - 1.0, 1.0)
    return means, thetas, variances
