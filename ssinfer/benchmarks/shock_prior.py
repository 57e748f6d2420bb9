"""The prior of a synthetic control's shocks and weights, learned from donors in the treated unit's place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize, minimize_scalar

from ssinfer.benchmarks.placebo_paths import PlaceboPaths
from ssinfer.errors import ConvergenceError
from ssinfer.kernels.placebo_shocks import shock_log_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.window import Window

    Floats = NDArray[np.float64]

QUADRATURE = 7
LARGEST_SLOPE = 0.5  # of the objective at its mode, in prior SDs
# logit of persistence, log k, log of the SD of log shock sizes between units: mean and SD before the donors are seen
PERSISTENCE = (1.0, 1.5)
NOISE_FACTOR = (float(np.log(2.5)), 0.5)
HETEROGENEITY = (float(np.log(0.3)), 0.7)
WIDE = 1.5
# log of the weights' strength tau: mean and SD before the donors are seen, and the SD between units that is kept
STRENGTH = (0.0, 0.75)
STRENGTH_BETWEEN_UNITS = 0.5
LOG_TAU = (-3.9, 2.9)


@dataclass(frozen=True, eq=False)
class ShockPrior:
    """Normal prior of (log omega, logit(rho / 0.995), log k).

    omega is the SD of a shock's innovation relative to the unit's level, rho its persistence from period to period,
    k the coefficient of variation between persons (learned only where the panel gives insured-years alone).

    Attributes
    ----------
    mean : (3,)
    covariance : (3, 3)
        Uncertainty of the donors' common values plus the variance between units of log omega.
    heterogeneity : float
        SD of log omega between units.
    strength : (2,)
        Mean and SD of log tau, of weights softmax(tau z).
    placebos : int
    """

    mean: Floats
    covariance: Floats
    heterogeneity: float
    strength: Floats
    placebos: int

    @property
    def factor(self) -> Floats:
        """Lower Cholesky factor of the covariance."""
        return np.linalg.cholesky(self.covariance)

    @classmethod
    def learned(cls, window: Window, kappa: float) -> ShockPrior:
        """Learn the prior from donors in the treated unit's place, over baseline and performance.

        Empirical Bayes with its uncertainty, in two steps. First (log omega, logit rho, log k, log s) from what is left
        of the donors' paths once level and leading common factor, which weights are meant to reproduce, are left free:
        the mode of their integrated likelihood (`ssinfer.kernels.placebo_shocks`) times weak priors, and the inverse
        Hessian there. Then tau, given these, from the variance of a weight at which the other donors' paths explain a
        donor's own. Placebos are taken as independent, although they share donors.

        One step for all would take the others' own shocks and sampling noise, which their paths hold, for something
        that weights explain: with lambda^2 J = 0.4, k^2 and omega^2 came out at 60% of their values.
        """
        placebos = PlaceboPaths.of(window)
        change = float(np.median(np.diff(placebos.residual, axis=1).std(axis=1)))
        centres = np.array([np.log(change if change > 0 else 1e-6), PERSISTENCE[0], 0.0, HETEROGENEITY[0]])
        spreads = np.array([WIDE, PERSISTENCE[1], 1.0, HETEROGENEITY[1]])
        learns_k = window.noise is not None and not window.noise_is_known
        if learns_k:
            centres[2], spreads[2] = NOISE_FACTOR

        def objective(x: Floats) -> float:
            theta = np.append(centres + spreads * x, -np.inf)
            if not learns_k:
                theta[2] = 0.0
            found = _log_likelihood(theta, placebos, placebos.loose)
            return 0.5 * float(x @ x) - found if np.isfinite(found) else 1e12

        best = minimize(objective, np.zeros(4), method="BFGS", options={"gtol": 1e-2, "eps": 1e-4, "maxiter": 200})
        x = np.asarray(best.x)
        values, vectors = np.linalg.eigh(_hessian(objective, x))
        if not np.isfinite(values).all() or np.abs(best.jac).max() > LARGEST_SLOPE:
            raise ConvergenceError(
                f"The placebos of {window.name!r} do not identify a shock prior: no mode of their likelihood was "
                "reached. Look for donors with extreme spending, or use inference='placebo'."
            )
        values = np.maximum(values, 1.0)  # no direction is taken as less certain than before the donors were seen
        covariance = spreads[:, None] * ((vectors / values) @ vectors.T) * spreads
        theta = centres + spreads * x
        heterogeneity = float(np.exp(theta[3]))
        prior = covariance[:3, :3].copy()
        prior[0, 0] += heterogeneity**2
        if not learns_k:
            theta[2], prior[2, :], prior[:, 2], prior[2, 2] = 0.0, 0.0, 0.0, 1e-12
        strength = _strength(theta, placebos, kappa)
        return cls(theta[:3].copy(), prior, heterogeneity, strength, len(placebos.residual))


def _log_likelihood(theta: Floats, placebos: PlaceboPaths, loose: Floats) -> float:
    nodes, masses = np.polynomial.hermite_e.hermegauss(QUADRATURE)
    return float(
        shock_log_likelihood(
            theta, placebos.residual, placebos.gram, placebos.own_noise, placebos.donor_noise, placebos.times, loose,
            nodes, masses / masses.sum(),
        )  # fmt: skip
    )


def _strength(theta: Floats, placebos: PlaceboPaths, kappa: float) -> Floats:
    """Return mean and SD of log tau, of weights that differ between units, at the shocks and k of `theta` (4,)."""
    table = weight_deviation(max(placebos.donors - 1, 2))
    loose = np.ones_like(placebos.loose)

    def objective(log_tau: float) -> float:
        found = _log_likelihood(np.append(theta, float(table(log_tau))), placebos, loose)
        return 0.5 * ((log_tau - STRENGTH[0]) / STRENGTH[1]) ** 2 - found

    best = minimize_scalar(objective, bounds=LOG_TAU, method="bounded", options={"xatol": 1e-2})
    mode, step = float(best.x), 0.05
    curvature = (objective(mode + step) - 2 * objective(mode) + objective(mode - step)) / step**2
    spread = 1.0 / np.sqrt(max(curvature, 1.0 / STRENGTH[1] ** 2))
    return np.array([mode, np.hypot(spread, STRENGTH_BETWEEN_UNITS)])


@lru_cache(maxsize=64)
def weight_deviation(J: int) -> CubicSpline:
    """Return log lambda, the SD of one of J weights softmax(tau z), over log tau in (-4, 3), by simulation."""
    z = np.random.default_rng(1).standard_normal((400, J))
    log_tau = np.linspace(-4.0, 3.0, 29)
    out = np.empty(log_tau.size)
    for place, tau in enumerate(np.exp(log_tau)):
        w = np.exp(tau * (z - z.max(axis=1, keepdims=True)))
        w /= w.sum(axis=1, keepdims=True)
        out[place] = 0.5 * np.log(((w - 1.0 / J) ** 2).mean())
    return CubicSpline(log_tau, out)


def _hessian(function: object, x: Floats, step: float = 1e-2) -> Floats:
    """Return the matrix of second differences."""
    d = x.size
    out = np.empty((d, d))
    unit = step * np.eye(d)
    for a in range(d):
        for b in range(a + 1):
            plus, minus = unit[a] + unit[b], unit[a] - unit[b]
            ends = function(x + plus) - function(x + minus) - function(x - minus) + function(x - plus)  # type: ignore[operator]
            out[a, b] = out[b, a] = ends / (4 * step**2)
    return out
