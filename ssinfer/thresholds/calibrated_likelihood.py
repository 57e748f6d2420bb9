"""calibrated_threshold: a model's own standard error, rescaled and moved to what placebos showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from ssinfer.errors import RefusalError
from ssinfer.kernels.predictive_error_distribution import PredictiveErrorDistribution, fit_error_distribution
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.calibrated_posterior import FEWEST_UNITS, usable_placebos
from ssinfer.thresholds.threshold import Threshold

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.typing import Floats


def calibrated_threshold(
    cf: Counterfactual, placebos: pd.DataFrame, level: float = 0.95, side: str = "one-sided"
) -> Threshold:
    r"""Return the calibrated threshold by maximum (quasi-)likelihood, in milliseconds.

    .. math:: y_i \sim \bigl(\mu,\; c^2 s_i^2 + \tau^2 \bar n / n_i + \omega^2\bigr), \qquad
              T = \mu + z_p \sqrt{c^2 s^2 + \tau^2 \bar n / n + \omega^2 + 2 \operatorname{var}(\hat\mu)}

    for placebo savings rates y with their own standard errors s. `calibrate` is the whole model: posterior,
    unit and origin effects apart, slope in size.

    Parameters
    ----------
    cf : Counterfactual
        Of the group to be judged, whose rows are left out of the placebos wherever they are.
    placebos : pandas.DataFrame
        Rows of one design and method of a backtest: unit, origin, savings_rate, standard_error, assigned.
    level : float
    side : "one-sided" or "two-sided"

    Returns
    -------
    Threshold
        Its detail holds `bias` (mu), `scale` (c), `excess` (tau), `common` (omega), `standard_error`.

    Raises
    ------
    RefusalError
        Fewer than 19 placebo units, or placebos that are all alike.
    DataError
        A column is missing, or several designs or methods are mixed.
    NotSupportedError, ConvergenceError
        The counterfactual has no distribution of its error, or did not converge.

    References
    ----------
    Schuemie, Hripcsak, Ryan, Madigan and Suchard 2018, doi 10.1073/pnas.1708282114.

    Examples
    --------
    >>> import pandas as pd
    >>> from ssinfer.counterfactual import point_of
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"unit": range(400), "origin": 2017, "assigned": 20_000.0, "standard_error": 0.01})
    >>> frame["savings_rate"] = 0.005 + 0.02 * rng.standard_normal(400)
    >>> cf = point_of(100 + rng.standard_normal(4000), "sampling", insured_years=20_000)
    >>> round(calibrated_threshold(cf, frame).rate, 3)
    0.033
    """
    return CalibratedError(cf, placebos).threshold(level, side)


class CalibratedError:
    """The calibrated error of one counterfactual, from which thresholds of every level follow.

    Parameters
    ----------
    cf, placebos : as of :func:`calibrated_threshold`
    """

    def __init__(self, cf: Counterfactual, placebos: pd.DataFrame) -> None:
        data = usable_placebos(placebos, cf.design.treated)
        clusters = data["origin"] if len(data["origins"]) > 1 else data["block"]
        self.law = fit_error_distribution(data["y"], data["s"], 1 / data["ratio"], clusters)
        own = float(cf.null_error("credible" if cf.uncertainty == "posterior" else "confidence").std()) / cf.level
        relative = data["size"] / cf.assigned
        relative = relative if np.isfinite(relative) else 1.0  # of the typical size where either is not known
        self.spread = float(self.law.predictive_sd(np.array([own]), np.array([relative]))[0])
        self.level = cf.level

    def threshold(self, level: float = 0.95, side: str = "one-sided") -> Threshold:
        """Return the calibrated threshold."""
        level, side = check_level(level), check_side(side)
        rate = self.law.mean + float(ndtri(tail(level, side))) * self.spread
        detail = {"bias": self.law.mean, "standard_error": self.spread, **_names(self.law)}
        return Threshold(rate=rate, money=rate * self.level, kind="calibrated", level=level, side=side, detail=detail)


def cross_fitted_gates(
    rows: pd.DataFrame, levels: tuple[float, ...], sides: tuple[str, ...]
) -> dict[tuple[float, str], Floats]:
    """Return calibrated gates (R,) of placebos by level and side, each from other blocks of neighbours and origins.

    With a single origin the others of that origin stand in. NaN where a fold would hold fewer than 19 units; refused
    where every fold would.
    """
    y, s, relative = law_inputs(rows)
    if y.std() <= 1e-12:
        raise RefusalError(f"All {len(y)} placebo savings are alike: they are not {len(y)} placebos. Check the data.")
    block, unit = (np.unique(rows[name].astype(str), return_inverse=True)[1] for name in ("block", "unit"))
    origin = np.unique(rows["origin"].astype(str), return_inverse=True)[1]
    several = origin.max() > 0
    mean, spread = np.full((2, len(y)), np.nan)
    for one in range(int(block.max()) + 1):
        for period in range(int(origin.max()) + 1):
            mine = (block == one) & (origin == period)
            if not mine.any():
                continue
            rest = (block != one) & ((origin != period) if several else True)
            if len(np.unique(unit[rest])) < FEWEST_UNITS:
                continue
            labels = origin[rest] if len(np.unique(origin[rest])) > 1 else block[rest]
            clusters = np.unique(labels, return_inverse=True)[1]
            law = fit_error_distribution(y[rest], s[rest], relative[rest], clusters)
            mean[mine], spread[mine] = law.mean, law.predictive_sd(s[mine], relative[mine])
    if np.isnan(mean).all():
        raise RefusalError(
            f"Fewer than {FEWEST_UNITS} placebo units outside every block of neighbours. Add comparable units."
        )
    return {
        (level, side): mean + float(ndtri(tail(level, check_side(side)))) * spread for level in levels for side in sides
    }


def law_inputs(rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return placebo savings rates, their standard errors, and the typical size over each one's own (R,).

    A source of variance is known of all placebos, or it is none: standard errors are NaN, sizes alike, where one lacks.
    """
    y, s, size = (rows[name].to_numpy(dtype=float) for name in ("savings_rate", "standard_error", "assigned"))
    if not np.isfinite(s).all():
        s = np.full(len(y), np.nan)
    if not np.isfinite(size).all():
        size = np.ones(len(y))
    return y, s, np.asarray(np.exp(np.log(size).mean()) / size)


def _names(law: PredictiveErrorDistribution) -> dict[str, float]:
    scale, excess, common = np.sqrt(law.theta).tolist()
    return {"scale": scale, "excess": excess, "common": common}
