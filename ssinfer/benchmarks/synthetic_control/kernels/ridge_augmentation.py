"""Ridge augmentation of simplex weights, and its strength from held-out baseline periods.

With X (R, J) the donors' matched rows centred by their mean over donors and r the residual of the
simplex fit, the augmented weights of Ben-Michael, Feller and Rothstein (2021, doi:10.1080/01621459.2021.1929245) are

    w_aug = w + X' (X X' + ridge I)^-1 r.

They sum to one and may be negative: they extrapolate where the treated unit lies outside the donors' hull.
"""

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.gram import factor
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import (
    differences,
    least_norm_optimum,
    simplex_weights,
)
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats, Integers


def mean_eigenvalue(Z: Floats, intercept: bool) -> float:
    """Return the mean eigenvalue of X X', the unit of the ridge, for the donors' rows Z (R, J)."""
    X = Z - Z.mean(axis=1, keepdims=True)
    if intercept:
        X = X - X.mean(axis=0, keepdims=True)
    return float((X**2).sum() / Z.shape[0])


@compiled
def _augment(X: Floats, w: Floats, ridges: Floats) -> Floats:
    """Return augmented weights (L, J) for each ridge (L,); X (R, J) are differences, and are centred in place."""
    R, J = X.shape
    residual, rounding = -(X * w).sum(axis=1), (1e-26 * X * X).sum()
    centred = np.empty((R, R))
    for t in range(R):
        X[t] -= X[t].sum() / J
        for s in range(t + 1):
            centred[t, s] = centred[s, t] = (X[t] * X[s]).sum()
    values, vectors = np.linalg.eigh(centred)
    rotated = (vectors.T * residual).sum(axis=1)
    out = np.empty((ridges.size, J))
    for k in range(ridges.size):
        out[k] = w
        if np.isinf(ridges[k]):
            continue
        for t in range(R):
            solved = 0.0
            for r in range(R):
                strength = max(values[r], 0.0) + ridges[k]
                if strength > rounding:  # identical donors have no direction in which to extrapolate
                    solved += vectors[t, r] * rotated[r] / strength
            for p in range(J):  # a loop: an expression of arrays would allocate one for each period and ridge
                out[k, p] += X[t, p] * solved
    return out


@compiled
def augmented_weights(
    Z: Floats, target: int, donors: Integers, period_weights: Floats, intercept: bool, ridges: Floats, warm: Floats
) -> tuple[Floats, Floats, float, int, int]:
    """Return augmented weights (L, J) for each ridge, the simplex weights (J,), and gap, status and iterations.

    Z (R, N) is the baseline of all units, of which `target` is matched by `donors` (J,). `period_weights` (R,) are 0
    for periods held out, else 1. `ridges` (L,) are in squared units of the outcome; infinity gives the simplex weights.
    The search starts from `warm` (J,). With `intercept`, deviations from the baseline mean are matched.
    """
    X = differences(factor(Z, period_weights, intercept), target, donors)
    w, gap, status, iterations = simplex_weights(X.T @ X, np.zeros(donors.size), warm)
    w, gap = least_norm_optimum(X, w, gap, status)
    return _augment(X, w, ridges), w, gap, status, iterations


@compiled
def held_out_errors(Z: Floats, target: int, donors: Integers, intercept: bool, ridges: Floats, horizon: int) -> Floats:
    """Return errors (L, H) of forecasts from the first h periods of the mean of the next `horizon`, for each ridge.

    The origins h run from half the baseline (at least 2) to its last period but one. No fit uses later periods: leaving
    out single periods in the middle would reward interpolation, which no performance period allows. Other arguments are
    those of `augmented_weights`; near the end, the horizon is the periods that remain.
    """
    R, J = Z.shape[0], donors.size
    first = max(2, R // 2)
    H = max(R - first, 0)
    errors = np.empty((ridges.size, H))
    warm = np.zeros(J)
    for origin in range(H):
        h = first + origin
        used = np.zeros(R)
        used[:h] = 1.0
        weights, warm, _gap, _status, _iterations = augmented_weights(Z, target, donors, used, intercept, ridges, warm)
        last = min(h + horizon, R)
        for k in range(ridges.size):
            offset, ahead = 0.0, 0.0
            for t in range(last):
                residual = Z[t, target]
                for p in range(J):
                    residual -= weights[k, p] * Z[t, donors[p]]
                if t >= h:
                    ahead += residual / (last - h)
                elif intercept:
                    offset += residual / h
            errors[k, origin] = ahead - offset
    return errors


def strength_by_one_standard_error(errors: Floats) -> int:
    """Return the row of the strongest ridge whose mean squared error is within one standard error of the least one."""
    L, H = errors.shape
    square = errors**2
    mean = np.nan_to_num(square.mean(axis=1), nan=np.inf)
    best = int(L - 1 - np.argmin(mean[::-1]))
    if H < 3:
        return best
    margin = float(square[best].std(ddof=1)) / np.sqrt(H)
    return int(np.flatnonzero(mean <= mean[best] + margin).max()) if np.isfinite(margin) else best
