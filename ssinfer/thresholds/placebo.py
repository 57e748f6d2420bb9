"""placebo_threshold: an order statistic of the measured savings of placebos, whose true saving is zero."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd

from ssinfer.arguments import POSITIVE, Optional, checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import DataError, RefusalError
from ssinfer.level import check_level, check_side
from ssinfer.thresholds.kind import ReplicateThresholds, ThresholdKey, ThresholdKind
from ssinfer.thresholds.null_error import BATCHES, spread_mcse
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds, placebo_thresholds_in_replicates
from ssinfer.thresholds.placebo_order import order_interval, order_statistic
from ssinfer.thresholds.placebo_rows import refuse_impossible, require_columns
from ssinfer.thresholds.threshold import Threshold
from ssinfer.typing import Floats, Positions

NAME = "placebo"
#: The threshold by which designs and methods are compared: false payments of 5%, learned from other placebos.
COMPARISON_KEY = ThresholdKey(NAME, 0.95, "one-sided")


@checked(standard_error=Optional(POSITIVE))
def placebo_threshold(
    placebos: pd.DataFrame, level: float = 0.95, side: str = "one-sided", standard_error: float | None = None
) -> Threshold:
    r"""Return the savings threshold that placebo units, whose true saving is zero, pass with frequency 1 - level.

    At each origin it is the :math:`\lceil \text{level}\,(m + 1) \rceil`-th order statistic of the standardised placebo
    savings :math:`z_i = r_i / \text{se}_i` over m *units* (two-sided: of their absolute values). It is a conformal
    threshold (Vovk, Gammerman and Shafer 2005, doi 10.1007/b106715). The mean over origins is multiplied by the
    standard error of the group to be judged. The threshold's detail holds `units`, `origins`, and a distribution-free
    90% interval of the quantile, `lower` and `upper`.

    Parameters
    ----------
    placebos : DataFrame with columns unit and savings_rate
        Where available also origin, standard_error (of the rate, by each placebo's own fit), block and role.
        ``result.placebos`` of a backtest has them; pass the rows of one design and method. Rows of the case itself
        (role "case") are left out: the group to be judged is not in its own calibration.
    level : a fraction; ceil(level (m + 1)) <= m is needed, so 19 units at 95%
    side : "one-sided" or "two-sided"
    standard_error : of the savings rate of the group to be judged; default: the median of the placebos

    Raises
    ------
    RefusalError : too few placebo units for the level, or placebos with equal savings
    DataError : a column is missing, or a unit occurs twice at an origin (several designs or methods together)

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"unit": range(999), "savings_rate": 0.02 * rng.standard_normal(999)})
    >>> round(placebo_threshold(frame, level=0.95).rate, 3)
    0.032
    """
    level, side = check_level(level), check_side(side)
    require_columns(placebos, ("unit", "savings_rate"))
    if "role" in placebos.columns:
        placebos = placebos[placebos["role"] == "placebo"]
    refuse_impossible(placebos)
    rates, ses = _rates_and_errors(placebos, standard_error)
    usable = np.isfinite(rates) & np.isfinite(ses)
    origins = placebos["origin"].to_numpy() if "origin" in placebos.columns else np.zeros(len(rates))
    twice = pd.DataFrame({"unit": placebos["unit"].to_numpy(), "origin": origins}).duplicated()
    if twice.any():  # the order statistic counts units, not rows
        cure = (
            "Pass the rows of one design and method, such as placebos[placebos['design'] == ...]."
            if {"design", "method"} & set(placebos.columns)
            else "Keep one row per unit and origin, or name the origins in a column 'origin'."
        )
        raise DataError(f"{int(twice.sum())} placebo rows repeat a unit at an origin. {cure}")
    if not usable.any():
        raise RefusalError("No placebo has a savings rate. Look at the reasons in the placebos' status column.")
    target = float(np.median(ses[usable])) if standard_error is None else float(standard_error)
    z = rates[usable] / ses[usable]
    quantiles, reason = [], None
    for origin in pd.unique(origins[usable]):
        group = z[origins[usable] == origin]
        try:
            quantiles.append((order_statistic(group, level, side), *order_interval(group, level, side)))
        except RefusalError as error:  # an origin with too few placebos is skipped, unless all have too few
            reason = error
    if reason is not None and not quantiles:
        raise reason
    rate, lower, upper = (target * float(np.mean(column)) for column in zip(*quantiles, strict=True))
    units = int(placebos["unit"][usable].nunique())
    detail = {"units": units, "origins": len(quantiles), "lower": lower, "upper": upper}
    return Threshold(rate=rate, kind=NAME, level=level, side=side, detail=detail)


def _rates_and_errors(placebos: pd.DataFrame, standard_error: float | None) -> tuple[Floats, Floats]:
    """Return savings rates and their standard errors; ones where the placebos have no standard error."""
    rates = placebos["savings_rate"].to_numpy(dtype=float)
    if "standard_error" in placebos.columns and bool(placebos["standard_error"].notna().any()):
        return rates, placebos["standard_error"].to_numpy(dtype=float)
    if standard_error is not None:
        raise DataError(
            f"standard_error is {standard_error:g}, but the placebos have no standard errors to standardise by. Leave "
            "it out: the threshold is then that of groups of the placebos' sizes."
        )
    return rates, np.ones(len(rates))


def _for_case(cf: Counterfactual, placebos: pd.DataFrame, _seed: int) -> Callable[[ThresholdKey], Threshold]:
    cf.require_dependable("placebo threshold")
    error = cf.null_error()
    standard_error = float(error.std()) / cf.level if len(error) > 1 else None
    relative = spread_mcse(error) / float(error.std()) if len(error) >= BATCHES and standard_error else np.nan

    def threshold(key: ThresholdKey) -> Threshold:
        found = placebo_threshold(placebos, key.fraction, key.side, standard_error)
        return replace(found, detail={**found.detail, "rate_mcse": abs(found.rate) * relative})

    return threshold


def _for_placebos(rows: pd.DataFrame, keys: Sequence[ThresholdKey]) -> Mapping[ThresholdKey, Floats]:
    thresholds = {}
    for key in keys:
        with suppress(RefusalError):  # too few placebos for this level
            thresholds[key] = cross_fitted_placebo_thresholds(rows, key.fraction, key.side)
    return thresholds


def _for_replicates(rows: pd.DataFrame, blocks: Positions, weights: Floats) -> ReplicateThresholds:
    def thresholds(part: pd.DataFrame, key: ThresholdKey) -> Floats:
        blocks_of_part = blocks[rows.index.get_indexer(part.index)]
        return placebo_thresholds_in_replicates(part, blocks_of_part, weights, key.fraction, key.side)

    return thresholds


KIND = ThresholdKind(
    name=NAME,
    order=10,
    learns_from="placebos",
    settles=True,
    multiple_of_standard_error=True,
    for_case=_for_case,
    for_placebos=_for_placebos,
    for_replicates=_for_replicates,
)
