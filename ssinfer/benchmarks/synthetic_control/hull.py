"""Convex hull of the donors: how far a unit's baseline lies from it, and which benchmarks this makes undependable."""

import numpy as np

from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import NOT_CONVERGED, simplex_weights
from ssinfer.check import Check
from ssinfer.typing import Floats

NAME = "convex hull"
TOLERANCE = 0.01  # largest root mean squared distance that passes, as a fraction of mean baseline spending
PLACEBO_SHARE = 0.95  # share of the placebos whose baseline error an ordinary fit does not exceed


def distance_from_hull(baseline: Floats) -> float:
    """Return the distance of the first unit of a baseline (T, 1 + J) from the others' hull: RMS, over its mean."""
    X = baseline[:, 1:] - baseline[:, :1]
    w, *_ = simplex_weights(X.T @ X, np.zeros(X.shape[1]), np.zeros(X.shape[1]))
    return float(np.sqrt(((X @ w) ** 2).mean()) / abs(baseline[:, 0].mean()))


def outside_hull(window: FitWindow, fits: Fits) -> Check | None:
    """Return a failed check if a benchmark inside the hull of the donors misses a baseline outside it; else None.

    The miss would last, and be taken for a saving or a loss. `fits` are of the treated unit and of its donors. An
    intercept, or negative weights, leave the hull.
    """
    if fits.offset[0].any() or (fits.weights[0] < 0).any():
        return None
    units = np.append(window.treated, window.others)
    errors = (window.Y[:, units].T - fits.predict(window.Y))[:, window.pre]
    rmspe = np.sqrt((errors**2).mean(axis=1))
    limit = float(np.quantile(rmspe[1:][fits.status[1:] != NOT_CONVERGED], PLACEBO_SHARE))
    distance = distance_from_hull(window.Y[np.ix_(window.pre, units)]) if rmspe[0] > limit else 0.0
    if distance <= TOLERANCE:
        return None
    side = "above" if errors[0].mean() > 0 else "below"
    message = (
        f"{window.name!r} lies {side} its donors: {100 * distance:.2f}% from their hull (limit {100 * TOLERANCE:g}%), "
        f"and its baseline error of {rmspe[0]:,.2f} per insured-year exceeds that of {100 * PLACEBO_SHARE:g}% of the "
        f"placebos ({limit:,.2f}). Use intercept=True, or choose donors on both sides of it"
    )
    return Check(NAME, "FAIL", distance, message, limit=TOLERANCE)
