"""expected_loss_threshold: the gate that misallocates least money in expectation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.errors import ParameterError, RefusalError
from ssinfer.level import check_level
from ssinfer.thresholds.kind import ThresholdKind
from ssinfer.thresholds.prior import PRIORS, Prior, find_prior
from ssinfer.thresholds.threshold import Threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.thresholds.kind import PlaceboFit, ThresholdKey
    from ssinfer.typing import Floats


PRIOR_POINTS = 201
GATES = 401
# a gate that saves less than this share of the loss of never paying is none: the grid knows no better
WORTH = 1e-3


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

    over a proper prior on d and :math:`M = d + E_0`. The loss is minimised over gates from 0 to the prior's mean plus
    four SDs of the measured saving. Refused where never paying loses as little: with equal weights, a sceptical prior
    and a normal error wider than the prior, the true saving is more likely below half of the measured one than above.

    Parameters
    ----------
    cf : Counterfactual
        Any with a distribution of E0.
    prior : Prior, "sceptical" or "literature"
        Proper: the flat prior is refused.
    share : float
        Sharing rate f.
    overpaid, underpaid : float
        Weights w of a euro paid too much and of a euro paid too little.
    sharing : "first_dollar" or "excess"

    Returns
    -------
    Threshold
        Its detail holds the loss curve, `gates` and `losses` (rates of the benchmark), and `loss` at the minimum.

    Raises
    ------
    RefusalError
        The prior is flat, a weight or share impossible, or never paying misallocates least.
    NotSupportedError, ConvergenceError
        The counterfactual has no distribution of its error, or did not converge.

    Examples
    --------
    >>> import numpy as np
    >>> from ssinfer.counterfactual import point_of
    >>> cf = point_of(benchmark=100 + 2 * np.random.default_rng(1).standard_normal(4000), uncertainty="posterior")
    >>> lenient = expected_loss_threshold(cf, underpaid=3.0)
    >>> lenient.rate < expected_loss_threshold(cf, overpaid=3.0).rate
    True
    """
    chosen = find_prior(prior)
    if not np.isfinite(chosen.sd):
        raise ParameterError(
            "An expected loss needs a proper prior, got 'flat'. Use 'sceptical', 'literature' or a Prior."
        )
    if not 0 < share <= 1:
        raise ParameterError(f"share is {share}; a fraction in (0, 1] is needed.")
    if overpaid < 0 or underpaid < 0 or overpaid + underpaid == 0:
        raise ParameterError(f"weights are {overpaid} and {underpaid}; none may be negative, and one must be positive.")
    if sharing not in ("first_dollar", "excess"):
        raise ParameterError(f"sharing is {sharing!r}; allowed: 'first_dollar' or 'excess'.")
    kind = "credible" if cf.uncertainty == "posterior" else "confidence"
    error = cf.null_error(kind) / cf.level
    gates, losses, never = loss_curve(
        error, chosen, share=share, overpaid=overpaid, underpaid=underpaid, sharing=sharing
    )
    best = int(losses.argmin())
    if not losses[best] < (1 - WORTH) * never:
        raise RefusalError(
            f"No gate misallocates less than never paying, under {chosen!r} and an error of SD {error.std():.1%} of "
            "the benchmark: a measured saving is then more error than saving. Use a benchmark with a smaller error, a "
            "wider prior, or weigh underpayment more."
        )
    detail = {"gates": gates, "losses": losses, "loss": float(losses[best]), "share": share, "sharing": sharing}
    return Threshold(
        rate=float(gates[best]),
        money=float(gates[best]) * cf.level,
        kind="expected loss",
        side="one-sided",
        prior=repr(chosen)[6:-1].replace("'", ""),
        detail={**detail, "overpaid": overpaid, "underpaid": underpaid},
    )


