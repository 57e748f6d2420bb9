"""Weights of the baseline periods with the least sampling variance, from the persons' own correlation over periods."""

import numpy as np
from scipy.linalg import toeplitz
from scipy.optimize import nnls

from ssinfer.benchmarks.problem import Problem
from ssinfer.errors import PanelError
from ssinfer.typing import Floats, Integers


def correlation_weights(problem: Problem) -> Floats:
    r"""Return the non-negative weights (B,) that minimise :math:`w'Rw - 2 w'r` and sum to one.

    R is the correlation of a unit's sampling errors between baseline periods, r with the mean of performance. Both are
    those of `person_correlation` by distance in time, over pairs of unmasked periods before the performance.
    """
    panel, before, after = problem.panel, problem.baseline, problem.performance_columns
    if panel.person_correlation is None:
        raise PanelError(
            "year_weights is 'correlation', but the panel has no person_correlation. Fit a Cohort, take the panel of "
            "Cohort.to_panel or of a study on claims, or give 'equal' or numbers."
        )
    masked = [column for label in problem.design.masked if (column := panel.timeline.column(label)) is not None]
    known, used = np.setdiff1d(np.arange(after[0]), masked), np.concatenate([before, after]) - before[0]
    between = toeplitz(correlation_by_distance(known, panel.person_correlation, used[-1]))[np.ix_(used, used)]
    contrast = np.hstack([np.eye(len(before)), np.full((len(before), len(after)), -1 / len(after))])
    return least_variance_weights(contrast @ between @ contrast.T)


def correlation_by_distance(columns: Integers, correlation: Floats, longest: int) -> Floats:
    """Return the mean correlation (longest + 1,) of pairs of `columns` by distance; absent distances are interpolated.

    Beyond the longest known distance it declines at the rate between the middle and the longest known distance.
    """
    distance, values = np.abs(np.subtract.outer(columns, columns)), correlation[np.ix_(columns, columns)]
    lags = np.unique(distance[(distance > 0) & np.isfinite(values)])
    means = np.array([np.nanmean(values[distance == lag]) for lag in lags])
    wanted, middle = np.arange(longest + 1.0), (len(lags) - 1) // 2
    curve = np.interp(wanted, [0, *lags], [1.0, *means])
    if len(lags) > 1 and min(means[middle], means[-1]) > 0:
        rate = min(means[-1] / means[middle], 1.0) ** (1 / (lags[-1] - lags[middle]))
        curve *= rate ** np.maximum(wanted - lags[-1], 0)
    return np.asarray(curve)


def least_variance_weights(covariance: Floats) -> Floats:
    """Return the weights w >= 0 (B,) with sum one that minimise w'Vw: those of w'Vw + (1'w - 1)^2, up to their sum."""
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    weights, _ = nnls(np.vstack([root, np.ones(len(root))]), np.eye(len(root) + 1)[-1])
    return np.asarray(weights / weights.sum())
