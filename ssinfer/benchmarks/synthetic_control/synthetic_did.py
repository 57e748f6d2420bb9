"""Synthetic difference in differences: weighted donors that run parallel, weighted baseline periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ssinfer.benchmarks.base import Capabilities
from ssinfer.benchmarks.synthetic_control.donor_weighting import WeightingMethod
from ssinfer.benchmarks.synthetic_control.fit_window import Fits, Window
from ssinfer.benchmarks.synthetic_control.kernels.gram import factor
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_batch
from ssinfer.benchmarks.synthetic_control.kernels.synthetic_did_weights import (
    first_difference_noise,
    time_weights_batch,
)
from ssinfer.errors import RefusalError

if TYPE_CHECKING:
    from ssinfer.typing import Booleans, Floats, Integers


INTERCEPT = True  # unit weights match deviations from the baseline mean


class SyntheticDiD(WeightingMethod):
    r"""Synthetic difference in differences, with both sets of weights at their exact optimum.

    .. math::
        B_t = \sum_j \hat\omega_j y_{jt} + \sum_{s \in \text{baseline}} \hat\lambda_s
        \Bigl(y_{1s} - \sum_j \hat\omega_j y_{js}\Bigr)

    with unit weights :math:`\hat\omega` (ridge :math:`\zeta_\omega = T_1^{1/4} \hat\sigma`, an intercept) and time
    weights :math:`\hat\lambda` that make the donors' baseline resemble their performance periods; :math:`\hat\sigma`
    is the
    standard deviation of the donors' first differences. Each treated unit has its own weights.

    Parameters
    ----------
    unit_ridge : float, optional
        :math:`\zeta_\omega / \hat\sigma`; None for :math:`T_1^{1/4}`.
    time_ridge : float
        :math:`\zeta_\lambda / \hat\sigma`.
    inference : "placebo-se", "placebo" or "none"
        "placebo-se": normal errors with the covariance of all placebos' errors (algorithm 4 of the source, by exact
        enumeration). "placebo": their conformal law, as for the synthetic control. A jackknife over
        treated units needs several of them, and is not offered.
    draws : int
        Number of draws, even.

    References
    ----------
    Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), doi:10.1257/aer.20190159.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ssinfer.panel import Panel
    >>> from ssinfer.design import Design
    >>> from ssinfer.benchmarks.synthetic_control.synthetic_did import SyntheticDiD
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame([(f"gp{j:02d}", 2010 + t, 2000 + 10 * j + 40 * t + rng.normal(0, 10))
    ...                       for j in range(25) for t in range(8)], columns=["unit", "period", "spending"])
    >>> design = Design(treated=["gp07"], baseline=range(2010, 2016), performance=[2016, 2017])
    >>> cf = SyntheticDiD().fit(Panel.from_frame(frame, insured_years=None), design, seed=1)
    >>> cf.uncertainty, bool(cf.solver["kkt_gap"].max() < 1e-9)
    ('sampling', True)
    """

    capabilities: ClassVar[Capabilities] = Capabilities(staggered_starts=True, confidence=True)
    weights_read_baseline_only: ClassVar[bool] = False

    def __init__(
        self,
        *,
        unit_ridge: float | None = None,
        time_ridge: float = 1e-6,
        inference: str = "placebo-se",
        draws: int = 2000,
    ) -> None:
        self.unit_ridge = unit_ridge
        self.time_ridge = time_ridge
        self.inference = inference
        self.draws = draws

    @classmethod
    def inferences(cls) -> tuple[str, ...]:
        """Return the kinds of inference that the method offers."""
        return ("placebo-se", "placebo", "none")

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        super().check_parameters()
        for name in ("unit_ridge", "time_ridge"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise RefusalError(f"{name} is {value!r}; a number >= 0 is needed.")

    def solve(self, window: Window, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each target by the donors allowed to it."""
        M, N = donors.shape
        allowed = donors.copy()
        allowed[np.arange(M), targets] = False
        before = np.ascontiguousarray(window.Y[window.pre])
        after = window.pooling @ window.Y[window.post]
        T0 = window.pre.size
        sigma = np.array([first_difference_noise(before, allowed[m]) for m in range(M)])
        share = window.post.size**0.25 if self.unit_ridge is None else self.unit_ridge
        F = factor(before, np.ones(T0), INTERCEPT)
        K = F.T @ F
        weights, gap = np.zeros((M, N)), np.zeros(M)
        status, iterations = np.zeros(M, dtype=np.int64), np.zeros(M, dtype=np.int64)
        start = np.zeros((M, N)) if warm is None else warm
        for m in range(M):
            one = slice(m, m + 1)
            ridge = np.full(N, T0 * (share * sigma[m]) ** 2)
            weights[one], gap[one], status[one], iterations[one] = simplex_batch(
                K, F, targets[one], allowed[one], ridge, start[one]
            )
            if warm is None and m + 1 < M:
                start[m + 1] = np.where(allowed[m + 1], weights[m], 0.0)
        periods, time_gap, time_status, time_steps = time_weights_batch(before, after, allowed, self.time_ridge * sigma)
        residual = before[:, targets] - before @ weights.T  # (T0, M)
        offset = (periods.T * residual).sum(axis=0)
        labels = window.problem.periods(window.pre)
        notes = tuple(
            {f"lambda[{label}]": float(value) for label, value in zip(labels, row, strict=True)} for row in periods
        )
        return Fits(
            weights,
            np.repeat(offset[:, None], window.Y.shape[0], axis=1),
            np.maximum(gap, time_gap),
            np.maximum(status, time_status),
            iterations + time_steps,
            notes,
        )
