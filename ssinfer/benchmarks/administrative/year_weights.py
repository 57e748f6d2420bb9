"""Weights of the baseline periods with the least sampling variance, from the persons' own correlation over periods."""

import numpy as np
from scipy.linalg import toeplitz
from scipy.optimize import nnls

from ssinfer.benchmarks.problem import Problem
from ssinfer.errors import PanelError
from ssinfer.typing import Floats, Integers


def correlation_weights(problem: Problem) -> Floats:
    r"""Return the non-negative weights (B,) that minimise :math:`w'Rw - 2 w'r` and sum to one.

    R is the correlation of a unit's sampling errors between baseline periods, r with the mean of the performance
    periods. Both are taken from `person_correlation` by their distance in time, as means over the pairs of unmasked
    periods before the first performance period. So no performance cell enters, neither of the contract nor of others.
    """
    panel, baseline, performance = problem.panel, problem.baseline, problem.performance_columns
    if panel.person_correlation is None:
        raise PanelError(
            "year_weights is 'correlation', but the panel has no person_correlation. Fit a Cohort, take the panel of "
            "Cohort.to_panel(outside=treated, before=start) or of a study on claims, or give 'equal' or numbers."
        )
    masked = [panel.timeline.column(label) for label in problem.design.masked]
    known = np.setdiff1d(np.arange(performance[0]), [column for column in masked if column is not None])
    used = np.concatenate([baseline, performance])
    between = toeplitz(correlation_by_distance(known, panel.person_correlation, int(np.ptp(used))))
    contrast = np.hstack([np.eye(len(baseline)), np.full((len(baseline), len(performance)), -1 / len(performance))])
    return least_variance_weights(contrast @ between[np.ix_(used - used.min(), used - used.min())] @ contrast.T)


def correlation_by_distance(columns: Integers, correlation: Floats, longest: int) -> Floats:
    """Return the mean correlation (longest + 1,) at each distance between known `columns`; longer ones are continued.

    A distance that no pair has is interpolated. Beyond the longest known one, the correlation declines by the rate
    between the middle and the longest known distance, since the correlation of persons falls more slowly with time.
    """
    distance = np.abs(np.subtract.outer(columns, columns))
    values = correlation[np.ix_(columns, columns)]
    lags = np.unique(distance[(distance > 0) & np.isfinite(values)])
    if not len(lags):
        return np.eye(longest + 1)[0]  # nothing is known of any pair, as with one baseline period
    means = np.array([np.nanmean(values[distance == lag]) for lag in lags])
    wanted, middle = np.arange(longest + 1.0), (len(lags) - 1) // 2
    curve = np.interp(wanted, [0, *lags], [1.0, *means])
    if lags[middle] < lags[-1] and min(means[middle], means[-1]) > 0:
        rate = min(means[-1] / means[middle], 1.0) ** (1 / (lags[-1] - lags[middle]))
        curve *= rate ** np.maximum(wanted - lags[-1], 0)
    return np.asarray(curve)


def least_variance_weights(covariance: Floats) -> Floats:
    """Return the non-negative weights (B,) with sum one that minimise :math:`w'Vw`, V the `covariance` (B, B).

    Non-negative least squares of :math:`w'Vw + (1'w - 1)^2` has the same weights up to their sum.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    weights, _ = nnls(np.vstack([root, np.ones(len(root))]), np.eye(len(root) + 1)[-1])
    return np.asarray(weights / weights.sum())
