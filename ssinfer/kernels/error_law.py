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
    """Fit the law again to bootstrap replicates, from near the law of the whole and to four digits.

    Parameters
    ----------
    y, s, relative, clusters : (R,) as of :func:`fit_error_law`
    weights : (K, R) how often each row is drawn
    law : of the rows themselves
    drawn : bool
        Whether the clusters are what the bootstrap draws (blocks): a cluster drawn twice is two.
    """
    columns = sources(s, relative)
    spread = float(((y - law.mean) ** 2).mean())
    level = columns.mean(axis=0)
    even = np.where(level > 0, spread / np.where(level > 0, level, 1.0) / 3.0, 0.0)
    start = 0.9 * law.theta + 0.1 * even  # off the boundary, which multiplicative steps never leave
    means, thetas, variances = _refit(y, columns, clusters, weights, law.mean, start, drawn)
    return [ErrorLaw(float(m), t, float(v)) for m, t, v in zip(means, thetas, variances, strict=True)]


@compiled
def _refit(
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
    n_clusters, floor = 0, 1e-300
    for row in range(n_rows):
        n_clusters = max(n_clusters, clusters[row] + 1)
        floor += 1e-12 * (y[row] - mean) ** 2 / n_rows
    means, thetas, variances = np.empty(n_replicates), np.empty((n_replicates, n_sources)), np.empty(n_replicates)
    up, down, theta, scale = np.empty(n_sources), np.empty(n_sources), np.empty(n_sources), np.empty(n_rows)
    scores, multiplicity = np.empty(n_clusters), np.empty(n_clusters)
    for k in range(n_replicates):
        mass = weights[k]
        drawn_rows = 0.0
        for row in range(n_rows):
            drawn_rows += mass[row]
        for c in range(n_sources):
            theta[c] = start[c]
        centre = mean
        for step in range(STEPS):
            for _ in range(60 if step == 0 else 20):
                up[:] = 0.0
                down[:] = 0.0
                for row in range(n_rows):
                    if mass[row] == 0.0:
                        continue
                    v = 0.0
                    for c in range(n_sources):
                        v += columns[row, c] * theta[c]
                    v = max(v, floor)
                    ratio = (y[row] - centre) ** 2 / (v * v)
                    for c in range(n_sources):
                        up[c] += mass[row] * columns[row, c] * ratio
                        down[c] += mass[row] * columns[row, c] / v
                change = 0.0
                for c in range(n_sources):
                    if theta[c] > 0.0 and down[c] > 0.0:
                        factor = np.sqrt(up[c] / down[c])
                        change = max(change, abs(factor - 1.0) * theta[c] * down[c])
                        theta[c] *= factor
                if change < 1e-4 * drawn_rows:
                    break
            total, first = 0.0, 0.0
            for row in range(n_rows):
                v = 0.0
                for c in range(n_sources):
                    v += columns[row, c] * theta[c]
                scale[row] = 1.0 / max(v, floor)
                total += mass[row] * scale[row]
                first += mass[row] * scale[row] * y[row]
            centre = first / total
        scores[:] = 0.0
        multiplicity[:] = 0.0
        for row in range(n_rows):
            scores[clusters[row]] += mass[row] * scale[row] / total * (y[row] - centre)
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
