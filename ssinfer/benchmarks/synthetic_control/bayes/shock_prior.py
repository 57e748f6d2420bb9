"""ShockPrior: the prior of shocks and sampling noise, learned from donors in the treated unit's position."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ssinfer.benchmarks.priors import VOLATILITY_LOG_SD
from ssinfer.benchmarks.synthetic_control.bayes.placebo_paths import PlaceboPaths
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.placebo_shocks import shock_log_likelihood
from ssinfer.errors import ConvergenceError
from ssinfer.kernels.importance import hessian_of_gradient
from ssinfer.typing import Floats

N_NODES = 7  # of the quadrature over shock sizes
MAX_GRADIENT = 0.5  # of the objective at its mode, per prior SD
DIFFERENCE = 1e-3  # step of the Hessian's differences, in prior SDs
# Mean and SD before the donors are seen: logit of persistence, log k, log of the SD of log shock sizes between units.
PERSISTENCE = (1.0, 1.5)
NOISE_FACTOR = (float(np.log(2.5)), 0.5)
HETEROGENEITY = (float(np.log(0.3)), 0.7)
SHOCK_LOG_SD = 1.5


@dataclass(frozen=True, eq=False)
class ShockPrior:
    """Normal prior of (log omega, logit(rho / 0.995), log k, log v) over the T periods of baseline and performance.

    omega is the SD of a shock's innovation relative to the unit's level, and rho its persistence from period to
    period. k is the coefficient of variation between persons, learned only if the panel gives insured-years alone. v_t
    is the volatility of a period, which multiplies the shocks of all units. The covariance (3 + T, 3 + T) is that of
    the donors' common values, plus `heterogeneity` squared, the variance between units of log omega. `placebos` is the
    number of donors, and `log_density` their log likelihood plus the log prior at the mode, up to a constant.
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
    def learned(cls, window: FitWindow, *, volatility_log_sd: float = VOLATILITY_LOG_SD) -> "ShockPrior":
        """Learn the prior from the donors' paths over baseline and performance.

        This is empirical Bayes with its uncertainty: the mode of the donors' integrated likelihood (kernel
        ``placebo_shocks``) times weak priors, `volatility_log_sd` for log v_t, and the inverse Hessian there.

        Weights are not integrated out. The other donors' paths hold shocks and sampling noise of their own, which
        would then be taken for differences that weights explain. Where weights explained a share c of the differences,
        k^2 and omega^2 were (1 - c) times too small.
        """
        placebos = PlaceboPaths.of(window)
        nodes, masses = np.polynomial.hermite_e.hermegauss(N_NODES)
        masses = masses / masses.sum()
        change = float(np.median(np.diff(placebos.residual, axis=1).std(axis=1)))
        T = placebos.times.size
        centres, spreads = np.zeros(4 + T), np.full(4 + T, volatility_log_sd)
        centres[:4] = np.log(change if change > 0 else 1e-6), PERSISTENCE[0], 0.0, HETEROGENEITY[0]
        spreads[:4] = SHOCK_LOG_SD, PERSISTENCE[1], 1.0, HETEROGENEITY[1]
        learns_k = window.noise is not None and not window.noise_is_known
        if learns_k:
            centres[2], spreads[2] = NOISE_FACTOR

        def objective(x: Floats) -> tuple[float, Floats]:
            theta = centres + spreads * x
            if not learns_k:
                theta[2] = 0.0
            gradient = np.empty(4 + T)
            value = shock_log_likelihood(
                theta, placebos.residual, placebos.noise, placebos.times, placebos.loose, nodes, masses, gradient
            )
            if not np.isfinite(value):
                return 1e12, x
            if not learns_k:
                gradient[2] = 0.0
            return 0.5 * float(x @ x) - value, x - spreads * gradient

        mode = minimize(objective, np.zeros(4 + T), jac=True, method="BFGS", options={"gtol": 1e-2, "maxiter": 200})
        x = np.asarray(mode.x)
        values, vectors = np.linalg.eigh(hessian_of_gradient(objective, x, DIFFERENCE))
        if not np.isfinite(values).all() or np.abs(np.asarray(mode.jac)).max() > MAX_GRADIENT:
            raise ConvergenceError(
                f"The placebos of {window.name!r} do not identify a shock prior: their likelihood has no mode within "
                "reach. Look for donors with extreme spending, or use inference='placebo'."
            )
        values = np.maximum(values, 1.0)  # no posterior variance exceeds its prior variance
        covariance = spreads[:, None] * ((vectors / values) @ vectors.T) * spreads
        theta = centres + spreads * x
        heterogeneity = float(np.exp(theta[3]))
        unit = np.delete(np.arange(4 + T), 3)  # parameters of a unit: all but the heterogeneity
        prior = covariance[np.ix_(unit, unit)]
        prior[0, 0] += heterogeneity**2
        if not learns_k:
            theta[2], prior[2, :], prior[:, 2], prior[2, 2] = 0.0, 0.0, 0.0, 1e-12
        return cls(theta[unit], prior, heterogeneity, len(placebos.residual), -float(mode.fun))
