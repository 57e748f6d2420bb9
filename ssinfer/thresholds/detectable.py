"""minimum_detectable_saving: the true saving that a threshold detects with a given power."""

from dataclasses import dataclass

import numpy as np

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import NotSupportedError, ParameterError
from ssinfer.level import check_level, check_side, tail
from ssinfer.savings import money
from ssinfer.thresholds.kind import ThresholdKey, ThresholdKind
from ssinfer.thresholds.null_error import null_error_of, quantile_of, quantiles_by_fit
from ssinfer.thresholds.threshold import Threshold
from ssinfer.typing import Floats

NAME = "power"
POWER = 0.80  # of the detectable saving, which is the threshold of a study's power analysis


@dataclass(frozen=True, kw_only=True)
class DetectableSaving:
    """A threshold, and the true saving that passes it with probability `power`.

    The detectable saving is a property of the truth. Used as a threshold, as in a study with this kind of threshold,
    it would pay 0.6% of null contracts at 5% / 80%, and miss half of the contracts that save exactly that much.
    """

    gate: Threshold  # the threshold
    detectable: float  # true savings rate detected with probability `power`
    money: float  # the same per insured-year
    power: float  # a fraction

    def __repr__(self) -> str:
        return (
            f"DetectableSaving {100 * self.detectable:.2f}% = {money(self.money)} per insured-year with power "
            f"{100 * self.power:g}%, threshold {100 * self.gate.rate:.2f}%"
        )


@checked()
def minimum_detectable_saving(
    cf: Counterfactual, level: float = 0.95, power: float = POWER, side: str = "one-sided"
) -> DetectableSaving:
    r"""Return the threshold at `level` and the true saving detected with `power`.

    .. math:: T = q_{p}(E_0), \qquad \text{detectable} = T - q_{1 - \text{power}}(E_0)

    so that P(M >= T | true saving = detectable) = power. In the normal case the detectable saving is
    (z(1-a) + z(power)) SE one-sided, with z(1-a/2) two-sided.

    Parameters
    ----------
    cf : Counterfactual; refused where `uncertainty` is "none"
    level, power, side : fractions; "one-sided" or "two-sided"

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> cf = ss.Counterfactual.from_draws(100 + np.random.default_rng(1).standard_normal(400_000), "sampling")
    >>> saving = minimum_detectable_saving(cf)
    >>> round(float(saving.gate), 3), round(saving.detectable, 3)
    (0.016, 0.025)
    """
    level, power, side = check_level(level), check_level(power, "power"), check_side(side)
    errors, benchmark = _null_error(cf), cf.level
    money, missed = (quantile_of(errors, share) for share in (tail(level, side), 1 - power))
    rate, detectable = money / benchmark, (money - missed) / benchmark
    detail = {"power": power, "detectable": detectable}
    threshold = Threshold(rate=rate, money=money, kind=NAME, level=level, side=side, detail=detail)
    return DetectableSaving(gate=threshold, detectable=detectable, money=money - missed, power=power)


@checked()
def power_of_threshold(cf: Counterfactual, threshold: Threshold | float, saving: float) -> float:
    r"""Return the probability that a threshold pays at a true saving: the inverse of `minimum_detectable_saving`.

    .. math:: P(M / \bar B \ge T \mid s) = P(E_0 / \bar B \ge T - s)

    At s = 0 it is the false-payment rate according to the benchmark's own error. The threshold may be of any kind: a
    schedule's, a fixed rate, another method's.

    Parameters
    ----------
    cf : Counterfactual; refused where `uncertainty` is "none"
    threshold : the smallest measured savings rate that is paid
    saving : true savings rate, a fraction of the benchmark below 1; negative for a loss

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> cf = ss.Counterfactual.from_draws(100 + np.random.default_rng(1).standard_normal(400_000), "sampling")
    >>> saving = minimum_detectable_saving(cf, power=0.8)
    >>> [round(power_of_threshold(cf, saving.gate, true), 3) for true in (saving.detectable, 0.0)]
    [0.8, 0.05]
    """
    rate = float(threshold)
    if not -1 < rate < 1:
        raise ParameterError(f"threshold is {rate}; a fraction of the benchmark is needed, such as 0.03 for 3%.")
    return float((_null_error(cf) / cf.level >= rate - saving).mean())


#: The name in earlier versions.
power_of_gate = power_of_threshold


def _null_error(cf: Counterfactual) -> Floats:
    if cf.uncertainty == "none":
        raise NotSupportedError("Power analysis", f"{cf.method}, a point estimate without an error distribution")
    return null_error_of(cf)


def _for_errors(errors: Floats, key: ThresholdKey) -> Floats:
    """Return the detectable saving of each fit (R,), from its relative null errors (R, S); NaN: too few draws."""
    draws = [row[np.isfinite(row)].astype(float) for row in errors]
    return np.asarray(quantiles_by_fit(draws, [key.tail, 1 - POWER]) @ [1.0, -1.0])


KIND = ThresholdKind(
    name=NAME,
    order=60,
    learns_from="fit",
    settles=True,
    pays=False,
    for_errors=_for_errors,
    for_case=lambda cf, _placebos, _seed: lambda key: minimum_detectable_saving(cf, key.fraction, side=key.side).gate,
)
