"""confidence_threshold: a quantile of the null error under the sampling distribution of the benchmark."""

from scipy.special import ndtri

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.kind import ThresholdKind
from ssinfer.thresholds.null_error import quantile_mcse, quantile_of, quantiles_by_fit
from ssinfer.thresholds.threshold import Threshold

NAME = "confidence"


@checked()
def confidence_threshold(cf: Counterfactual, level: float = 0.95, side: str = "two-sided") -> Threshold:
    r"""Return the savings threshold from the sampling distribution of the benchmark.

    .. math:: T = q_{p}(E_0), \qquad E_0 = \bar B - B, \qquad
              p = \begin{cases} \text{level} & \text{one-sided} \\ (1 + \text{level})/2 & \text{two-sided} \end{cases}

    pooled over units and performance periods by insured-years. A two-sided 95% interval is a one-sided 97.5% test. The
    threshold does not depend on the treated group's performance spending. Its detail holds `standard_error` (SD of
    E0 / Bbar) and `rate_mcse` (Monte Carlo standard error of the threshold). Two-sided, it also holds `lower`: the rate
    below which a loss counts.

    Parameters
    ----------
    cf : Counterfactual with a sampling distribution
    level, side : a fraction (a higher level pays less often); "one-sided" or "two-sided"

    Raises
    ------
    NotSupportedError : the counterfactual has no sampling distribution
    ParameterError : the level is no fraction, or the side is unknown

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> cf = ss.Counterfactual.from_draws(100 + 2 * np.random.default_rng(1).standard_normal(40_000), "sampling")
    >>> round(confidence_threshold(cf, level=0.95, side="two-sided").rate, 3)
    0.039
    """
    level, side = check_level(level), check_side(side)
    errors = cf.null_error("confidence")
    benchmark = cf.level
    money = quantile_of(errors, share := tail(level, side))
    detail = {"standard_error": float(errors.std()) / benchmark, "rate_mcse": quantile_mcse(errors, share) / benchmark}
    if side == "two-sided":
        detail["lower"] = quantile_of(errors, (1 - level) / 2) / benchmark
    return Threshold(rate=money / benchmark, money=money, kind=NAME, level=level, side=side, detail=detail)


KIND = ThresholdKind(
    name=NAME,
    order=20,
    learns_from="fit",
    distribution="sampling distribution",
    settles=True,
    for_case=lambda cf, _placebos, _seed: lambda key: confidence_threshold(cf, key.fraction, key.side),
    for_fits=lambda fits, keys: quantiles_by_fit([fit.sampling for fit in fits], [key.tail for key in keys]),
    for_scenario=lambda scenario, standard_error: float(ndtri(scenario.tail)) * standard_error,
)
