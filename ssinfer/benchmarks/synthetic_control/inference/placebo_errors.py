"""Predictive errors of a benchmark, learned from the errors of placebo fits."""

from typing import NamedTuple

import numpy as np

from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.kernels.placebo_distribution import predictive_errors
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import NOT_CONVERGED
from ssinfer.check import Check
from ssinfer.errors import ConvergenceError
from ssinfer.kernels.variance_components import held_out_variances, variance_function
from ssinfer.typing import Floats, Integers

MIN_PLACEBOS = 19  # with fewer, no p-value is as small as 5%
SOURCES = ("shock", "sampling", "misfit")


class PredictiveErrors(NamedTuple):
    """Errors (draw, P) of a benchmark, and the pooled error's variance by source as shares of its square."""

    paths: Floats
    components: dict[str, float]
    check: Check  # the number of placebos or periods on which the errors rest


def placebo_errors(
    window: FitWindow, own: Fits, placebos: Fits, n_draws: int, rng: np.random.Generator, *, normal: bool
) -> PredictiveErrors:
    """Draw errors of the treated unit's benchmark from those of the placebos, in antithetic pairs.

    Fits of `placebos` are in the order of ``window.others``. Errors have the conformal distribution of kernel
    ``placebo_distribution``, or are `normal` with the covariance of the placebos' errors (Arkhangelsky et al. 2021,
    algorithm 4).
    """
    converged = np.flatnonzero(placebos.status != NOT_CONVERGED)
    m, failed = converged.size, placebos.status.size - converged.size
    if m < MIN_PLACEBOS:
        raise ConvergenceError(
            f"{failed} of {placebos.status.size} placebo fits of {window.name!r} did not converge. {m} are left; at "
            f"least {MIN_PLACEBOS} are needed. Look for nearly identical donors."
        )
    units, placebos = window.others[converged], placebos.take(converged)
    errors = window.Y[:, units].T - placebos.predict(window.Y)
    vectors = np.ascontiguousarray(errors[:, window.post])
    pooled = vectors @ window.pooling
    standard_error = float(pooled.std())
    squared_benchmark = float((own.predict(window.Y)[0, window.post] @ window.pooling) ** 2) or 1.0
    half = n_draws // 2
    if normal:
        centred = (vectors - vectors.mean(axis=0)) / np.sqrt(m)
        positive = rng.standard_normal((half, m)) @ centred
        positive *= standard_error / max(float(np.sqrt(((positive @ window.pooling) ** 2).mean())), 1e-300)
        paths = np.stack([positive, -positive], axis=1).reshape(n_draws, -1)
        components = {"placebo": standard_error**2 / squared_benchmark}
        basis = "normal errors with the placebos' covariance"
    else:
        regressors = variance_regressors(window, placebos, units)
        own_regressors = variance_regressors(window, own, np.array([window.treated]))[0]
        theta = variance_function(pooled, regressors)
        floor = 1e-12 * float((pooled**2).mean()) + 1e-300
        # Each variance rests on the errors of others only, as that of the treated unit does: ranks are comparable.
        deviation = np.sqrt(np.maximum(held_out_variances(pooled**2, regressors, theta), floor))
        variances = own_regressors * theta
        own_deviation = float(np.sqrt(max(variances.sum(), floor)))
        uniform = rng.permutation((np.arange(half) + 0.5) / half)
        paths = predictive_errors(vectors, window.pooling, deviation, own_deviation, uniform)
        components = dict(zip(SOURCES, (variances / squared_benchmark).tolist(), strict=True))
        basis = f"the smallest attainable p-value is 1/{m + 1}"
    summary = f"{m} of {m + failed} placebo fits converged, placebo standard error {standard_error:.4g}; {basis}"
    check = Check("placebo inference", "FAIL" if failed else "PASS", float(m), f"{window.name}: {summary}")
    return PredictiveErrors(paths, components, check)


def variance_regressors(window: FitWindow, fits: Fits, units: Integers) -> Floats:
    """Return (M, 3): squared mean spending, sampling noise of unit and donors, mean squared error in the baseline."""
    baseline = window.Y[window.pre]
    squared_mean = baseline[:, units].mean(axis=0) ** 2
    misfit = ((baseline[:, units].T - fits.predict(window.Y)[:, window.pre]) ** 2).mean(axis=1)
    noise = np.zeros(units.size)
    if window.noise is not None:
        pooled = (window.noise[window.post] * window.pooling[:, None] ** 2).sum(axis=0)
        noise = pooled[units] + fits.weights**2 @ pooled
    return np.ascontiguousarray(np.column_stack([squared_mean, noise, misfit]))
