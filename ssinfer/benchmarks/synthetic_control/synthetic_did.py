"""SyntheticDiD: synthetic difference in differences, with weights for donors and for baseline periods."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ssinfer.arguments import Number, Optional, Rule
from ssinfer.benchmarks.synthetic_control.donor_weighting import DonorWeighting
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.kernels.gram import factor
from ssinfer.benchmarks.synthetic_control.kernels.synthetic_did_weights import synthetic_did_weights
from ssinfer.deprecation import renamed_parameters
from ssinfer.typing import Booleans, Floats, Integers


@renamed_parameters(draws="n_draws")
@dataclass(eq=False, repr=False, kw_only=True)
class SyntheticDiD(DonorWeighting):
    r"""Synthetic difference in differences, with both sets of weights at their exact optimum.

    .. math::
        B_t = \sum_j \hat\omega_j y_{jt} + \sum_{s \in \text{baseline}} \hat\lambda_s
        \Bigl(y_{1s} - \sum_j \hat\omega_j y_{js}\Bigr)

    with unit weights :math:`\hat\omega` (an intercept, and ridge :math:`\zeta_\omega = T_1^{1/4} \hat\sigma`) and
    time weights :math:`\hat\lambda` that make the donors' baseline resemble their performance periods.
    :math:`\hat\sigma` is the standard deviation of the donors' first differences.

    Parameters
    ----------
    unit_ridge : float, optional, :math:`\zeta_\omega / \hat\sigma`, at least 0; None for :math:`T_1^{1/4}`
    time_ridge : float, :math:`\zeta_\lambda / \hat\sigma`, at least 0
    inference : "placebo-se", "placebo" or "none"
        "placebo-se" draws normal errors with the covariance of all placebos' errors (algorithm 4 of the source,
        enumerated). "placebo" as for `SyntheticControl`.
    n_draws : int, total number of draws, even and at least 100

    References
    ----------
    Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), doi:10.1257/aer.20190159.

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(24, range(2010, 2018), start=2016, seed=1)
    >>> cf = ss.SyntheticDiD().fit(simulated.panel, simulated.design(), seed=1)
    >>> cf.uncertainty, bool(cf.solver["kkt_gap"].max() < 1e-9)
    ('sampling', True)
    """

    weights_read_baseline_only: ClassVar[bool] = False
    inferences: ClassVar[tuple[str, ...]] = ("placebo-se", "placebo", "none")
    rules: ClassVar[dict[str, Rule]] = {"unit_ridge": Optional(Number(0.0)), "time_ridge": Number(0.0)}

    unit_ridge: float | None = None
    time_ridge: float = 1e-6
    inference: str = "placebo-se"
    n_draws: int = 2000

    def solve(self, window: FitWindow, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each target by the donors allowed to it."""
        allowed = donors.copy()
        allowed[np.arange(len(donors)), targets] = False
        before = np.ascontiguousarray(window.Y[window.pre])
        outcomes = np.vstack([before, window.pooling @ window.Y[window.post]])
        share = window.post.size**0.25 if self.unit_ridge is None else self.unit_ridge
        F = factor(before, np.ones(len(before)), intercept=True)
        weights, periods, gap, status, iterations = synthetic_did_weights(
            outcomes, F, targets, allowed, (float(share), float(self.time_ridge)), warm
        )
        residual = before[:, targets] - before @ weights.T  # (T0, M)
        offset = (periods.T * residual).sum(axis=0)
        names = [f"lambda[{label}]" for label in window.problem.periods(window.pre)]
        offset = np.repeat(offset[:, None], window.Y.shape[0], axis=1)
        notes = tuple(dict(zip(names, row.tolist(), strict=True)) for row in periods)
        return Fits(weights, offset, gap.max(axis=0), status.max(axis=0), iterations.sum(axis=0), notes)
