"""Variances that are sums of known sources, by Gaussian quasi-likelihood: at an optimum, to rounding.

    min  sum_j mass_j (log v_j + e_j^2 / v_j),     v_j = sum_c x_jc theta_c,     theta >= 0

Steps of Fisher scoring: near theta the objective is that of least squares with weights 1 / v^2, whose minimiser over
theta >= 0 gives the direction; the step is halved until the objective falls. With at most a handful of sources every
set of positive ones is tried, so that sources reach zero exactly. (Majorise-minimise steps, which multiply, approach a
zero for ever and stop short of it.) Sources that are the same share evenly, since a step moves no further than it must.

Heavy tails give the objective more than one minimum: the best of several starts is taken, which a test sets against
random ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.kernels.cholesky import solve_positive
from ssinfer.kernels.compile import compiled

Array = NDArray[np.float64]

_STEPS = 200
_SLOPE = 1e-11  # of the objective along the step, per observation
_STAY = 1e-9  # what keeps a step short, as a share of the curvature
_FLOOR = 1e-12  # least variance, as a share of the mean square
_BETTER = 1e-6  # by how much another start has to do better than the even one, in the objective
_OTHERS = 0.02  # what the other sources keep at a start from one, as a share of their even start


def variance_function(errors: Array, regressors: Array) -> Array:
    """Fit v = regressors @ theta, theta >= 0, to squared errors.

    Parameters
    ----------
    errors : array (m,)
        Errors with mean zero under the model.
    regressors : array (m, r)
        Sources of variance, each >= 0; a column of zeros gets no weight. r is at most 5 or so.

    Returns
    -------
    array (r,)
        theta.
    """
    square, mass = np.square(errors), np.ones(errors.size)
    regressors = np.ascontiguousarray(regressors)
    even = even_start(square, regressors)
    best, lowest = np.full(even.size, np.nan), np.inf
    for alone in (None, *np.flatnonzero(even)):
        theta = even.copy()
        if alone is not None:  # nearly: where this source has nothing, the variance is not zero at the start
            theta = _OTHERS * even
            theta[alone] += np.count_nonzero(even) * even[alone]
        value, _steps = fit_variance(square, regressors, mass, theta)
        if alone is None or value < lowest - _BETTER:
            best, lowest = theta, value
    return best


def even_start(square: Array, regressors: Array) -> Array:
    """Return theta (r,) by which every source explains the same share of the mean square."""
    level = regressors.mean(axis=0)
    used = level > 0.0
    return np.asarray(np.where(used, square.mean() / np.where(used, level, 1.0) / max(int(used.sum()), 1), 0.0))


@compiled
def _objective(square: Array, regressors: Array, mass: Array, theta: Array, floor: float) -> float:
    value = 0.0
    for j in range(square.size):
        if mass[j] > 0.0:
            v = 0.0
            for c in range(theta.size):
                v += regressors[j, c] * theta[c]
            v = max(v, floor)
            value += mass[j] * (np.log(v) + square[j] / v)
    return value


@compiled
def _least_squares(gram: Array, right: Array, theta: Array, best: Array) -> None:
    """Fill `best` with the minimiser over theta >= 0 of the quadratic near theta, by trying every set of sources."""
    r = theta.size
    lowest = np.inf
    place = np.empty(r, dtype=np.int64)
    for chosen in range(1 << r):
        size, feasible = 0, True
        for c in range(r):
            if (chosen >> c) & 1:
                feasible = feasible and gram[c, c] > 0.0  # a source of nothing is never chosen
                place[size] = c
                size += 1
        if not feasible:
            continue
        matrix, solution = np.empty((size, size)), np.empty(size)
        for p in range(size):
            c = place[p]
            # in units in which every source has the same curvature, so that none is lost in another's rounding
            solution[p] = right[c] / np.sqrt(gram[c, c]) + _STAY * np.sqrt(gram[c, c]) * theta[c]
            for q in range(p + 1):
                matrix[p, q] = gram[c, place[q]] / np.sqrt(gram[c, c]) / np.sqrt(gram[place[q], place[q]])
            matrix[p, p] *= 1.0 + _STAY
        solve_positive(matrix, solution)
        for p in range(size):
            solution[p] /= np.sqrt(gram[place[p], place[p]])
            if not solution[p] > 0.0:
                feasible = False
        if not feasible:
            continue
        value = 0.0
        for p in range(size):
            c = place[p]
            value -= 0.5 * (right[c] + _STAY * gram[c, c] * theta[c]) * solution[p]
        if value < lowest:
            lowest = value
            for c in range(r):
                best[c] = 0.0
            for p in range(size):
                best[place[p]] = solution[p]


@compiled
def fit_variance(square: Array, regressors: Array, mass: Array, theta: Array) -> tuple[float, int]:
    """Move theta from a start to an optimum, in place; return the objective there and the steps taken.

    Parameters
    ----------
    square : array (m,)
        Squared errors.
    regressors : array (m, r)
    mass : array (m,)
        How often each observation counts.
    theta : array (r,)
        The start, not zero throughout; overwritten. Zero where there is no error, NaN where one is not finite.
    """
    m, r = regressors.shape
    total, mean_square = 0.0, 0.0
    for j in range(m):
        total += mass[j]
        mean_square += mass[j] * square[j]
    if not (total > 0.0 and mean_square > 0.0 and np.isfinite(mean_square)):
        for c in range(r):
            theta[c] = 0.0 if mean_square == 0.0 else np.nan
        return -np.inf if mean_square == 0.0 else np.nan, 0
    floor = _FLOOR * mean_square / total
    gram, right = np.empty((r, r)), np.empty(r)
    goal, trial = np.empty(r), np.empty(r)
    value = _objective(square, regressors, mass, theta, floor)
    for step in range(_STEPS):
        gram[:] = 0.0
        right[:] = 0.0
        for j in range(m):
            if mass[j] > 0.0:
                v = 0.0
                for c in range(r):
                    v += regressors[j, c] * theta[c]
                v = max(v, floor)
                weight = mass[j] / (v * v)
                for c in range(r):
                    right[c] += weight * regressors[j, c] * square[j]
                    for b in range(c + 1):
                        gram[c, b] += weight * regressors[j, c] * regressors[j, b]
        for c in range(r):
            for b in range(c):
                gram[b, c] = gram[c, b]
        _least_squares(gram, right, theta, goal)
        slope = 0.0
        for c in range(r):
            for b in range(r):
                slope += (goal[c] - theta[c]) * gram[c, b] * theta[b]
            slope -= (goal[c] - theta[c]) * right[c]
        if not slope < -_SLOPE * total:
            return value, step
        share = 1.0
        for _halving in range(60):
            for c in range(r):
                trial[c] = theta[c] + share * (goal[c] - theta[c])
            found = _objective(square, regressors, mass, trial, floor)
            if found <= value + 1e-4 * share * slope:
                break
            share *= 0.5
        if not found < value:
            return value, step
        value = found
        for c in range(r):
            theta[c] = trial[c]
    return value, _STEPS
