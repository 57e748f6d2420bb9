"""compare_thresholds: every kind of threshold of one counterfactual, side by side."""

from __future__ import annotations

from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import ConvergenceError, SsinferError
from ssinfer.level import check_level
from ssinfer.thresholds.calibrated_likelihood import CalibratedError
from ssinfer.thresholds.calibrated_posterior import calibrate
from ssinfer.thresholds.confidence import confidence_threshold
from ssinfer.thresholds.credible import SavingPosterior
from ssinfer.thresholds.detectable import DetectableSaving, minimum_detectable_saving
from ssinfer.thresholds.expected_loss import expected_loss_threshold
from ssinfer.thresholds.placebo import placebo_threshold
from ssinfer.thresholds.schedule import schedule_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.thresholds.threshold import Threshold

SIDES = ("one-sided", "two-sided")
PRIORS = ("flat", "sceptical", "literature")
MEASURES = ("rate", "money", "detectable")


def compare_thresholds(
    cf: Counterfactual, levels: Sequence[float] = (0.95, 0.90), placebos: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return every threshold that exists for a counterfactual, and why the others do not.

    Parameters
    ----------
    cf : Counterfactual
    levels : sequence of float
    placebos : DataFrame, optional
        Placebo rows of a backtest of the same design and method.

    Returns
    -------
    pandas.DataFrame
        kind, level, side, prior, rate, money (per insured-year), detectable (true savings rate found with 80%
        power), reason.

    Examples
    --------
    >>> import numpy as np
    >>> from ssinfer.counterfactual import point_of
    >>> cf = point_of(100 + np.random.default_rng(1).standard_normal(4000), "sampling", insured_years=7500)
    >>> table = compare_thresholds(cf, levels=[0.95])
    >>> table.loc[table["kind"] == "schedule", "rate"].round(4).item()
    0.033
    """
    levels = tuple(check_level(level) for level in levels)
    level_of = cf.level
    error = cf.null_error()
    se = float(error.std()) / level_of if len(error) > 1 else None
    rows = []

    def add(
        kind: str, level: float, side: str, make: Callable[[], Threshold | DetectableSaving], prior: str = ""
    ) -> None:
        rate, detectable, reason = np.nan, np.nan, ""
        try:
            found = make()
        except SsinferError as refusal:
            reason = str(refusal)
        else:
            rate = float(found.gate) if isinstance(found, DetectableSaving) else found.rate
            detectable = found.detectable if isinstance(found, DetectableSaving) else np.nan
        rows.append((kind, level, side, prior, rate, rate * level_of, detectable, reason))

    posterior = cache(partial(SavingPosterior, cf))  # learned once for all levels, sides and priors
    for level, side, prior in product(levels, SIDES, PRIORS):
        add("credible", level, side, partial(_of, posterior, level, side, prior), prior)
    for prior in PRIORS[1:]:
        add("expected loss", np.nan, "one-sided", partial(expected_loss_threshold, cf, prior), prior)
    calibrated = cache(partial(CalibratedError, cf, placebos)) if placebos is not None else None
    for level, side in product(levels, SIDES):
        add("confidence", level, side, partial(confidence_threshold, cf, level, side))
        add("power", level, side, partial(minimum_detectable_saving, cf, level, side=side))
        if placebos is not None and calibrated is not None:
            add("placebo", level, side, partial(_placebo, cf, placebos, level, side, se))
            add("calibrated", level, side, partial(_of, calibrated, level, side))
    if cf.assigned > 1:
        add("schedule", np.nan, "one-sided", partial(schedule_threshold, "mssp", assigned=cf.assigned))
    return pd.DataFrame(rows, columns=["kind", "level", "side", "prior", *MEASURES, "reason"])


def _placebo(cf: Counterfactual, placebos: pd.DataFrame, level: float, side: str, se: float | None) -> Threshold:
    """Return the placebo threshold at the standard error of a counterfactual that converged."""
    if cf.failures:
        raise ConvergenceError(
            f"No placebo threshold from {cf.method}, whose standard error it needs: {'; '.join(cf.failures)}. Draw "
            "longer, simplify the model, or look at cf.diagnostics."
        )
    return placebo_threshold(placebos, level, side, se)


def _of(law: Callable[[], SavingPosterior | CalibratedError], *arguments: Any) -> Threshold:
    """Return a threshold of a law that is learned, or refused, when it is first asked for."""
    return law().threshold(*arguments)


def whole_calibration(cf: Counterfactual, placebos: pd.DataFrame, levels: Sequence[float], seed: int) -> pd.DataFrame:
    """Return thresholds of the whole calibration model (posterior), with the expected systematic error.

    Rows as of :func:`compare_thresholds`, kind "calibrated whole", and columns systematic_error (expected absolute
    systematic error of the measured saving, rate) and systematic_error_money (per insured-year). Where it is refused
    or does not converge, each row says why.
    """
    rows = []
    found, reason, error = None, "", (np.nan, np.nan)
    try:
        found = calibrate(placebos, [str(unit) for unit in cf.design.treated], seed=seed)
        error = found.expected_systematic_error(cf, seed=seed)
    except SsinferError as refusal:
        reason = str(refusal)
    for level, side in product(levels, SIDES):
        rate = np.nan if found is None else found.threshold(cf, level, side, seed=seed).rate
        rows.append(("calibrated whole", level, side, "", rate, rate * cf.level, np.nan, reason, *error))
    names = ["kind", "level", "side", "prior", *MEASURES, "reason", "systematic_error", "systematic_error_money"]
    return pd.DataFrame(rows, columns=names)
