"""Placebo tests: the treated unit's saving among those of all donors, by exact enumeration.

These tests read the treated unit's performance spending; the draws of a counterfactual do not.
"""

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ssinfer.arguments import checked
from ssinfer.benchmarks.synthetic_control.donor_weighting import DonorWeighting
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.inference.placebo_errors import variance_regressors
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import NOT_CONVERGED, STATUS
from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError, NotSupportedError, RefusalError
from ssinfer.kernels.variance_components import variance_function
from ssinfer.level import check_level
from ssinfer.typing import Floats, Integers

Statistic = Literal["rmspe_ratio", "saving"]


@dataclass(frozen=True, eq=False)
class PlaceboTest:
    """A two-sided test of no saving by permuting the treated unit with its donors.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per unit, the treated unit first. Columns: unit, saving (pooled, per insured-year), rmspe_baseline and
        rmspe_performance (same unit), rmspe_ratio, status. A placebo that failed has a row without numbers.
    statistic : "rmspe_ratio" or "saving", compared in absolute value
    p_value : float, share of the `n_units` units with at least the statistic of the treated unit
    n_units : int, with the treated unit and failed placebos, which count as at least as large
    """

    frame: pd.DataFrame
    statistic: str
    p_value: float
    n_units: int

    def rejects(self, level: float = 0.95) -> bool:
        """Return whether no saving is rejected at 1 - `level`; RefusalError if no p-value can be that small."""
        level = check_level(level)
        if 1 / self.n_units > 1 - level + 1e-12:
            raise RefusalError(
                f"With {self.n_units - 1} donors no p-value is below 1/{self.n_units}, so a test at {1 - level:.3g} "
                f"cannot reject. It needs {int(np.ceil(1 / (1 - level) - 1e-9)) - 1} donors: widen the group."
            )
        return self.p_value <= 1 - level + 1e-12


@dataclass(frozen=True, eq=False)
class LeaveTwoOutTest:
    """A refined placebo test over all pairs of donors (Sudijono and Lei 2023, arXiv:2401.07152).

    `p_value` is the share of pairs in which one of the two donors has at least the treated unit's statistic, all three
    fitted without each other. `n_failed` of the `n_pairs` have a failed fit and count as at least as large.
    """

    p_value: float
    n_pairs: int
    n_failed: int


def observed_window(method: DonorWeighting, panel: Any, design: Design, test: str) -> tuple[FitWindow, Floats]:
    """Return the window of a design, and outcomes (T, N) that hold the treated unit's performance spending."""
    if len(design.treated) > 1:
        several = f"{len(design.treated)} treated units at once"
        raise NotSupportedError(test, several, "Test one design per treated unit.")
    method.check_parameters()
    problem = method.prepare(panel, design)
    window = FitWindow.of(problem, 0)
    window.require_usable(type(method).__name__)
    Y = window.Y.copy()
    Y[:, window.treated] = (problem.panel.spending / problem.factor)[problem.treated[0]]
    if not np.isfinite(Y[window.post, window.treated]).all():
        raise DataError(
            f"{test} reads the performance spending of {window.name!r}, which the panel lacks. Add it, or use the "
            "thresholds, which do not need it."
        )
    return window, Y


@checked()
def placebo_test(
    method: DonorWeighting, panel: Any, design: Design, statistic: Statistic = "rmspe_ratio"
) -> PlaceboTest:
    r"""Test for no saving by fitting every donor as if it were treated.

    The treated unit is never among a placebo's donors. It counts in the numerator and the denominator of

    .. math:: p = \frac{\#\{i : S_i \ge S_{treated}\}}{J + 1}, \qquad p \ge \frac{1}{J + 1}.

    Parameters
    ----------
    method : SyntheticControl, AugmentedSyntheticControl or SyntheticDiD
    panel, design : Panel with the treated unit's performance spending, and Design with one treated unit
    statistic : "rmspe_ratio" (root mean squared errors in performance over baseline) or "saving" (absolute, pooled)

    Raises
    ------
    NotSupportedError, DataError
        The design has several treated units, or the panel lacks the treated unit's performance spending.
    DesignError, ConvergenceError
        The method refuses the design, or its weights did not converge.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746.

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(25, range(2005, 2018), start=2016, saving=0.1, seed=1)
    >>> ss.placebo_test(ss.SyntheticControl(), simulated.panel, simulated.design(), "saving").p_value
    0.04
    """
    window, Y = observed_window(method, panel, design, "A placebo test")
    fits = method.fit_window(window)
    fits.require_converged(repr(window.name))
    failed = fits.status == NOT_CONVERGED
    units = np.append(window.treated, window.others)
    labels = window.labels()
    numbers = pd.DataFrame(_statistics(window, Y, units, fits))
    numbers[failed] = np.nan
    status = [STATUS[state] for state in fits.status]
    frame = pd.concat([pd.Series([labels[unit] for unit in units], name="unit"), numbers], axis=1).assign(status=status)
    values = np.where(failed, np.inf, frame[statistic].abs().to_numpy())
    return PlaceboTest(frame, statistic, float((values >= values[0]).mean()), units.size)


