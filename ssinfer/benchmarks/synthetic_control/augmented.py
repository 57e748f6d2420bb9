"""AugmentedSyntheticControl: simplex weights corrected by ridge regression."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ssinfer.arguments import Number, Optional, Rule
from ssinfer.benchmarks.problem import Problem
from ssinfer.benchmarks.synthetic_control.donor_weighting import DonorWeighting
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.inference.jackknife_plus import MIN_PERIODS, jackknife_plus_errors
from ssinfer.benchmarks.synthetic_control.inference.placebo_errors import PredictiveErrors
from ssinfer.benchmarks.synthetic_control.kernels.ridge_augmentation import (
    augmented_weights,
    held_out_errors,
    mean_eigenvalue,
    strength_by_one_standard_error,
)
from ssinfer.deprecation import renamed_parameters
from ssinfer.typing import Booleans, Floats, Integers

STRENGTHS = np.append(np.geomspace(1e-6, 10.0, 20), np.inf)


@renamed_parameters(draws="n_draws")
@dataclass(eq=False, repr=False, kw_only=True)
class AugmentedSyntheticControl(DonorWeighting):
    r"""Ridge-augmented synthetic control.

    .. math::
        \hat w^{aug} = \hat w + X^\top (X X^\top + \rho I)^{-1} (x_1 - X_0 \hat w), \qquad
        B_t = \mu + \sum_j \hat w^{aug}_j y_{jt}

    with :math:`\hat w` the simplex weights and :math:`X` the donors' baseline, centred over donors. The weights
    sum to one and may be negative. The smaller :math:`\rho`, the more the benchmark extrapolates.

    Parameters
    ----------
    ridge : float, optional
        :math:`\rho` as a share of the mean eigenvalue of :math:`X X^\top`; infinity is the plain synthetic control.
        None chooses it for each unit by forecasting later baseline periods from earlier ones, as many at a time as
        there are performance periods: the strongest ridge within one standard error of the best.
    intercept : bool, match deviations from the baseline mean
    inference : "placebo", "jackknife+" or "none"
        "placebo" as for `SyntheticControl`. "jackknife+" leaves out one of at least 19 baseline periods at a time, and
        takes errors as fully persistent: the error of an average over periods is as large as that of one period.
    n_draws : int, total number of draws, even and at least 100

    References
    ----------
    Ben-Michael, Feller and Rothstein (2021), doi:10.1080/01621459.2021.1929245. Barber, Candes, Ramdas and
    Tibshirani (2021), doi:10.1214/20-AOS1965.

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(24, range(2010, 2018), start=2016, seed=1)
    >>> cf = ss.AugmentedSyntheticControl().fit(simulated.panel, simulated.design(), seed=1)
    >>> round(float(cf.weights.sum(axis=1).item()), 6)
    1.0
    """

    inferences: ClassVar[tuple[str, ...]] = ("placebo", "jackknife+", "none")
    rules: ClassVar[dict[str, Rule]] = {"ridge": Optional(Number(0, open=True, infinite=True))}

    ridge: float | None = None
    intercept: bool = False
    inference: str = "placebo"
    n_draws: int = 2000

    def no_inference(self, problem: Problem) -> str | None:
        """Return why there is no sampling distribution, or None when there is one."""
        if self.inference != "jackknife+":
            return super().no_inference(problem)
        shortest = int(problem.pre.sum(axis=1).min())
        if shortest < MIN_PERIODS:
            return (
                f"{shortest} baseline periods: the smallest p-value of jackknife+ is 1/{shortest + 1}, so a 5% test "
                f"needs at least {MIN_PERIODS} periods"
            )
        return None

    def solve(self, window: FitWindow, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each target by the donors allowed to it; `warm` is not used."""
        del warm
        M, N = donors.shape
        Z = np.ascontiguousarray(window.Y[window.pre])
        intercept, used = self.intercept, np.ones(window.pre.size)
        weights, gap = np.zeros((M, N)), np.zeros(M)
        status, iterations = np.zeros(M, dtype=np.int64), np.zeros(M, dtype=np.int64)
        notes = []
        for m, target in enumerate(targets):
            index = np.flatnonzero(donors[m])
            index = index[index != target].astype(np.int64)
            unit = mean_eigenvalue(Z[:, index], intercept)
            share = self.ridge
            if share is None:
                share = float("inf")
                if window.pre.size > 2:
                    errors = held_out_errors(Z, int(target), index, intercept, STRENGTHS * unit, window.post.size)
                    share = float(STRENGTHS[strength_by_one_standard_error(errors)])
            ridge = np.array([share * unit])
            augmented, _w, gap[m], status[m], iterations[m] = augmented_weights(
                Z, int(target), index, used, intercept, ridge, np.zeros(index.size)
            )
            weights[m, index] = augmented[0]
            notes.append({"ridge": share})
        offset = np.zeros((M, window.Y.shape[0]))
        if intercept:
            offset += (Z[:, targets] - Z @ weights.T).mean(axis=0)[:, None]
        return Fits(weights, offset, gap, status, iterations, tuple(notes))

    def predictive_errors(
        self, window: FitWindow, own: Fits, placebos: Fits, rng: np.random.Generator
    ) -> PredictiveErrors:
        """Draw errors of the benchmark, from placebos or by jackknife+."""
        if self.inference != "jackknife+":
            return super().predictive_errors(window, own, placebos, rng)
        share = own.notes[0]["ridge"]
        return jackknife_plus_errors(window, own, share, self.n_draws, rng, intercept=self.intercept)
