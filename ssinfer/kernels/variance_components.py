"""Fits variances v = X theta, theta >= 0, by Gaussian quasi-likelihood.

    min  sum_j mass_j (log v_j + e_j^2 / v_j),     v_j = sum_c x_jc theta_c,     theta >= 0

The search takes Fisher scoring steps. Near theta the objective is a least-squares problem with weights 1 / v^2, and its
minimiser over theta >= 0 gives the direction. The step is halved until the objective falls. Every set of positive
sources is tried, so a source can become exactly zero; a ridge gives identical sources equal shares. Heavy tails can
give the objective more than one minimum: the best of several starts is returned.
"""

import numpy as np

from ssinfer.kernels.cholesky import solve_positive
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats

_MAX_STEPS = 200
_MIN_SLOPE = 1e-11  # of the objective along the step, per observation, at which the search ends
_RIDGE = 1e-9  # as a share of the curvature
_MIN_VARIANCE = 1e-12  # as a share of the mean square
_MIN_GAIN = 1e-6  # by which another start has to lower the objective below that of the even start
_REMAINING_SHARE = 0.02  # starting share of the remaining sources


def variance_function(errors: Floats, regressors: Floats) -> Floats:
    """Return theta (r,) >= 0 of v = regressors (m, r) @ theta, fitted to the squares of errors (m,) with mean zero."""
    square, mass = np.square(errors), np.ones(errors.size)
    regressors = np.ascontiguousarray(regressors)
    even = even_start(square, regressors)
    best, lowest = np.full(even.size, np.nan), np.inf
    for alone in (None, *np.flatnonzero(even)):
        theta = even.copy()
        if alone is not None:  # the other sources keep a little: the variance is then positive everywhere
            theta = _REMAINING_SHARE * even
            theta[alone] += np.count_nonzero(even) * even[alone]
        value, _steps = fit_variance(square, regressors, mass, theta)
        if alone is None or value < lowest - _MIN_GAIN:
            best, lowest = theta, value
    return best


def even_start(square: Floats, regressors: Floats) -> Floats:
    """Return theta (r,) with which every source explains the same share of the mean square."""
    mean = regressors.mean(axis=0)
    used = mean > 0.0
    return np.asarray(np.where(used, square.mean() / np.where(used, mean, 1.0) / max(int(used.sum()), 1), 0.0))


@compiled
def _objective(square: Floats, regressors: Floats, mass: Floats, theta: Floats, floor: float) -> float:
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
def _least_squares(gram: Floats, right: Floats, theta: Floats, best: Floats) -> None:
    """Fill `best` with the minimiser over theta >= 0 of the quadratic near theta, by trying every set of sources."""
    r = theta.size
    lowest = np.inf
    column = np.empty(r, dtype=np.int64)
    for chosen in range(1 << r):
        size, feasible = 0, True
        for c in range(r):
            if (chosen >> c) & 1:
                feasible = feasible and gram[c, c] > 0.0  # a source without curvature is never chosen
                column[size] = c
                size += 1
        if not feasible:
            continue
        matrix, solution = np.empty((size, size)), np.empty(size)
        for p in range(size):
            c = column[p]
            # scaled so that every source has the same curvature: a small source is then not lost to rounding
            solution[p] = right[c] / np.sqrt(gram[c, c]) + _RIDGE * np.sqrt(gram[c, c]) * theta[c]
            for q in range(p + 1):
                matrix[p, q] = gram[c, column[q]] / np.sqrt(gram[c, c]) / np.sqrt(gram[column[q], column[q]])
            matrix[p, p] *= 1.0 + _RIDGE
        solve_positive(matrix, solution)
        for p in range(size):
            solution[p] /= np.sqrt(gram[column[p], column[p]])
            if not solution[p] > 0.0:
                feasible = False
        if not feasible:
            continue
        value = 0.0
        for p in range(size):
            c = column[p]
            value -= 0.5 * (right[c] + _RIDGE * gram[c, c] * theta[c]) * solution[p]
        if value < lowest:
            lowest = value
            best[:] = 0.0
            for p in range(size):
                best[column[p]] = solution[p]


@compiled
def fit_variance(square: Floats, regressors: Floats, mass: Floats, theta: Floats) -> tuple[float, int]:
    """Move theta (r,) in place from a positive start to an optimum; return the objective and the number of steps."""
    m, r = regressors.shape
    total, mean_square = mass.sum(), (mass * square).sum()
    if not (total > 0.0 and mean_square > 0.0 and np.isfinite(mean_square)):
        theta[:] = 0.0 if mean_square == 0.0 else np.nan
        return -np.inf if mean_square == 0.0 else np.nan, 0
    floor = _MIN_VARIANCE * mean_square / total
    gram, right = np.empty((r, r)), np.empty(r)
    goal, trial = np.empty(r), np.empty(r)
    value = _objective(square, regressors, mass, theta, floor)
    for step in range(_MAX_STEPS):
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
        if not slope < -_MIN_SLOPE * total:
            return value, step
        share = 1.0
        for _halving in range(60):
            for c in range(r):
                trial[c] = theta[c] + share * (goal[c] - theta[c])
            trial_value = _objective(square, regressors, mass, trial, floor)
            if trial_value <= value + 1e-4 * share * slope:
                break
            share *= 0.5
        if not trial_value < value:
            return value, step
        value = trial_value
        theta[:] = trial
    return value, _MAX_STEPS


@compiled
def held_out_variances(square: Floats, regressors: Floats, theta: Floats) -> Floats:
    """Return the variance (m,) of each observation by the parameters fitted to all others, from the `theta` of all."""
    m = square.size
    mass, variances = np.ones(m), np.empty(m)
    for j in range(m):
        mass[j], others = 0.0, theta.copy()
        fit_variance(square, regressors, mass, others)
        mass[j], variances[j] = 1.0, regressors[j] @ others
    return variances
