"""The prior of a synthetic control's shocks and weights, learned from donors in the treated unit's place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize

from ssinfer.errors import ConvergenceError
from ssinfer.kernels.placebo_shocks import shock_log_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.window import Window

    Floats = NDArray[np.float64]

MOST_PLACEBOS = 60
QUADRATURE = 7
# logit of persistence, log k, log of the SD of log shock sizes between units: mean and SD before the donors are seen
PERSISTENCE = (1.0, 1.5)
NOISE_FACTOR = (float(np.log(2.5)), 0.5)
HETEROGENEITY = (float(np.log(0.3)), 0.7)
WIDE = 1.5
# log of the weights' strength tau: mean and SD before the donors are seen, and the SD between units that is kept
STRENGTH = (0.0, 0.75)
STRENGTH_BETWEEN_UNITS = 0.5


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
        """Learn the prior from at most 60 donors, evenly spaced by level, over baseline and performance.

        Empirical Bayes with its uncertainty: the mode of the donors' integrated likelihood (see
        `ssinfer.kernels.placebo_shocks`) times weak priors, and the inverse Hessian there. Placebos are
        taken as independent, although they share donors.
        """
        used = np.concatenate([window.pre, window.post])
        donors = np.ascontiguousarray(window.Y[np.ix_(used, window.others)].T)  # (J, T)
        J, T = donors.shape
        level = np.sqrt((donors[:, : window.pre.size] ** 2).mean(axis=1))
        order = np.argsort(level, kind="stable")
        places = order[np.unique(np.linspace(0, J - 1, min(J, MOST_PLACEBOS)).round().astype(int))]
        noise = np.zeros_like(donors) if window.noise is None else window.noise[np.ix_(used, window.others)].T
        residual = np.empty((places.size, T))
        gram = np.empty((places.size, T, T))
        own, others = np.empty((places.size, T)), np.empty((places.size, T))
        for m, j in enumerate(places):
            rest = np.delete(donors, j, axis=0) / level[j]
            centre = rest.mean(axis=0)
            residual[m] = donors[j] / level[j] - centre
            gram[m] = (rest - centre).T @ (rest - centre)
            own[m] = noise[j] / level[j] ** 2
            others[m] = (noise.sum(axis=0) - noise[j]) / level[j] ** 2
            own[m] += others[m] / (J - 1) ** 2
        change = float(np.median(np.diff(residual, axis=1).std(axis=1)))
        scale = change if change > 0 else 1e-6
        centres = np.array([np.log(scale), PERSISTENCE[0], 0.0, STRENGTH[0], HETEROGENEITY[0]])
        spreads = np.array([WIDE, PERSISTENCE[1], 1.0, STRENGTH[1], HETEROGENEITY[1]])
        if not window.noise_is_known:
            centres[2], spreads[2] = NOISE_FACTOR
        learns_k = window.noise is not None and not window.noise_is_known
        nodes, masses = np.polynomial.hermite_e.hermegauss(QUADRATURE)
        masses = masses / masses.sum()
        times = used.astype(np.float64)
        table = weight_deviation(max(J - 1, 2))

        def objective(x: Floats) -> float:
            theta = centres + spreads * x
            if not learns_k:
                theta[2] = 0.0
            theta[3] = float(table(min(max(theta[3], -4.0), 3.0)))
            found = shock_log_likelihood(theta, residual, gram, own, others, times, kappa, nodes, masses)
            return 0.5 * float(x @ x) - found if np.isfinite(found) else 1e12

        best = minimize(objective, np.zeros(5), method="BFGS", options={"gtol": 1e-3, "maxiter": 200})
        x = np.asarray(best.x)
        hessian = _hessian(objective, x)
        values, vectors = np.linalg.eigh(hessian)
        if not np.isfinite(values).all():
            raise ConvergenceError(
                f"The placebos of {window.name!r} do not identify a shock prior: their likelihood is not finite near "
                "its mode. Look for donors with extreme spending, or use inference='placebo'."
            )
        values = np.maximum(values, 1.0)  # no direction is taken as less certain than before the donors were seen
        covariance = spreads[:, None] * ((vectors / values) @ vectors.T) * spreads
        theta = centres + spreads * x
        heterogeneity = float(np.exp(theta[4]))
        prior = covariance[:3, :3].copy()
        prior[0, 0] += heterogeneity**2
        mean = theta[:3].copy()
        if not learns_k:
            mean[2], prior[2, :], prior[:, 2], prior[2, 2] = 0.0, 0.0, 0.0, 1e-12
        strength = np.array([theta[3], np.hypot(np.sqrt(covariance[3, 3]), STRENGTH_BETWEEN_UNITS)])
        return cls(mean, prior, heterogeneity, strength, int(places.size))


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
