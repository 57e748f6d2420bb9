"""Predictive distribution of placebo errors: a mean and three sources of variance, fitted by quasi-likelihood.

    y_i ~ (mu, v_i),    v_i = c^2 s_i^2 + tau^2 r_i + omega^2

y_i is a placebo's savings rate, s_i the standard error of its fit, and r_i the typical size over its size. mu is the
systematic error, and c rescales the standard errors. tau is excess error that shrinks with size, omega excess error
that does not. The quasi-likelihood treats rows of one unit or one origin as independent, which keeps v consistent; the
variance of mu is clustered.
"""

from dataclasses import dataclass

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.kernels.variance_components import fit_variance, variance_function
from ssinfer.typing import Floats, Positions

MAX_STEPS = 50  # alternations between the mean and the variances
MEAN_TOLERANCE = 1e-14  # squared step of the mean over its variance per observation, at which the search ends


@dataclass(frozen=True, eq=False)
class PredictiveErrorDistribution:
    """Mean, variance per source (c^2, tau^2, omega^2), and the clustered variance of the mean."""

    mean: float
    theta: Floats
    mean_variance: float

    def predictive_sd(self, s: Floats, relative: Floats) -> Floats:
        """Return the predictive SD of a new unit's error (R,)."""
        # the variance of the mean enters twice: residuals about an estimated mean are too small by that variance, and
        # the new error deviates from the estimated mean by the same variance again
        return np.asarray(np.sqrt(variance_sources(s, relative) @ self.theta + 2.0 * self.mean_variance))


def variance_sources(s: Floats, relative: Floats) -> Floats:
    """Return the sources of variance (R, 3); an unknown standard error counts as zero."""
    return np.column_stack([np.where(np.isfinite(s), s, 0.0) ** 2, relative, np.ones(len(relative))])


def fit_error_distribution(y: Floats, s: Floats, relative: Floats, clusters: Positions) -> PredictiveErrorDistribution:
    """Fit the distribution to savings rates y (R,), their standard errors s (NaN: none), `relative` and `clusters`."""
    mean = float(y.mean())
    start = PredictiveErrorDistribution(mean, variance_function(y - mean, variance_sources(s, relative)), 0.0)
    return refit_error_distributions(y, s, relative, clusters, np.ones((1, len(y))), start, drawn=False)[0]


def refit_error_distributions(
    y: Floats,
    s: Floats,
    relative: Floats,
    clusters: Positions,
    weights: Floats,
    start: PredictiveErrorDistribution,
    *,
    drawn: bool,
) -> list[PredictiveErrorDistribution]:
    """Fit again by `weights` (K, R) of rows in replicates; if `drawn`, a cluster that is drawn twice counts as two."""
    # y is copied because columns of frames are read-only: the kernel is then compiled for one kind of array only
    fits = _fit(np.array(y), variance_sources(s, relative), clusters, weights, start.mean, start.theta, drawn)
    return [
        PredictiveErrorDistribution(float(mean), theta, float(variance))
        for mean, theta, variance in zip(*fits, strict=True)
    ]


@compiled
def _fit(
    y: Floats, columns: Floats, clusters: Positions, weights: Floats, mean: float, start: Floats, drawn: bool
) -> tuple[Floats, Floats, Floats]:
    """Return means (K,), thetas (K, 3) and variances of the mean (K,)."""
    n_replicates, n_rows = weights.shape
    n_sources = columns.shape[1]
    n_clusters = clusters.max() + 1
    means, thetas, variances = np.empty(n_replicates), np.empty((n_replicates, n_sources)), np.empty(n_replicates)
    theta, square, scale = np.empty(n_sources), np.empty(n_rows), np.empty(n_rows)
    scores, multiplicity = np.empty(n_clusters), np.empty(n_clusters)
    for k in range(n_replicates):
        mass = weights[k]
        theta[:] = start
        centre = mean
        total = 0.0
        for _ in range(MAX_STEPS):
            before = centre
            square[:] = (y - centre) * (y - centre)
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
            if not total > 0.0:  # a replicate without rows
                centre = np.nan
                break
            centre = first / total
            if (centre - before) ** 2 * total <= MEAN_TOLERANCE * count:
                break
        scores[:] = 0.0
        multiplicity[:] = 0.0
        for row in range(n_rows):
            scores[clusters[row]] += mass[row] * scale[row] / max(total, 1e-300) * (y[row] - centre)
            if mass[row] > 0.0:
                multiplicity[clusters[row]] = mass[row] if drawn else 1.0
        count, squares = 0.0, 0.0
        for cluster in range(n_clusters):
            count += multiplicity[cluster]
            if multiplicity[cluster] > 0.0:
                squares += scores[cluster] ** 2 / multiplicity[cluster]
        means[k] = centre
        thetas[k] = theta
        variances[k] = squares * count / max(count - 1.0, 1.0)
    return means, thetas, variances
