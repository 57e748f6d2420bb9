"""Placebo tests in space: the treated unit's saving among those of all donors, by exact enumeration.

These tests, unlike the draws of a counterfactual, read the treated unit's performance spending.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from ssinfer.benchmarks.synthetic_control.fit_window import Fits, Window
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import NOT_CONVERGED, STATUS
from ssinfer.errors import DataError, NotSupportedError, RefusalError
from ssinfer.level import check_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.synthetic_control.donor_weighting import WeightingMethod
    from ssinfer.design import Design
    from ssinfer.panel import Panel
    from ssinfer.typing import Floats


Statistic = Literal["rmspe_ratio", "saving"]


@dataclass(frozen=True, eq=False)
class PlaceboTest:
    """A test of no saving by permuting the treated unit with its donors.

    Attributes
    ----------
    frame : pandas.DataFrame
        A row per unit, the treated first: unit, saving (pooled), rmspe_baseline, rmspe_performance, rmspe_ratio,
        status. A placebo that failed is a row too, with its reason and no numbers.
    statistic : "rmspe_ratio" or "saving"
        Compared in absolute value: the test is two-sided.
    p_value : float
        Share of units, the treated among them, with at least its statistic. A failed placebo counts as at least as
        large.
    n_units : int
        The denominator, failed placebos included.
    """

    frame: pd.DataFrame
    statistic: str
    p_value: float
    n_units: int

    def rejects(self, level: float = 0.95) -> bool:
        """Return whether no saving is rejected at 1 - `level`; refused where no p-value can be that small.

        Raises
        ------
        RefusalError
            1 / n_units exceeds 1 - level: 19 donors are needed at 95%.
        """
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

    Attributes
    ----------
    p_value : float
        Share of pairs of donors in which one of the two has at least the treated unit's statistic, all three fitted
        without each other.
    n_pairs, n_failed : int
        Pairs in the denominator, and those among them with a failed fit (counted as at least as large).
    """

    p_value: float
    n_pairs: int
    n_failed: int


def observed_window(method: WeightingMethod, panel: Panel, design: Design, what: str) -> tuple[Window, Floats]:
    """Return the window of a design with one treated unit, and all outcomes (T, N) with the performance opened."""
    if len(design.treated) > 1:
        raise NotSupportedError(
            what, f"{len(design.treated)} treated units at once", "Test one design per treated unit."
        )
    method.check_parameters()
    problem = method.prepare(panel, design)
    window = Window.of(problem, 0)
    method.check_window(window)
    Y = window.Y.copy()
    own = problem.treated[0]
    Y[:, window.treated] = (panel.spending / problem.factor)[own]
    if not np.isfinite(Y[window.post, window.treated]).all():
        raise DataError(
            f"The panel has no performance spending of {window.name!r}, which {what} reads. Add it, or use the "
            "thresholds, which do not need it."
        )
    return window, Y


