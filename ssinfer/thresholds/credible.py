"""credible_threshold: the smallest measured saving from which on a true saving is credible."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtri

from ssinfer.errors import ParameterError, RefusalError
from ssinfer.level import Side, check_level, check_side, tail
from ssinfer.thresholds.kernels.quantiles import quantiles_by_fit
from ssinfer.thresholds.kind import ThresholdKind
from ssinfer.thresholds.prior import PRIORS, Prior, find_prior
from ssinfer.thresholds.savings_posterior import (
    NormalMixture,
    fit_normal_mixture,
    highest_density_lower,
    probability_positive,
)
from ssinfer.thresholds.threshold import Threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.thresholds.kind import PlaceboFit, ThresholdKey
    from ssinfer.thresholds.planning.scenario import Scenario
    from ssinfer.typing import Booleans, Floats

Interval = Literal["equal-tailed", "highest-density"]
# "Every M" ends at 12 SDs of the null error (times SD over the prior's SD, if more): beyond, the model is wrong.
REACH = 12.0
#: Draws of a placebo's posterior that a mixture is fitted to, at most about twice as many.
THINNED_DRAWS = 1000


def credible_threshold(
    cf: Counterfactual,
    level: float = 0.95,
    side: str = "one-sided",
    prior: Prior | str | None = None,
    interval: Interval = "equal-tailed",
) -> Threshold:
    r"""Return the savings threshold from the posterior of the true saving.

    The true pooled saving d has a prior :math:`\pi`; the posterior given the measured saving M is
    :math:`p(d \mid M) \propto \pi(d)\, p_{E_0}(M - d)`, with :math:`E_0 = \bar B - B` from the posterior predictive of
    the benchmark.

    .. math:: T = \min\{t : P(d > 0 \mid M) \ge \text{level for every } M \ge t\}

    One-sided under a flat prior it equals the one-sided quantile of the predictive error. Two-sided, the equal-tailed
    interval at `level` must lie above zero, which is the one-sided test at (1 + level) / 2; or the
    highest-density interval on the scale of money, which is not. Check: with a normal error of standard error SE and
    prior N(m, t²), :math:`T = z\,SE\sqrt{1 + SE^2/t^2} - m\,SE^2/t^2`.

    Parameters
    ----------
    cf : Counterfactual
        Refused unless its `uncertainty` is "posterior".
    level : float
        Posterior probability, a fraction.
    side : "one-sided" or "two-sided"
    prior : Prior, "flat", "sceptical" or "literature"
        On the true savings rate. A more sceptical prior raises the threshold. Never rank methods by the size of T
        under a prior: a vaguer benchmark then looks better.
    interval : "equal-tailed" or "highest-density"
        Of the two-sided interval.

    Returns
    -------
    Threshold
        Its detail holds `standard_error` (SD of E0 / Bbar), `probability_not_positive` (of the prior) and `interval`.

    Raises
    ------
    NotSupportedError
        The counterfactual's uncertainty is no posterior.
    ConvergenceError
        A convergence diagnostic failed.
    RefusalError
        No measured saving reaches the level: with a heavy-tailed error and a tight prior a larger M is
        more likely an outlier than a saving.

    References
    ----------
    Dawid 1973, doi 10.1093/biomet/60.3.664 (why a large outlier is rejected under a tight prior).

    Examples
    --------
    >>> import numpy as np
    >>> from ssinfer.counterfactual import point_of
    >>> cf = point_of(benchmark=100 + 2 * np.random.default_rng(1).standard_normal(40_000), uncertainty="posterior")
    >>> round(credible_threshold(cf).rate, 3), round(credible_threshold(cf, prior="sceptical").rate, 3)
    (0.032, 0.046)
    """
    return SavingPosterior(cf).threshold(level, side, prior, interval)


class SavingPosterior:
    """The predictive error of one counterfactual, from which credible thresholds of every level and prior follow.

    Parameters
    ----------
    cf : Counterfactual
        Refused as by :func:`credible_threshold`.
    """

    def __init__(self, cf: Counterfactual) -> None:
        self.errors = cf.null_error("credible")
        self.level = cf.level
        self.spread = float(self.errors.std())
        if self.spread == 0:
            raise RefusalError(f"All draws of {cf.method} are alike: a posterior without spread yields no threshold.")

    @cached_property
    def mixture(self) -> NormalMixture:
        """The relative error as a mixture of normals."""
        return fit_normal_mixture(self.errors / self.level)

    def threshold(
        self,
        level: float = 0.95,
        side: str = "one-sided",
        prior: Prior | str | None = None,
        interval: Interval = "equal-tailed",
    ) -> Threshold:
        """Return the credible threshold; arguments as of :func:`credible_threshold`."""
        level, side = check_level(level), check_side(side)
        chosen = find_prior(prior)
        if interval not in ("equal-tailed", "highest-density"):
            raise ParameterError(f"interval is {interval!r}; allowed: 'equal-tailed' or 'highest-density'.")
        mean, spread = self.level, self.spread / self.level
        detail = {
            "standard_error": spread,
            "probability_not_positive": chosen.probability_not_positive,
            "interval": interval if side == "two-sided" else "one-sided",
        }
        highest = side == "two-sided" and interval == "highest-density"
        if not np.isfinite(chosen.sd) and not highest:
            money = float(np.quantile(self.errors, tail(level, side)))
        else:
            money = mean * credible_rate(self.mixture, spread, level, side, chosen, highest=highest)
        return Threshold(
            rate=money / mean,
            money=money,
            kind="credible",
            level=level,
            side=side,
            prior=repr(chosen)[6:-1].replace("'", ""),
            detail=detail,
        )


def credible_rate(
    error: NormalMixture, spread: float, level: float, side: Side, prior: Prior, *, highest: bool = False
) -> float:
    """Return the smallest measured rate from which on every larger one up to REACH SDs passes.

    In closed form where one normal describes the error, otherwise by search.

    Parameters
    ----------
    error : NormalMixture
        Of the relative null error E0 / Bbar; `spread` is its SD.
    level, side, prior, highest : as in :func:`credible_threshold`
    """
    top = REACH * spread * max(1.0, spread / prior.sd if np.isfinite(prior.sd) else 1.0)
    if len(error.weights) == 1 and np.isfinite(prior.sd) and not highest:
        scale = float(error.sds[0])
        ratio = (scale / prior.sd) ** 2
        z = float(ndtri(tail(level, side)))
        closed = float(error.means[0]) + z * scale * float(np.sqrt(1.0 + ratio)) - prior.mean * ratio
        if -top < closed < top:
            return closed
    grid = np.linspace(-top, top, 241)

    def passes(values: Floats) -> Booleans:
        if highest:
            ends = [highest_density_lower(float(value), error, prior.mean, prior.sd, level) for value in values]
            return np.asarray(np.array(ends) > 0)
        return np.asarray(probability_positive(values, error, prior.mean, prior.sd) >= tail(level, side))

    good = passes(grid)
    if not good[-1]:
        raise RefusalError(
            f"No measured saving up to {top:.1%} of the benchmark gives a {100 * level:g}% probability of a true "
            f"saving under {prior!r}: the error's tails are too heavy for so tight a prior. Widen the prior or lower "
            "the level."
        )
    below = np.flatnonzero(~good)
    if not len(below):
        raise RefusalError(f"Every measured saving passes under {prior!r}: it would pay always. Widen the prior.")
    low, high = float(grid[below[-1]]), float(grid[below[-1] + 1])
    for _ in range(12):
        inner = np.linspace(low, high, 9 if not highest else 3)
        first = int(np.argmax(passes(inner[1:]))) + 1
        low, high = float(inner[first - 1]), float(inner[first])
        if high - low < 1e-7 * spread:
            break
    return high


def _for_case(cf: Counterfactual, _placebos: object, _seed: int) -> Callable[[ThresholdKey], Threshold]:
    posterior = SavingPosterior(cf)
    return lambda key: posterior.threshold(check_level(key.level), key.side, key.prior)


def _for_fits(fits: Sequence[PlaceboFit], keys: Sequence[ThresholdKey]) -> Floats:
    """Return quantiles under the flat prior; otherwise a mixture of normals is fitted to thinned draws."""
    out = np.full((len(fits), len(keys)), np.nan)
    flat = [place for place, key in enumerate(keys) if not key.informed]
    out[:, flat] = quantiles_by_fit([fit.posterior for fit in fits], [keys[place].tail for place in flat])
    informed = [place for place, key in enumerate(keys) if key.informed]
    for row, fit in enumerate(fits):
        if fit.posterior is None or not informed:
            continue
        thinned = fit.posterior[:: max(1, len(fit.posterior) // THINNED_DRAWS)]
        error, spread = fit_normal_mixture(thinned), float(fit.posterior.std())
        for place in informed:
            level, side, prior = check_level(keys[place].level), check_side(keys[place].side), keys[place].prior
            try:
                out[row, place] = credible_rate(error, spread, level, side, find_prior(prior))
            except RefusalError:  # no measured saving reaches the level: this placebo is never paid
                out[row, place] = np.inf
    return out


def _for_scenario(scenario: Scenario, standard_error: float) -> float:
    z = float(ndtri(tail(scenario.level, check_side(scenario.side))))
    prior = find_prior(scenario.prior)
    if not np.isfinite(prior.sd):
        return z * standard_error
    ratio = (standard_error / prior.sd) ** 2
    return z * standard_error * float(np.sqrt(1 + ratio)) - prior.mean * ratio


KIND = ThresholdKind(
    name="credible",
    label="Credible (model)",
    words="the credible threshold",
    order=30,
    learns_from="fit",
    distribution="posterior",
    priors=PRIORS,
    settles=True,
    for_case=_for_case,
    for_fits=_for_fits,
    for_scenario=_for_scenario,
)
