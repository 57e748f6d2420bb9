"""Jackknife+ over baseline periods for the augmented synthetic control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.placebo_law import conformal_quantiles
from ssinfer.benchmarks.synthetic_control.kernels.ridge_augmentation import augmented_paths

if TYPE_CHECKING:
    from ssinfer.benchmarks.synthetic_control.fit_window import Fits, Window
    from ssinfer.typing import Floats


FEWEST_PERIODS = 19


def jackknife_plus_errors(
    window: Window, own: Fits, share: float, intercept: bool, draws: int, rng: np.random.Generator
) -> tuple[Floats, dict[str, Any], tuple[str, str, float, str]]:
    """Draw deviations from the benchmark by leaving out one baseline period at a time.

    Without period t the benchmark of the performance periods is b_(-t) and the held-out error is r_t.
    Draws are b_(-t) +/- |r|, with |r| at the conformal rank of r_t among the held-out errors and the same
    sign and size in all performance periods. The ridge keeps the strength chosen on all periods.

    Returns
    -------
    array (draws, P), dict, tuple
        Deviations from the benchmark, the share of the pooled variance from refitting and from the held-out error,
        and a diagnostics line.
    """
    Z = np.ascontiguousarray(window.Y[window.pre])
    R, donors = Z.shape[0], window.others
    X = Z[:, donors] - Z[:, donors].mean(axis=1, keepdims=True)
    if intercept:
        X = X - X.mean(axis=0, keepdims=True)
    ridge = np.array([share * float((X**2).sum() / R)])
    prediction = own.predict(window.Y)[0, window.post]
    moved, errors = np.empty((R, window.post.size)), np.empty(R)
    warm = np.zeros(donors.size)
    for h in range(R):
        used = np.ones(R)
        used[h] = 0.0
        path, warm, *_ = augmented_paths(Z, window.treated, donors, used, intercept, ridge, warm)
        miss = Z[:, window.treated] - Z[:, donors] @ path[0]
        offset = miss[used > 0].mean() if intercept else 0.0
        errors[h] = miss[h] - offset
        moved[h] = offset + window.Y[np.ix_(window.post, donors)] @ path[0] - prediction
    order = np.argsort(np.abs(errors))
    half = draws // 2
    uniform = rng.permutation((np.arange(half) + 0.5) / half)
    size = conformal_quantiles(np.abs(errors)[order], uniform)
    place = order[np.clip(np.rint(uniform * (R + 1)).astype(int) - 1, 0, R - 1)]
    out = np.empty((2 * half, window.post.size))
    out[0::2] = moved[place] + size[:, None]
    out[1::2] = moved[place] - size[:, None]
    level = float((prediction @ window.pooling) ** 2) or 1.0
    parts = {"refit": float((moved @ window.pooling).var()) / level, "held_out": float((size**2).mean()) / level}
    text = f"{window.name}: {R} baseline periods left out in turn; |error| law attains p = 1/{R + 1}"
    return out, parts, ("jackknife+", "PASS", float(R), text)