def placebo_test(
    method: WeightingMethod, panel: Panel, design: Design, statistic: Statistic = "rmspe_ratio"
) -> PlaceboTest:
    r"""Test for no saving by fitting every donor as if it were treated.

    The treated unit is never among a placebo's donors, and counts in the numerator and denominator of

    .. math:: p = \frac{\#\{i : S_i \ge S_{treated}\}}{J + 1}, \qquad p \ge \frac{1}{J + 1}.

    Parameters
    ----------
    method : SyntheticControl, AugmentedSyntheticControl or SyntheticDiD
    panel : Panel
        With the treated unit's performance spending.
    design : Design
        With one treated unit.
    statistic : "rmspe_ratio" or "saving"
        Ratio of root mean squared errors after and before, or the absolute pooled saving.

    Returns
    -------
    PlaceboTest

    Raises
    ------
    NotSupportedError, DataError, DesignError
        Several treated units; no performance spending; what the method itself refuses.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ssinfer.panel import Panel
    >>> from ssinfer.design import Design
    >>> from ssinfer.benchmarks.synthetic_control.inference.placebo import placebo_test
    >>> from ssinfer.benchmarks.synthetic_control.synthetic_control import SyntheticControl
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame([(f"gp{j:02d}", 2010 + t, 2000 + 10 * j + 40 * t + rng.normal(0, 10)
    ...                        - 200 * (j == 7 and t > 5)) for j in range(25) for t in range(8)],
    ...                      columns=["unit", "period", "spending"])
    >>> design = Design(treated=["gp07"], baseline=range(2010, 2016), performance=[2016, 2017])
    >>> placebo_test(SyntheticControl(), Panel.from_frame(frame, insured_years=None), design, "saving").p_value
    0.04
    """
    if statistic not in ("rmspe_ratio", "saving"):
        raise RefusalError(f"statistic is {statistic!r}; allowed: 'rmspe_ratio', 'saving'.")
    window, Y = observed_window(method, panel, design, "A placebo test")
    own, placebos = method.fit_window(window)
    units = np.append(window.treated, window.others)
    weights = np.vstack([own.weights, placebos.weights])
    offset = np.vstack([own.offset, placebos.offset])
    state = np.append(own.status, placebos.status)
    saving, before, after = _errors(window, Y, units, weights, offset)
    names = window.labels()
    frame = pd.DataFrame(
        {
            "unit": [names[unit] for unit in units],
            "saving": saving,
            "rmspe_baseline": before,
            "rmspe_performance": after,
            "rmspe_ratio": _ratio(after, before),
            "status": [STATUS[s] for s in state],
        }
    )
    failed = state == NOT_CONVERGED
    if failed[0]:
        raise RefusalError(f"The weights of {window.name!r} did not reach their optimum (KKT gap {own.gap[0]:.1e}).")
    frame.loc[failed, ["saving", "rmspe_baseline", "rmspe_performance", "rmspe_ratio"]] = np.nan
    values = np.where(failed, np.inf, frame[statistic].abs().to_numpy())
    return PlaceboTest(frame, statistic, float((values >= values[0]).mean()), units.size)


def leave_two_out_test(
    method: WeightingMethod, panel: Panel, design: Design, statistic: Statistic = "rmspe_ratio"
) -> LeaveTwoOutTest:
    """Test for no saving over all pairs of donors, each of the three units fitted without the other two.

    The p-value is a multiple of 2 / (J (J - 1)), finer than the placebo test's 1 / (J + 1); its size is
    controlled at the same level. Parameters, errors and example as for `placebo_test`.
    """
    window, Y = observed_window(method, panel, design, "A leave-two-out test")
    pairs = list(itertools.combinations(window.others.tolist(), 2))
    N = window.rows.size
    if N < 5:
        raise RefusalError(f"{N - 1} donors: leaving two out leaves too few to weight. At least 4 are needed.")
    targets = np.empty((len(pairs), 3), dtype=np.int64)
    donors = np.ones((len(pairs), 3, N), dtype=bool)
    for m, (j, k) in enumerate(pairs):
        targets[m] = window.treated, j, k
        donors[m][:, [window.treated, j, k]] = False
    fits = method.solve(window, targets.ravel(), donors.reshape(-1, N))
    saving, before, after = _errors(window, Y, targets.ravel(), fits.weights, fits.offset)
    value = np.abs(saving) if statistic == "saving" else _ratio(after, before)
    value = value.reshape(-1, 3)
    failed = (fits.status.reshape(-1, 3) == NOT_CONVERGED).any(axis=1)
    larger = failed | (value[:, 1:].max(axis=1) >= value[:, 0])
    return LeaveTwoOutTest(float(larger.mean()), len(pairs), int(failed.sum()))


def _errors(
    window: Window, Y: Floats, units: NDArray[np.int64], weights: Floats, offset: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return pooled saving, RMSPE of baseline and of performance per fit (M,)."""
    none = np.zeros(units.size, dtype=np.int64)
    fits = Fits(weights, offset, none.astype(np.float64), none, none)
    error = fits.predict(window.Y) - Y[:, units].T
    before = np.sqrt((error[:, window.pre] ** 2).mean(axis=1))
    after = np.sqrt((error[:, window.post] ** 2).mean(axis=1))
    return error[:, window.post] @ window.pooling, before, after


def _ratio(after: Floats, before: Floats) -> Floats:
    """Return after / before; infinite where the baseline was reproduced exactly."""
    return np.divide(after, before, out=np.full_like(after, np.inf), where=before > 0)
