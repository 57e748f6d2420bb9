"""expected_loss_threshold: the threshold that misallocates the least money in expectation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import ParameterError, RefusalError
from ssinfer.kernels.quantiles import sorted_quantiles
from ssinfer.thresholds.kernels.first_dollar import first_dollar_losses
from ssinfer.thresholds.kind import PlaceboFit, ThresholdKey, ThresholdKind
from ssinfer.thresholds.null_error import check_draws, null_error_of
from ssinfer.thresholds.prior import PRIORS, Prior, find_prior
from ssinfer.thresholds.threshold import Threshold
from ssinfer.typing import Floats

NAME = "expected loss"
#: Numbers of equally likely points for the prior and for the error: of one case, and of each placebo of a backtest.
CASE_POINTS, PLACEBO_POINTS = (201, 401), (61, 101)
#: Number of thresholds at which the loss is computed.
N_THRESHOLDS = 401
#: Least share of the loss of never paying that a threshold must save; the grid cannot resolve less.
MIN_GAIN = 1e-3


@checked()
def expected_loss_threshold(
    cf: Counterfactual,
    prior: Prior | str = "literature",
    share: float = 0.5,
    overpaid: float = 1.0,
    underpaid: float = 1.0,
    sharing: Literal["first_dollar", "excess"] = "first_dollar",
) -> Threshold:
    r"""Return the threshold that minimises expected misallocation.

    With payment :math:`P(M, T) = f M\,1\{M \ge T\}` (first dollar) or :math:`f (M - T)^+` (excess), and
    :math:`f \max(d, 0)` due,

    .. math:: T = \arg\min_{t \ge 0} E\bigl[w_o (P - f d^+)^+ + w_u (f d^+ - P)^+\bigr]

    over a proper prior on d and :math:`M = d + E_0`. The loss is minimised over thresholds from 0 to the prior's mean
    plus four SDs of the measured saving. The threshold is refused if never paying loses as little. An example is equal
    weights, a sceptical prior and a normal error wider than the prior: the true saving is then more likely below half
    of the measured one than above. The threshold's detail holds the loss curve, `thresholds` and `losses` (rates of the
    benchmark), and `loss` at the minimum.

    Parameters
    ----------
    cf : Counterfactual with a distribution of E0
    prior : Prior, "sceptical" or "literature", on the true savings rate
    share : sharing rate f, a fraction
    overpaid, underpaid : weights w of a euro paid too much and of a euro paid too little
    sharing : "first_dollar" or "excess"

    Raises
    ------
    ParameterError : the prior is flat, or a weight or share is impossible
    RefusalError : never paying misallocates least
    NotSupportedError, ConvergenceError : the counterfactual has no distribution of its error, or did not converge

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> cf = ss.Counterfactual.from_draws(100 + 2 * np.random.default_rng(1).standard_normal(4000), "posterior")
    >>> lenient = expected_loss_threshold(cf, underpaid=3.0)
    >>> lenient.rate < expected_loss_threshold(cf, overpaid=3.0).rate
    True
    """
    chosen = find_prior(prior)
    if not np.isfinite(chosen.sd):
        raise ParameterError(
            "An expected loss needs a proper prior, got 'flat'. Use 'sceptical', 'literature' or a Prior."
        )
    if overpaid < 0 or underpaid < 0 or overpaid + underpaid == 0:
        raise ParameterError(f"weights are {overpaid} and {underpaid}; none may be negative, and one must be positive.")
    errors = check_draws(null_error_of(cf), 0.95) / cf.level
    payment = Payment(share, overpaid, underpaid, sharing)
    curve = payment.losses(errors, chosen)
    if not curve.worthwhile:
        raise RefusalError(
            f"No threshold misallocates less than never paying, under {chosen!r} and an error of SD "
            f"{errors.std():.1%} of the benchmark: a measured saving is then more error than saving. Use a benchmark "
            "with a smaller error or a wider prior, or weigh underpayment more."
        )
    loss = float(curve.losses.min())
    detail = {"thresholds": curve.thresholds, "losses": curve.losses, "loss": loss, **asdict(payment)}
    return Threshold(rate=curve.rate, money=curve.rate * cf.level, kind=NAME, prior=chosen.words, detail=detail)


@dataclass(frozen=True, eq=False)
class LossCurve:
    """Expected losses of thresholds, and of never paying; rates of the benchmark."""

    thresholds: Floats
    losses: Floats
    never: float

    @property
    def rate(self) -> float:
        """The threshold with the smallest loss."""
        return float(self.thresholds[self.losses.argmin()])

    @property
    def worthwhile(self) -> bool:
        """Whether the best threshold loses less than never paying."""
        return bool(self.losses.min() < (1 - MIN_GAIN) * self.never)


@dataclass(frozen=True)
class Payment:
    """Sharing of a saving, and the weights of a euro paid too much and too little."""

    share: float = 0.5
    overpaid: float = 1.0
    underpaid: float = 1.0
    sharing: Literal["first_dollar", "excess"] = "first_dollar"

    def losses(self, errors: Floats, prior: Prior, points: tuple[int, int] = CASE_POINTS) -> LossCurve:
        """Return expected losses for relative null errors E0 / Bbar (S,); `points` of the prior and of the error."""
        probabilities, of_error = ((np.arange(n) + 0.5) / n for n in points)
        true = prior.mean + prior.sd * ndtri(probabilities)
        null = sorted_quantiles(np.sort(errors, kind="stable"), of_error)
        top = prior.mean + 4 * float(np.hypot(prior.sd, errors.std()))
        thresholds = np.linspace(0.0, max(top, 1e-6), N_THRESHOLDS)
        due = self.share * np.maximum(true, 0.0)[:, None]
        never = self.underpaid * float(due.mean())
        if self.sharing == "first_dollar":
            weights = self.share, self.overpaid, self.underpaid
            return LossCurve(thresholds, first_dollar_losses(true, null, thresholds, *weights), never)
        gaps = (self.share * np.maximum(true[:, None] + null - rate, 0.0) - due for rate in thresholds)
        losses = [np.where(gap > 0, self.overpaid * gap, -self.underpaid * gap).mean() for gap in gaps]
        return LossCurve(thresholds, np.array(losses), never)


def _for_fits(fits: Sequence[PlaceboFit], keys: Sequence[ThresholdKey]) -> Floats:
    """Return thresholds at equal weights, first-dollar (at any share); infinite where never paying loses as little."""
    out = np.full((len(fits), len(keys)), np.nan)
    priors = [find_prior(key.prior) for key in keys]
    for row, fit in enumerate(fits):
        errors = fit.posterior if fit.posterior is not None else fit.sampling
        if errors is not None and len(errors) > 1:
            errors = np.sort(errors, kind="stable")
            curves = [Payment().losses(errors, prior, PLACEBO_POINTS) for prior in priors]
            out[row] = [curve.rate if curve.worthwhile else np.inf for curve in curves]
    return out


KIND = ThresholdKind(
    name=NAME,
    order=80,
    learns_from="fit",
    has_level=False,
    sides=("one-sided",),
    priors=PRIORS[1:],
    for_case=lambda cf, _placebos, _seed: lambda key: expected_loss_threshold(cf, key.prior),
    for_fits=_for_fits,
)
