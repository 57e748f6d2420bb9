"""Augmented synthetic control: the simplex fit, corrected by ridge regression where it does not reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ssinfer.benchmarks.base import Capabilities
from ssinfer.benchmarks.synthetic_control.donor_weighting import WeightingMethod
from ssinfer.benchmarks.synthetic_control.fit_window import Fits, Window
from ssinfer.benchmarks.synthetic_control.inference.jackknife_plus import FEWEST_PERIODS, jackknife_plus_errors
from ssinfer.benchmarks.synthetic_control.kernels.ridge_augmentation import (
    augmented_paths,
    held_out_errors,
    strength_by_one_standard_error,
)
from ssinfer.errors import RefusalError

if TYPE_CHECKING:
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Booleans, Floats, Integers


STRENGTHS = np.append(np.geomspace(1e-6, 10.0, 20), np.inf)


class AugmentedSyntheticControl(WeightingMethod):
    r"""Ridge-augmented synthetic control.

    .. math::
        \hat w^{aug} = \hat w + X^\top (X X^\top + \rho I)^{-1} (x_1 - X_0 \hat w), \qquad
        B_t = \mu + \sum_j \hat w^{aug}_j y_{jt}

    with :math:`\hat w` the simplex weights and :math:`X` the donors' baseline, centred over donors. The weights
    sum to one and may be negative: the benchmark extrapolates, by as much as :math:`\rho` allows.

    Parameters
    ----------
    ridge : float, optional
        :math:`\rho` as a share of the mean eigenvalue of :math:`X X^\top`; infinity is the plain synthetic control.
        None chooses it for each unit by forecasting held-out baseline periods from the earlier ones (as many
        at a time as there are performance periods): the strongest ridge within one standard error of the best.
    intercept : bool
        Match deviations from the baseline mean.
    inference : "placebo", "jackknife+" or "none"
        "jackknife+" leaves out one baseline period at a time (Barber et al. 2021) and needs 19 baseline periods. It
        takes the error of an average to be as large as that of one period, that is, fully persistent.
    draws : int
        Number of draws, even.

    References
    ----------
    Ben-Michael, Feller and Rothstein (2021), doi:10.1080/01621459.2021.1929245. Barber, Candes, Ramdas and
    Tibshirani (2021), doi:10.1214/20-AOS1965.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ssinfer.panel import Panel
    >>> from ssinfer.design import Design
    >>> from ssinfer.benchmarks.synthetic_control.augmented import AugmentedSyntheticControl
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame([(f"gp{j:02d}", 2010 + t, 2000 + 10 * j + 40 * t + rng.normal(0, 10))
    ...                       for j in range(25) for t in range(8)], columns=["unit", "period", "spending"])
    >>> design = Design(treated=["gp07"], baseline=range(2010, 2016), performance=[2016, 2017])
    >>> cf = AugmentedSyntheticControl().fit(Panel.from_frame(frame, insured_years=None), design, seed=1)
    >>> round(float(cf.weights.sum(axis=1).item()), 6)
    1.0
    """

    capabilities: ClassVar[Capabilities] = Capabilities(staggered_starts=True, confidence=True)

    def __init__(
        self,
        *,
        ridge: float | None = None,
        intercept: bool = False,
        inference: str = "placebo",
        draws: int = 2000,
    ) -> None:
        self.ridge = ridge
        self.intercept = intercept
        self.inference = inference
        self.draws = draws

    @classmethod
    def inferences(cls) -> tuple[str, ...]:
        """Return the kinds of inference that the method offers."""
        return ("placebo", "jackknife+", "none")

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        super().check_parameters()
        if self.ridge is not None and not self.ridge > 0:
            raise RefusalError(f"ridge is {self.ridge!r}; a positive share, infinity, or None to choose it is needed.")

    def no_inference(self, problem: Problem) -> str | None:
        """Return why no sampling distribution exists, or None when one does."""
        if self.inference != "jackknife+":
            return super().no_inference(problem)
        fewest = int(problem.pre.sum(axis=1).min())
        if fewest < FEWEST_PERIODS:
            return (
                f"{fewest} baseline periods: jackknife+ over periods attains no p-value below 1/{fewest + 1}, so a 5% "
                f"test needs at least {FEWEST_PERIODS} periods"
            )
        return None

    def needs_placebos(self) -> bool:
        """Return whether the law of the error is learned from placebos."""
        return self.inference == "placebo"

    def solve(self, window: Window, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each target by the donors allowed to it."""
        del warm
        M, N = donors.shape
        Z = np.ascontiguousarray(window.Y[window.pre])
        used = np.ones(window.pre.size)
        weights, gap = np.zeros((M, N)), np.zeros(M)
        status, iterations = np.zeros(M, dtype=np.int64), np.zeros(M, dtype=np.int64)
        notes = []
        for m, target in enumerate(targets):
            index = np.flatnonzero(donors[m])
            index = index[index != target].astype(np.int64)
            unit = ridge_unit(Z[:, index], bool(self.intercept))
            share = self.ridge
            if share is None:
                share = float("inf")
                if window.pre.size > 2:
                    errors = held_out_errors(
                        Z, int(target), index, bool(self.intercept), STRENGTHS * unit, window.post.size
                    )
                    share = float(STRENGTHS[strength_by_one_standard_error(errors)])
            path, _w, gap[m], status[m], iterations[m] = augmented_paths(
                Z, int(target), index, used, bool(self.intercept), np.array([share * unit]), np.zeros(index.size)
            )
            weights[m, index] = path[0]
            notes.append({"ridge": share})
        offset = np.zeros((M, window.Y.shape[0]))
        if self.intercept:
            offset += (Z[:, targets] - Z @ weights.T).mean(axis=0)[:, None]
        return Fits(weights, offset, gap, status, iterations, tuple(notes))

    def predictive(
        self, window: Window, own: Fits, placebos: Fits, rng: np.random.Generator
    ) -> tuple[Floats, dict[str, Any], tuple[str, str, float, str]]:
        """Return error paths (draws, P), the parts of their variance, and a line on how they were had."""
        if self.inference != "jackknife+":
            return super().predictive(window, own, placebos, rng)
        share = own.notes[0]["ridge"]
        return jackknife_plus_errors(window, own, share, bool(self.intercept), self.draws, rng)


def ridge_unit(Z: Floats, intercept: bool) -> float:
    """Return the mean eigenvalue of X X', X the donors' rows (R, J) centred over donors: the unit of the ridge."""
    X = Z - Z.mean(axis=1, keepdims=True)
    if intercept:
        X = X - X.mean(axis=0, keepdims=True)
    return float((X**2).sum() / Z.shape[0])
