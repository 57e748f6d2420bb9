"""expected_loss_threshold: the gate that misallocates least money in expectation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.errors import RefusalError
from ssinfer.level import check_level
from ssinfer.thresholds.prior import Prior, find_prior
from ssinfer.thresholds.threshold import Threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.counterfactual import Counterfactual

    Floats = NDArray[np.float64]

PRIOR_POINTS = 201
GATES = 401


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
    four SDs of the measured saving.

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
        raise RefusalError(
            "An expected loss needs a proper prior, got 'flat'. Use 'sceptical', 'literature' or a Prior."
        )
    if not 0 < share <= 1:
        raise RefusalError(f"share is {share}; a fraction in (0, 1] is needed.")
    if overpaid < 0 or underpaid < 0 or overpaid + underpaid == 0:
        raise RefusalError(f"weights are {overpaid} and {underpaid}; none may be negative, and one must be positive.")
    if sharing not in ("first_dollar", "excess"):
        raise RefusalError(f"sharing is {sharing!r}; allowed: 'first_dollar' or 'excess'.")
    kind = "credible" if cf.uncertainty == "posterior" else "confidence"
    errors = np.sort(cf.null_error(kind)) / cf.level
    # equally likely points of the prior and of the error stand for both distributions
    levels = (np.arange(PRIOR_POINTS) + 0.5) / PRIOR_POINTS
    true = chosen.mean + chosen.sd * _normal_quantiles(levels)
    null = np.quantile(errors, (np.arange(GATES) + 0.5) / GATES)
    measured = (true[:, None] + null[None, :]).ravel()
    due = np.repeat(share * np.maximum(true, 0.0), len(null))
    top = chosen.mean + 4 * float(np.hypot(chosen.sd, errors.std()))
    gates = np.linspace(0.0, max(top, 1e-6), GATES)
    losses = np.array([_loss(gate, measured, due, share, overpaid, underpaid, sharing) for gate in gates])
    best = int(losses.argmin())
    detail = {"gates": gates, "losses": losses, "loss": float(losses[best]), "share": share, "sharing": sharing}
    return Threshold(
        rate=float(gates[best]),
        money=float(gates[best]) * cf.level,
        kind="expected loss",
        side="one-sided",
        prior=repr(chosen)[6:-1].replace("'", ""),
        detail={**detail, "overpaid": overpaid, "underpaid": underpaid},
    )


def _loss(
    gate: float, measured: Floats, due: Floats, share: float, overpaid: float, underpaid: float, sharing: str
) -> float:
    base = measured if sharing == "first_dollar" else measured - gate
    paid = np.where(measured >= gate, share * np.maximum(base, 0.0), 0.0)
    gap = paid - due
    return float(np.where(gap > 0, overpaid * gap, -underpaid * gap).mean())


def _normal_quantiles(levels: Floats) -> Floats:
    from scipy.special import ndtri  # noqa: PLC0415  (scipy is loaded only where it is used)

    check_level(float(levels[0]))
    return np.asarray(ndtri(levels))
