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
from ssinfer.typing import Floats, Integers


def mean_eigenvalue(Z: Floats, intercept: bool) -> float:
    """Return the mean eigenvalue of X X', the unit of the ridge, for the donors' rows Z (R, J)."""
    X = Z - Z.mean(axis=1, keepdims=True)
    if intercept:
        X = X - X.mean(axis=0, keepdims=True)
    return float((X**2).sum() / Z.shape[0])


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
    residual, rounding = -X @ w, 1e-26 * (X**2).sum()
    X = X - X.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(X @ X.T)
    strength = np.maximum(values, 0.0)[:, None] + ridges
    # identical donors have no direction in which to extrapolate
    inverse = np.divide(1.0, strength, out=np.zeros_like(strength), where=strength > rounding)
    solved = vectors @ (inverse * (vectors.T @ residual)[:, None])
    return w + solved.T @ X, w, gap, status, iterations


def held_out_errors(Z: Floats, target: int, donors: Integers, intercept: bool, ridges: Floats, horizon: int) -> Floats:
    """Return errors (L, H) of forecasts from the first h periods of the mean of the next `horizon`, for each ridge.

    The origins h run from half the baseline (at least 2) to its last period but one. No fit uses later periods: leaving
    out single periods in the middle would reward interpolation, which no performance period allows. Other arguments are
    those of `augmented_weights`; near the end, the horizon is the periods that remain.
    """
    R, warm = len(Z), np.zeros(donors.size)
    errors = []
    for h in range(max(2, R // 2), R):
        used = (np.arange(R) < h).astype(np.float64)
        weights, warm, *_ = augmented_weights(Z, target, donors, used, intercept, ridges, warm)
        residual = Z[:, target] - weights @ Z[:, donors].T
        offset = residual[:, :h].mean(axis=1) if intercept else 0.0
        errors.append(residual[:, h : h + horizon].mean(axis=1) - offset)
    return np.array(errors).reshape(-1, ridges.size).T


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
