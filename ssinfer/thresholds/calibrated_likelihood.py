"""calibrated_threshold: rescales a model's standard error and corrects its bias, as learned from placebos."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import RefusalError
from ssinfer.kernels.predictive_error_distribution import fit_error_distribution, refit_error_distributions
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.kind import ReplicateThresholds, ThresholdKey, ThresholdKind
from ssinfer.thresholds.null_error import null_error_of
from ssinfer.thresholds.placebo_rows import (
    MIN_CALIBRATION_UNITS,
    CalibrationPlacebos,
    codes_by_appearance,
    refuse_equal_savings,
    sorted_codes,
)
from ssinfer.thresholds.threshold import Threshold
from ssinfer.typing import Floats, Positions

NAME = "calibrated"


@checked()
def calibrated_threshold(
    cf: Counterfactual, placebos: pd.DataFrame, level: float = 0.95, side: str = "one-sided"
) -> Threshold:
    r"""Return the calibrated threshold by quasi-likelihood, in milliseconds.

    .. math:: y_i \sim \bigl(\mu,\; c^2 s_i^2 + \tau^2 \bar n / n_i + \omega^2\bigr), \qquad
              T = \mu + z_p \sqrt{c^2 s^2 + \tau^2 \bar n / n + \omega^2 + 2 \operatorname{var}(\hat\mu)}

    for placebo savings rates y with standard errors s from their own fits (Schuemie, Hripcsak, Ryan, Madigan and
    Suchard 2018, doi 10.1073/pnas.1708282114). The threshold's detail holds `bias` (mu), `scale` (c), `excess` (tau),
    `common` (omega) and `standard_error`. `calibrate` fits the larger model: a posterior with separate unit and origin
    effects, and a slope in size.

    Parameters
    ----------
    cf : Counterfactual of the group to be judged, whose rows are left out of the placebos
    placebos : DataFrame, rows of one design and method of a backtest
        Columns unit, origin, savings_rate, standard_error, assigned.
    level, side : a fraction; "one-sided" or "two-sided"

    Raises
    ------
    RefusalError : fewer than 19 placebo units, or placebos with equal savings
    DataError : a column is missing, or several designs or methods are mixed
    NotSupportedError, ConvergenceError : the counterfactual has no distribution of its error, or did not converge

    Examples
    --------
    >>> import numpy as np, pandas as pd, ssinfer as ss
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"unit": range(400), "origin": 2017, "assigned": 20_000.0, "standard_error": 0.01})
    >>> frame["savings_rate"] = 0.005 + 0.02 * rng.standard_normal(400)
    >>> cf = ss.Counterfactual.from_draws(100 + rng.standard_normal(4000), "sampling", insured_years=20_000)
    >>> round(calibrated_threshold(cf, frame).rate, 3)
    0.033
    """
    return CalibratedError(cf, placebos).threshold(level, side)


class CalibratedError:
    """The calibrated error distribution of one counterfactual, which gives thresholds of every level."""

    def __init__(self, cf: Counterfactual, placebos: pd.DataFrame) -> None:
        usable = CalibrationPlacebos.of(placebos, cf.design.treated)
        clusters, _ = _clusters(usable.origin, usable.block)
        self.distribution = fit_error_distribution(usable.y, usable.s, 1 / usable.ratio, clusters)
        standard_error = float(null_error_of(cf).std()) / cf.level
        relative = usable.typical_size / cf.assigned
        relative = relative if np.isfinite(relative) else 1.0  # the typical size, where a size is unknown
        self.spread = float(self.distribution.predictive_sd(np.array([standard_error]), np.array([relative]))[0])
        self.benchmark = cf.level

    def threshold(self, level: float, side: str) -> Threshold:
        """Return the calibrated threshold."""
        level, side = check_level(level), check_side(side)
        bias, spread = self.distribution.mean, self.spread
        rate = bias + float(ndtri(tail(level, side))) * spread
        components = dict(zip(("scale", "excess", "common"), np.sqrt(self.distribution.theta).tolist(), strict=True))
        detail = {"bias": bias, "standard_error": spread, **components}
        return Threshold(rate=rate, money=rate * self.benchmark, kind=NAME, level=level, side=side, detail=detail)


def _for_placebos(rows: pd.DataFrame, keys: Sequence[ThresholdKey]) -> Mapping[ThresholdKey, Floats]:
    """Return thresholds by error of other blocks and origins (or the only one); NaN with fewer than 19 other units."""
    y, s, relative = _arrays(rows)
    refuse_equal_savings(y)
    block, unit, origin = (sorted_codes(rows[name]) for name in ("block", "unit", "origin"))
    several = origin.max() > 0
    mean, spread = np.full((2, len(y)), np.nan)
    for b in range(int(block.max()) + 1):
        for o in range(int(origin.max()) + 1):
            inside = (block == b) & (origin == o)
            if not inside.any():
                continue
            rest = (block != b) & ((origin != o) if several else True)
            if len(np.unique(unit[rest])) < MIN_CALIBRATION_UNITS:
                continue
            clusters = np.unique(_clusters(origin[rest], block[rest])[0], return_inverse=True)[1]
            error = fit_error_distribution(y[rest], s[rest], relative[rest], clusters)
            mean[inside], spread[inside] = error.mean, error.predictive_sd(s[inside], relative[inside])
    if np.isnan(mean).all():
        raise RefusalError(
            f"Fewer than {MIN_CALIBRATION_UNITS} placebo units outside every block of neighbours. Add comparable units."
        )
    return {key: mean + float(ndtri(key.tail)) * spread for key in keys}


def _for_replicates(rows: pd.DataFrame, blocks: Positions, weights: Floats) -> ReplicateThresholds:
    """Learn mean and SD (K, R) of each placebo's calibrated error in every replicate, from the other origins."""
    y, s, relative = _arrays(rows)
    origin = codes_by_appearance(rows["origin"])
    mean, spread = np.empty((2, len(weights), len(y)))
    for o in range(int(origin.max()) + 1):
        inside = origin == o
        rest = ~inside if origin.max() > 0 else np.ones(len(y), dtype=bool)
        labels, by_origin = _clusters(origin[rest], blocks[rest])
        data = y[rest], s[rest], relative[rest], codes_by_appearance(labels)
        start = fit_error_distribution(*data)
        drawn = np.ascontiguousarray(weights[:, blocks[rest]])
        for k, error in enumerate(refit_error_distributions(*data, drawn, start, drawn=not by_origin)):
            mean[k, inside], spread[k, inside] = error.mean, error.predictive_sd(s[inside], relative[inside])

    def thresholds(part: pd.DataFrame, key: ThresholdKey) -> Floats:
        positions = rows.index.get_indexer(part.index)
        return np.asarray(mean[:, positions] + float(ndtri(key.tail)) * spread[:, positions])

    return thresholds


def _clusters(origin: Positions, block: Positions) -> tuple[Positions, bool]:
    """Return the clusters of the variance of the mean, and whether they are origins; blocks if there is one origin."""
    by_origin = len(np.unique(origin)) > 1
    return (origin if by_origin else block), by_origin


def _arrays(rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return savings rates, standard errors (NaN unless all are known), and typical over own size (1 unless known)."""
    y, s, size = (rows[name].to_numpy(dtype=float) for name in ("savings_rate", "standard_error", "assigned"))
    if not np.isfinite(s).all():
        s = np.full(len(y), np.nan)
    if not np.isfinite(size).all():
        size = np.ones(len(y))
    return y, s, np.asarray(np.exp(np.log(size).mean()) / size)


def _for_case(cf: Counterfactual, placebos: pd.DataFrame, _seed: int) -> Callable[[ThresholdKey], Threshold]:
    error = CalibratedError(cf, placebos)
    return lambda key: error.threshold(key.fraction, key.side)


KIND = ThresholdKind(
    name=NAME,
    order=40,
    learns_from="placebos",
    settles=True,
    across_sizes=True,
    for_case=_for_case,
    for_placebos=_for_placebos,
    for_replicates=_for_replicates,
)