def loss_curve(
    errors: Floats,
    prior: Prior,
    *,
    share: float = 0.5,
    overpaid: float = 1.0,
    underpaid: float = 1.0,
    sharing: Literal["first_dollar", "excess"] = "first_dollar",
    points: tuple[int, int] = (PRIOR_POINTS, GATES),
) -> tuple[Floats, Floats, float]:
    """Return gates, their expected losses, and the loss of never paying; rates of the benchmark.

    Parameters
    ----------
    errors : (S,) relative null errors E0 / Bbar
    prior : proper
    points : how many equally likely points stand for the prior and for the error
    """
    levels = (np.arange(points[0]) + 0.5) / points[0]
    true = prior.mean + prior.sd * _normal_quantiles(levels)
    null = np.quantile(errors, (np.arange(points[1]) + 0.5) / points[1])
    measured = (true[:, None] + null[None, :]).ravel()
    due = np.repeat(share * np.maximum(true, 0.0), len(null))
    top = prior.mean + 4 * float(np.hypot(prior.sd, errors.std()))
    gates = np.linspace(0.0, max(top, 1e-6), GATES)
    never = underpaid * float(due.mean())
    if sharing == "first_dollar":
        return gates, _first_dollar_losses(gates, measured, due, share, overpaid, underpaid), never
    losses = [_excess_loss(gate, measured, due, share, overpaid, underpaid) for gate in gates]
    return gates, np.array(losses), never


def expected_loss_rate(errors: Floats, prior: Prior) -> float:
    """Return the gate of smallest expected loss at equal weights, first-dollar, on a coarser grid (backtests).

    Infinite where never paying loses as little. The sharing rate does not matter here.
    """
    gates, losses, never = loss_curve(errors, prior, points=(61, 101))
    best = int(losses.argmin())
    return float(gates[best]) if losses[best] < (1 - WORTH) * never else float("inf")


def _first_dollar_losses(
    gates: Floats, measured: Floats, due: Floats, share: float, overpaid: float, underpaid: float
) -> Floats:
    """Return the loss of every gate: what a payment amounts to does not depend on it, only whether it is made."""
    order = np.argsort(measured)
    measured, due = measured[order], due[order]
    gap = share * np.maximum(measured, 0.0) - due
    if_paid = np.where(gap > 0, overpaid * gap, -underpaid * gap)
    unpaid = np.concatenate([[0.0], np.cumsum(underpaid * due)])  # of those below a gate
    paid = np.concatenate([np.cumsum(if_paid[::-1])[::-1], [0.0]])  # of those at or above it
    first = np.searchsorted(measured, gates, side="left")
    return np.asarray((unpaid[first] + paid[first]) / len(measured))


def _excess_loss(gate: float, measured: Floats, due: Floats, share: float, overpaid: float, underpaid: float) -> float:
    gap = share * np.maximum(measured - gate, 0.0) - due
    return float(np.where(gap > 0, overpaid * gap, -underpaid * gap).mean())


def _normal_quantiles(levels: Floats) -> Floats:
    from scipy.special import ndtri  # noqa: PLC0415  (scipy is loaded only where it is used)

    check_level(float(levels[0]))
    return np.asarray(ndtri(levels))


def _for_case(cf: Counterfactual, _placebos: object, _seed: int) -> Callable[[ThresholdKey], Threshold]:
    return lambda key: expected_loss_threshold(cf, key.prior)


def _for_fits(fits: Sequence[PlaceboFit], keys: Sequence[ThresholdKey]) -> Floats:
    out = np.full((len(fits), len(keys)), np.nan)
    for row, fit in enumerate(fits):
        errors = fit.posterior if fit.posterior is not None else fit.sampling
        if errors is not None and len(errors) > 1:
            out[row] = [expected_loss_rate(errors, find_prior(key.prior)) for key in keys]
    return out


KIND = ThresholdKind(
    name="expected loss",
    label="Expected loss",
    words="the threshold of smallest expected loss",
    order=80,
    learns_from="fit",
    has_level=False,
    sides=("one-sided",),
    priors=PRIORS[1:],
    limitable=False,
    for_case=_for_case,
    for_fits=_for_fits,
)
