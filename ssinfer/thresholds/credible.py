"""credible_threshold: the smallest measured saving that makes a true saving credible."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.special import ndtri

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import RefusalError
from ssinfer.level import Side, check_level, check_side, tail
from ssinfer.thresholds.kind import PlaceboFit, ThresholdKey, ThresholdKind
from ssinfer.thresholds.null_error import check_draws, draws_needed, quantile_mcse, quantile_of, quantiles_by_fit
from ssinfer.thresholds.prior import PRIORS, Prior, find_prior
from ssinfer.thresholds.savings_posterior import (
    NormalMixture,
    fit_normal_mixture,
    highest_density_lower,
    probability_positive,
)
from ssinfer.thresholds.threshold import Threshold
from ssinfer.typing import Booleans, Floats

Interval = Literal["equal-tailed", "highest-density"]
NAME = "credible"
#: "Every measured saving" ends at this many SDs of the null error (times SD over the prior's SD, if that is more).
MAX_SDS = 12.0
#: About this many draws of a placebo's posterior are fitted by a mixture.
MIXTURE_DRAWS = 1000


@checked()
def credible_threshold(
    cf: Counterfactual,
    level: float = 0.95,
    side: str = "one-sided",
    prior: Prior | str | None = None,
    interval: Interval = "equal-tailed",
) -> Threshold:
    r"""Return the savings threshold from the posterior of the true saving.

    The true pooled saving d has a prior :math:`\pi`. Its posterior given the measured saving M is
    :math:`p(d \mid M) \propto \pi(d)\, p_{E_0}(M - d)`, with :math:`E_0 = \bar B - B` from the posterior predictive
    distribution of the benchmark.

    .. math:: T = \min\{t : P(d > 0 \mid M) \ge \text{level for every } M \ge t\}

    One-sided under a flat prior, T is the one-sided quantile of the predictive error. Two-sided, the equal-tailed
    interval at `level` must lie above zero, which is the one-sided test at (1 + level) / 2. A highest-density interval
    is another choice. With a normal error of standard error SE and prior N(m, t²), one-sided,
    :math:`T = z\,SE\sqrt{1 + SE^2/t^2} - m\,SE^2/t^2`. The threshold's detail holds `standard_error` (SD of E0 / Bbar),
    `probability_not_positive` (of the prior) and `interval`; under a flat prior with equal tails also `rate_mcse`
    (Monte Carlo standard error of the threshold).

    Parameters
    ----------
    cf : Counterfactual whose `uncertainty` is "posterior"
    level, side : posterior probability, a fraction; "one-sided" or "two-sided"
    prior : Prior, "flat", "sceptical" or "literature", on the true savings rate
        A more sceptical prior raises the threshold. Do not rank methods by the size of T under a prior: a less precise
        benchmark then looks better.
    interval : "equal-tailed" or "highest-density", the kind of the two-sided interval

    Raises
    ------
    NotSupportedError : the counterfactual's uncertainty is no posterior
    ConvergenceError : a convergence diagnostic failed
    RefusalError : no measured saving reaches the level
        With a heavy-tailed error and a tight prior, a larger M is more likely an outlier than a saving (Dawid 1973, doi
        10.1093/biomet/60.3.664).

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> cf = ss.Counterfactual.from_draws(100 + 2 * np.random.default_rng(1).standard_normal(40_000), "posterior")
    >>> round(credible_threshold(cf).rate, 3), round(credible_threshold(cf, prior="sceptical").rate, 3)
    (0.032, 0.046)
    """
    return SavingPosterior(cf).threshold(level, side, prior, interval)


class SavingPosterior:
    """The predictive error of one counterfactual, which gives credible thresholds of every level and prior."""

    def __init__(self, cf: Counterfactual) -> None:
        self.errors = cf.null_error("credible")
        self.benchmark = cf.level
        self.spread = float(self.errors.std())
        if self.spread == 0:
            raise RefusalError(f"All draws of {cf.method} are equal: a posterior without spread yields no threshold.")

    @cached_property
    def mixture(self) -> NormalMixture:
        """The relative error as a mixture of normals."""
        return fit_normal_mixture(self.errors / self.benchmark)

    def threshold(
        self, level: float, side: str, prior: Prior | str | None, interval: Interval = "equal-tailed"
    ) -> Threshold:
        """Return the threshold of :func:`credible_threshold`."""
        level, side = check_level(level), check_side(side)
        chosen = find_prior(prior)
        spread = self.spread / self.benchmark
        detail: dict[str, float | str] = {
            "standard_error": spread,
            "probability_not_positive": chosen.probability_not_positive,
            "interval": interval if side == "two-sided" else "one-sided",
        }
        highest = side == "two-sided" and interval == "highest-density"
        if not np.isfinite(chosen.sd) and not highest:
            money = quantile_of(self.errors, tail(level, side))
            detail["rate_mcse"] = quantile_mcse(self.errors, tail(level, side)) / self.benchmark
        else:
            check_draws(self.errors, tail(level, side))
            money = self.benchmark * credible_rate(self.mixture, spread, level, side, chosen, highest=highest)
        rate, words = money / self.benchmark, chosen.words
        return Threshold(rate=rate, money=money, kind=NAME, level=level, side=side, prior=words, detail=detail)


def credible_rate(
    error: NormalMixture, spread: float, level: float, side: Side, prior: Prior, *, highest: bool = False
) -> float:
    """Return the smallest rate from which on all larger ones up to MAX_SDS pass; refused if none or every one does."""
    top = MAX_SDS * spread * max(1.0, spread / prior.sd)
    if len(error.weights) == 1 and np.isfinite(prior.sd) and not highest:
        closed = _normal_rate(float(error.means[0]), float(error.sds[0]), float(ndtri(tail(level, side))), prior)
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


def _normal_rate(mean: float, standard_error: float, z: float, prior: Prior) -> float:
    """Return the threshold for a normal error; the prior may be flat."""
    ratio = (standard_error / prior.sd) ** 2
    return mean + z * standard_error * float(np.sqrt(1.0 + ratio)) - prior.mean * ratio


def _for_case(cf: Counterfactual, _placebos: object, _seed: int) -> Callable[[ThresholdKey], Threshold]:
    posterior = SavingPosterior(cf)
    return lambda key: posterior.threshold(key.fraction, key.side, key.prior)


def _for_fits(fits: Sequence[PlaceboFit], keys: Sequence[ThresholdKey]) -> Floats:
    """Return quantiles under the flat prior; under others, thresholds from a mixture fitted to thinned draws."""
    out = np.full((len(fits), len(keys)), np.nan)
    flat = [column for column, key in enumerate(keys) if not key.informed]
    out[:, flat] = quantiles_by_fit([fit.posterior for fit in fits], [keys[column].tail for column in flat])
    informed = [(column, key) for column, key in enumerate(keys) if key.informed]
    for row, fit in enumerate(fits):
        if fit.posterior is None or not informed:
            continue
        thinned = fit.posterior[:: max(1, len(fit.posterior) // MIXTURE_DRAWS)]
        error, spread = fit_normal_mixture(thinned), float(fit.posterior.std())
        for column, key in informed:
            if len(fit.posterior) < draws_needed(key.tail):
                continue
            side, prior = check_side(key.side), find_prior(key.prior)
            try:
                out[row, column] = credible_rate(error, spread, key.fraction, side, prior)
            except RefusalError:  # no measured saving reaches the level, so that this placebo is never paid
                out[row, column] = np.inf
    return out


KIND = ThresholdKind(
    name=NAME,
    order=30,
    learns_from="fit",
    distribution="posterior",
    priors=PRIORS,
    settles=True,
    for_case=_for_case,
    for_fits=_for_fits,
    for_scenario=lambda scenario, standard_error: _normal_rate(
        0.0, standard_error, float(ndtri(scenario.tail)), find_prior(scenario.prior)
    ),
)
