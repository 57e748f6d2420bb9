"""The prior of a synthetic control's shocks and sampling noise, learned from donors in the treated unit's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from ssinfer.benchmarks.priors import VOLATILITY_LOG_SD
from ssinfer.benchmarks.synthetic_control.bayes.donor_paths import PlaceboPaths
from ssinfer.benchmarks.synthetic_control.kernels.placebo_shocks import shock_log_likelihood
from ssinfer.errors import ConvergenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ssinfer.benchmarks.synthetic_control.fit_window import Window
    from ssinfer.typing import Floats


QUADRATURE = 7
LARGEST_SLOPE = 0.5  # of the objective at its mode, in prior SDs
# logit of persistence, log k, log of the SD of log shock sizes between units: mean and SD before the donors are seen
PERSISTENCE = (1.0, 1.5)
NOISE_FACTOR = (float(np.log(2.5)), 0.5)
HETEROGENEITY = (float(np.log(0.3)), 0.7)
WIDE = 1.5


@dataclass(frozen=True, eq=False)
class ShockPrior:
    """Normal prior of (log omega, logit(rho / 0.995), log k, log v) over the T periods of baseline and performance.

    omega is the SD of a shock's innovation relative to the unit's level, rho its persistence from period to period,
    k the coefficient of variation between persons (learned only where the panel gives insured-years alone), v_t the
    volatility of a period, which multiplies the shocks of all units.

    Attributes
    ----------
    mean : (3 + T,)
    covariance : (3 + T, 3 + T)
        Uncertainty of the donors' common values plus the variance between units of log omega.
    heterogeneity : float
        SD of log omega between units.
    placebos : int
    log_density : float
        The donors' log likelihood plus the log prior at the mode, up to a constant.
    """

    mean: Floats
    covariance: Floats
    heterogeneity: float
    placebos: int
    log_density: float

    @property
    def factor(self) -> Floats:
        """Lower Cholesky factor of the covariance."""
        return np.linalg.cholesky(self.covariance)

    @classmethod
    def learned(cls, window: Window) -> ShockPrior:
        """Learn the prior from donors in the treated unit's place, over baseline and performance.

        Empirical Bayes with its uncertainty: the mode of the donors' integrated likelihood
        (kernel ``placebo_shocks``) times weak priors, and the inverse Hessian there. Level and leading common
        factor of a donor, which weights are meant to reproduce, are left free. Placebos are taken as independent,
        although they share donors.

        Integrating weights out instead takes the other donors' own shocks and sampling noise, which their paths hold,
        for something that weights explain: where weights explained a share c of the differences, k^2 and omega^2 came
        out (1 - c) times too small.
        """
        placebos = PlaceboPaths.of(window)
        nodes, masses = np.polynomial.hermite_e.hermegauss(QUADRATURE)
        masses = masses / masses.sum()
        change = float(np.median(np.diff(placebos.residual, axis=1).std(axis=1)))
        T = placebos.times.size
        centres = np.zeros(4 + T)
        centres[:4] = np.log(change if change > 0 else 1e-6), PERSISTENCE[0], 0.0, HETEROGENEITY[0]
        spreads = np.full(4 + T, VOLATILITY_LOG_SD)
        spreads[:4] = WIDE, PERSISTENCE[1], 1.0, HETEROGENEITY[1]
        learns_k = window.noise is not None and not window.noise_is_known
        if learns_k:
            centres[2], spreads[2] = NOISE_FACTOR

        def objective(x: Floats) -> tuple[float, Floats]:
            theta = centres + spreads * x
            if not learns_k:
                theta[2] = 0.0
            gradient = np.empty(4 + T)
            found = shock_log_likelihood(
                theta, placebos.residual, placebos.noise, placebos.times, placebos.loose, nodes, masses, gradient
            )
            if not np.isfinite(found):
                return 1e12, x
            if not learns_k:
                gradient[2] = 0.0
            return 0.5 * float(x @ x) - found, x - spreads * gradient

        best = minimize(objective, np.zeros(4 + T), jac=True, method="BFGS", options={"gtol": 1e-2, "maxiter": 200})
        x = np.asarray(best.x)
        values, vectors = np.linalg.eigh(_hessian(objective, x))
        if not np.isfinite(values).all() or np.abs(np.asarray(best.jac)).max() > LARGEST_SLOPE:
            raise ConvergenceError(
                f"The placebos of {window.name!r} do not identify a shock prior: no mode of their likelihood was "
                "reached. Look for donors with extreme spending, or use inference='placebo'."
            )
        values = np.maximum(values, 1.0)  # no direction is taken as less certain than before the donors were seen
        covariance = spreads[:, None] * ((vectors / values) @ vectors.T) * spreads
        theta = centres + spreads * x
        heterogeneity = float(np.exp(theta[3]))
        kept = np.delete(np.arange(4 + T), 3)
        prior = covariance[np.ix_(kept, kept)]
        prior[0, 0] += heterogeneity**2
        if not learns_k:
            theta[2], prior[2, :], prior[:, 2], prior[2, 2] = 0.0, 0.0, 0.0, 1e-12
        return cls(theta[kept], prior, heterogeneity, len(placebos.residual), -float(best.fun))


def _hessian(function: Callable[[Floats], tuple[float, Floats]], x: Floats, step: float = 1e-3) -> Floats:
    """Return the matrix of second derivatives, from differences of gradients."""
    steps = step * np.eye(x.size)
    rows = np.array([(function(x + one)[1] - function(x - one)[1]) / (2 * step) for one in steps])
    return np.asarray((rows + rows.T) / 2)