@checked()
def leave_two_out_test(
    method: DonorWeighting, panel: Any, design: Design, statistic: Statistic = "rmspe_ratio"
) -> LeaveTwoOutTest:
    """Test for no saving over all pairs of donors, each of the three units fitted without the other two.

    The p-value is a multiple of 2 / (J (J - 1)), finer than the placebo test's 1 / (J + 1). Its size is controlled at
    the same level. Parameters and errors are those of `placebo_test`; fewer than four donors are a DesignError.

    References
    ----------
    Sudijono and Lei (2023), doi:10.48550/arXiv.2401.07152.

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(25, range(2005, 2018), start=2016, saving=0.1, seed=7)
    >>> test = ss.leave_two_out_test(ss.SyntheticControl(), simulated.panel, simulated.design(), "saving")
    >>> test.n_pairs, round(test.p_value, 3)
    (276, 0.022)
    """
    window, Y = observed_window(method, panel, design, "A leave-two-out test")
    pairs = list(itertools.combinations(window.others.tolist(), 2))
    N = window.rows.size
    if N < 5:
        raise DesignError(f"{N - 1} donors: leaving two out leaves too few to weight. At least 4 are needed.")
    targets = np.empty((len(pairs), 3), dtype=np.int64)
    donors = np.ones((len(pairs), 3, N), dtype=bool)
    for m, (j, k) in enumerate(pairs):
        targets[m] = window.treated, j, k
        donors[m][:, [window.treated, j, k]] = False
    fits = method.solve(window, targets.ravel(), donors.reshape(-1, N))
    value = np.abs(_statistics(window, Y, targets.ravel(), fits)[statistic]).reshape(-1, 3)
    failed = (fits.status.reshape(-1, 3) == NOT_CONVERGED).any(axis=1)
    larger = failed | (value[:, 1:].max(axis=1) >= value[:, 0])
    return LeaveTwoOutTest(float(larger.mean()), len(pairs), int(failed.sum()))


def standardised_errors(method: DonorWeighting, panel: Any, design: Design) -> pd.Series:
    """Return each unit's absolute pooled error over its SD, the treated unit first; infinite where its fit failed.

    The variances of ``inference.placebo_errors`` are fitted to all units alike, with noise as in the baseline, so that
    without a saving the units are exchangeable (full conformal inference: Vovk et al. 2005, doi:10.1007/b106715).
    """
    window, Y = observed_window(method, panel, design, "A placebo rank")
    if window.noise is not None:
        window.noise[window.post] = window.noise[window.pre].mean(axis=0)
    fits, units = method.fit_window(window), np.append(window.treated, window.others)
    error, regressors = _statistics(window, Y, units, fits)["saving"], variance_regressors(window, fits, units)
    variance = regressors @ variance_function(error, regressors)
    standardised = np.abs(error) / np.sqrt(np.maximum(variance, 1e-12 * float((error**2).mean()) + 1e-300))
    return pd.Series(np.where(fits.status == NOT_CONVERGED, np.inf, standardised), np.array(window.labels())[units])


def _statistics(window: FitWindow, Y: Floats, units: Integers, fits: Fits) -> dict[str, Floats]:
    """Return pooled saving and root mean squared errors of each fit (M,); an exact baseline has an infinite ratio."""
    error = fits.predict(window.Y) - Y[:, units].T
    before = np.sqrt((error[:, window.pre] ** 2).mean(axis=1))
    after = np.sqrt((error[:, window.post] ** 2).mean(axis=1))
    ratio = np.divide(after, before, out=np.full_like(after, np.inf), where=before > 0)
    saving = error[:, window.post] @ window.pooling
    return {"saving": saving, "rmspe_baseline": before, "rmspe_performance": after, "rmspe_ratio": ratio}
