"""Among all weights that reproduce the treated unit exactly, those with the smallest penalty.

With more donors than periods the treated unit often lies inside the donors' hull, and infinitely many weights fit
exactly. The weights with the smallest sum of squares are unique and do not depend on the order of the donors:

    min 1/2 sum_j d_j w_j^2    subject to   X w = 0,  1'w = 1,  w >= 0,

with X (T, J) the donors' differences from the treated unit. The dual has T + 1 unknowns and is piecewise
quadratic, w_j = max(0, x_j'nu + mu) / d_j. A damped Newton method solves it in a few steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.cholesky import solve_positive
from ssinfer.kernels.compile import compiled, inlined

if TYPE_CHECKING:
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
    for t in range(R):
        dual[t] = 0.0
    for j in range(J):
        if w[j] > 0.0:
            for t in range(R):
                dual[t] += A[t, j] * w[j]
                for s in range(t + 1):
                    gram[t, s] += A[t, j] * A[s, j] / d[j]
    _damp(gram)
    solve_positive(gram, dual)


@compiled
def fit_gap(X: Floats, w: Floats) -> float:
    """Return the scale-free KKT gap of unpenalised weights w (J,), from the differences X (T, J) themselves."""
    T, J = X.shape
    fit = np.zeros(T)
    objective, smallest, scale = 0.0, np.inf, 0.0
    for t in range(T):
        for j in range(J):
            fit[t] += X[t, j] * w[j]
        objective += fit[t] * fit[t]
    for j in range(J):
        value = 0.0
        for t in range(T):
            value += X[t, j] * fit[t]
            scale += X[t, j] * X[t, j] / J
        smallest = min(smallest, value)
    return float(max(objective - smallest, 0.0) / scale) if scale > 0.0 else 0.0


@inlined
def _value_and_slopes(A: Floats, d: Floats, dual: Floats, w: Floats, residual: Floats, hessian: Floats) -> float:
    """Return the dual objective, and write its weights, gradient and Hessian (lower triangle)."""
    R, J = A.shape
    hessian[:] = 0.0
    residual[:] = 0.0
    residual[R - 1] = -1.0
    value = -1.0 * dual[R - 1]
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
def _move(A: Floats, d: Floats, dual: Floats, direction: Floats, value: float, decrease: float) -> None:
    """Move the dual along a direction, with the step halved until the objective falls enough (Armijo's rule)."""
    R, J = A.shape
    trial = np.empty(R)
    step = 1.0
    for _halving in range(_MAX_HALVINGS):
        for t in range(R):
            trial[t] = dual[t] + step * direction[t]
        trial_value = -trial[R - 1]
        for j in range(J):
            slope = 0.0
            for t in range(R):
                slope += A[t, j] * trial[t]
            if slope > 0.0:
                trial_value += 0.5 * slope * slope / d[j]
        if trial_value <= value + 1e-4 * step * decrease:
            break
        step *= 0.5
    for t in range(R):
        dual[t] += step * direction[t]


@compiled
def least_norm_weights(X: Floats, d: Floats, warm: Floats) -> tuple[Floats, bool]:
    """Return the exact-fit weights (J,) of least penalised norm, and whether the Newton method converged to them.

    Parameters
    ----------
    X : array (T, J), donors' differences from the target; the target lies in their hull
    d : array (J,), penalty per donor, > 0
    warm : array (J,), weights of this form for a neighbouring problem, where the search starts, or zeros
    """
    T, J = X.shape
    size, warmth = 0.0, 0.0
    for j in range(J):
        warmth += abs(warm[j])
        for t in range(T):
            size += X[t, j] * X[t, j] / J
    size = np.sqrt(size)
    A = np.empty((T + 1, J))
    dual = np.zeros(T + 1)
    for j in range(J):
        for t in range(T):
            A[t, j] = X[t, j] / size if size > 0.0 else 0.0
        A[T, j] = 1.0
        dual[T] += d[j] / J / J
    if warmth > 0.0:
        _dual_of(A, d, warm, dual)
    w = np.empty(J)
    hessian = np.empty((T + 1, T + 1))
    residual, direction = np.empty(T + 1), np.empty(T + 1)
    reached = False
    for _ in range(_MAX_STEPS):
        value = _value_and_slopes(A, d, dual, w, residual, hessian)
        largest = 0.0
        for t in range(T + 1):
            largest = max(largest, abs(residual[t]))
            direction[t] = -residual[t]
        if largest <= _RESIDUAL_TOLERANCE:
            reached = True
            break
        _damp(hessian)
        solve_positive(hessian, direction)
        decrease = 0.0
        for t in range(T + 1):
            decrease += direction[t] * residual[t]
        _move(A, d, dual, direction, value, decrease)
    if w.sum() > 0.0:
        w /= w.sum()
    return w, reached
