"""Weights on the simplex with a penalty on each, by the dual, which has one unknown per period and one more.

With X (T, J) the donors' differences from the treated unit and penalties d_j > 0, two problems have one dual:

    min 1/2 |X w|^2 + 1/2 sum_j d_j w_j^2    subject to   1'w = 1,  w >= 0            (ridge, s = 1),
    min 1/2 sum_j d_j w_j^2                  subject to   X w = 0,  1'w = 1,  w >= 0  (exact fit, s = 0),

    min over nu, mu of   s/2 |nu|^2 - mu + sum_j max(0, x_j'nu + mu)^2 / (2 d_j),    w_j = max(0, x_j'nu + mu) / d_j.

It is piecewise quadratic, so a damped Newton method ends in a few steps, each linear in the number of donors. With more
donors than periods the treated unit often lies inside the donors' hull, and infinitely many weights fit exactly. Those
with the smallest sum of squares are unique and do not depend on the order of the donors.
"""

import numpy as np

from ssinfer.kernels.cholesky import solve_positive
from ssinfer.kernels.compile import compiled, inlined
from ssinfer.typing import Floats

_MAX_STEPS = 200
_MAX_HALVINGS = 60
_RESIDUAL_TOLERANCE = 1e-11
_DAMPING = 1e-13  # share of the trace


@compiled
def _damp(gram: Floats) -> None:
    """Add a share of the trace to the diagonal, so that the system can be solved if donors are few or alike."""
    damping = _DAMPING * (np.trace(gram) + 1e-300)
    for t in range(gram.shape[0]):
        gram[t, t] += damping


@compiled
def _dual_of(A: Floats, d: Floats, w: Floats, dual: Floats) -> None:
    """Write the dual of weights w_j = a_j'dual / d_j > 0 into `dual`, by least squares over the positive weights."""
    R, J = A.shape
    gram = np.zeros((R, R))
    dual[:] = 0.0
    for j in range(J):
        if w[j] > 0.0:
            for t in range(R):
                dual[t] += A[t, j] * w[j]
                for s in range(t + 1):
                    gram[t, s] += A[t, j] * A[s, j] / d[j]
    _damp(gram)
    solve_positive(gram, dual)


@compiled
def fit_gap(X: Floats, d: Floats, w: Floats) -> tuple[float, float]:
    """Return the scale-free KKT gap of weights w (J,) with penalties d (J,), and |X w|² on the same scale.

    Both come from the differences X (T, J) themselves.
    """
    T, J = X.shape
    fit = (X * w).sum(axis=1)
    objective = misfit = (fit * fit).sum()
    smallest, scale = np.inf, 0.0
    for j in range(J):
        value = d[j] * w[j]
        objective += value * w[j]
        scale += d[j] / J
        for t in range(T):
            value += X[t, j] * fit[t]
            scale += X[t, j] * X[t, j] / J
        smallest = min(smallest, value)
    return (max(objective - smallest, 0.0) / scale, misfit / scale) if scale > 0.0 else (0.0, 0.0)


@inlined
def _value_and_slopes(
    A: Floats, d: Floats, share: float, dual: Floats, w: Floats, residual: Floats, hessian: Floats
) -> float:
    """Return the dual objective, and write its weights, gradient and Hessian (lower triangle)."""
    R, J = A.shape
    hessian[:] = 0.0
    residual[:] = 0.0
    residual[R - 1] = -1.0
    value = -1.0 * dual[R - 1]
    for t in range(R - 1):
        hessian[t, t] = share
        residual[t] = share * dual[t]
        value += 0.5 * share * dual[t] * dual[t]
    for j in range(J):
        slope = 0.0
        for t in range(R):
            slope += A[t, j] * dual[t]
        w[j] = max(slope, 0.0) / d[j]
        if slope > 0.0:
            value += 0.5 * slope * w[j]
            for t in range(R):
                residual[t] += A[t, j] * w[j]
                for s in range(t + 1):
                    hessian[t, s] += A[t, j] * A[s, j] / d[j]
    return float(value)


@inlined
def _move(A: Floats, d: Floats, share: float, dual: Floats, direction: Floats, value: float, decrease: float) -> None:
    """Move the dual along a direction, with the step halved until the objective falls enough (Armijo's rule)."""
    R, J = A.shape
    step = 1.0
    for _halving in range(_MAX_HALVINGS):
        trial = dual + step * direction
        trial_value = 0.5 * share * (trial[: R - 1] ** 2).sum() - trial[R - 1]
        for j in range(J):
            slope = 0.0
            for t in range(R):
                slope += A[t, j] * trial[t]
            if slope > 0.0:
                trial_value += 0.5 * slope * slope / d[j]
        if trial_value <= value + 1e-4 * step * decrease:
            break
        step *= 0.5
    dual += step * direction


@compiled
def least_norm_weights(X: Floats, penalty: Floats, warm: Floats, share: float) -> tuple[Floats, bool]:
    """Return the weights (J,) of least penalty (J,) > 0, and whether the Newton method converged to them.

    `X` (T, J) are the donors' differences from the target. `share` is s: 1 for a ridge, 0 for an exact fit of a target
    in the donors' hull. The search starts from `warm` (J,), weights of a neighbouring exact fit, or zeros.
    """
    T, J = X.shape
    squared_size = 0.0
    for j in range(J):
        squared_size += share * penalty[j] / J
        for t in range(T):
            squared_size += X[t, j] * X[t, j] / J
    if not squared_size > 0.0:
        squared_size = 1.0
    A = np.ones((T + 1, J))
    A[:T] = X / np.sqrt(squared_size)
    d = penalty / squared_size if share > 0.0 else penalty
    dual = np.zeros(T + 1)
    dual[T] = (d / J / J).sum()
    if warm.any():
        _dual_of(A, d, warm, dual)
    w = np.empty(J)
    hessian = np.empty((T + 1, T + 1))
    residual = np.empty(T + 1)
    reached = False
    for _ in range(_MAX_STEPS):
        value = _value_and_slopes(A, d, share, dual, w, residual, hessian)
        reached = np.abs(residual).max() <= _RESIDUAL_TOLERANCE
        if reached:
            break
        direction = -residual
        _damp(hessian)
        solve_positive(hessian, direction)
        _move(A, d, share, dual, direction, value, (direction * residual).sum())
    if w.sum() > 0.0:
        w /= w.sum()
    return w, reached
