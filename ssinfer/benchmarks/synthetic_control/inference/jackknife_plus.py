"""Jackknife+ over baseline periods, for the augmented synthetic control."""

import numpy as np

from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.inference.placebo_errors import PredictiveErrors
from ssinfer.benchmarks.synthetic_control.kernels.placebo_distribution import conformal_quantiles
from ssinfer.benchmarks.synthetic_control.kernels.ridge_augmentation import augmented_weights, mean_eigenvalue
from ssinfer.check import Check

MIN_PERIODS = 19  # with fewer, no p-value is as small as 5%


def jackknife_plus_errors(
    window: FitWindow, own: Fits, share: float, n_draws: int, rng: np.random.Generator, *, intercept: bool
) -> PredictiveErrors:
    """Draw an even number of errors of the benchmark by leaving out one baseline period at a time.

    Without period t the benchmark of the performance periods is b_(-t) and the held-out error is r_t. Draws are b_(-t)
    + |r| and b_(-t) - |r|, with |r| at the conformal rank of r_t among the held-out errors. Sign and size are the same
    in all performance periods. `share` is the strength of the ridge chosen on all periods, which is kept.
    """
    Z = np.ascontiguousarray(window.Y[window.pre])
    R, donors = Z.shape[0], window.others
    ridge = np.array([share * mean_eigenvalue(Z[:, donors], intercept)])
    prediction = own.predict(window.Y)[0, window.post]
    change, errors = np.empty((R, window.post.size)), np.empty(R)
    warm = np.zeros(donors.size)
    for held_out in range(R):
        used = np.ones(R)
        used[held_out] = 0.0
        weights, warm, *_ = augmented_weights(Z, window.treated, donors, used, intercept, ridge, warm)
        residual = Z[:, window.treated] - Z[:, donors] @ weights[0]
        offset = residual[used > 0].mean() if intercept else 0.0
        errors[held_out] = residual[held_out] - offset
        change[held_out] = offset + window.Y[np.ix_(window.post, donors)] @ weights[0] - prediction
    order = np.argsort(np.abs(errors))
    half = n_draws // 2
    uniform = rng.permutation((np.arange(half) + 0.5) / half)
    size = conformal_quantiles(np.abs(errors)[order], uniform)
    drawn = order[np.clip(np.rint(uniform * (R + 1)).astype(int) - 1, 0, R - 1)]
    paths = np.stack([change[drawn] + size[:, None], change[drawn] - size[:, None]], axis=1).reshape(2 * half, -1)
    squared_benchmark = float((prediction @ window.pooling) ** 2) or 1.0
    components = {
        "refit": float((change @ window.pooling).var()) / squared_benchmark,
        "held_out": float((size**2).mean()) / squared_benchmark,
    }
    message = f"{window.name}: {R} baseline periods left out in turn; the smallest attainable p-value is 1/{R + 1}"
    return PredictiveErrors(paths, components, Check("jackknife+", "PASS", float(R), message))
