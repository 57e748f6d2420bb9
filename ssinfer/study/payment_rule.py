r"""PaymentRule: what a design pays to groups, by the threshold that decides in its contract.

A group with benchmark B and spending Y per insured-year, whose programme saves the fraction d of Y, is measured at
M = B - (1 - d) Y. With threshold T, share f and n insured-years it is paid, for first-euro and for excess sharing,

.. math:: P = f \, n \, M^+ \; 1\{M / B \ge T\} \qquad \text{or} \qquad P = f \, n \, (M - T B)^+ \; 1\{M / B \ge T\}

within the caps of the contract; losses from the loss threshold on are owed alike. T is the study's threshold, except
for a contract that is not "computed": it pays by its own.
"""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.contracts.arithmetic import payments
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.settle import required_rate, settle
from ssinfer.errors import SsinferError
from ssinfer.study.designs import StudyDesign
from ssinfer.study.plan import Plan
from ssinfer.typing import Floats

AMOUNTS = ("benchmark", "spending", "insured_years", "assigned")
TERMS = ("loss_share", "savings_cap", "loss_cap", "less")


class PaymentRule:
    """The rule of a design for groups (R,); `refused` is the reason why it cannot settle them, empty if it can."""

    def __init__(self, plan: Plan, design: StudyDesign, groups: pd.DataFrame) -> None:
        stated, self.share, self.refused = plan.contract_of(design), plan.share_of(design), ""
        own: dict[str, Any] = {"threshold": {"kind": "computed"}, "sharing": {"savings": self.share}}
        contract = stated or Contract(name="share", rule_year=2024, **own)
        self.limits, self.decimals = contract.threshold, 12 if stated is None else 2  # a contract pays cents
        benchmark, spending, years, assigned = (groups[name].to_numpy() for name in AMOUNTS)
        self.total, self.spent = benchmark * years, spending * years
        assigned = np.where(np.isfinite(assigned), assigned, years)
        least = max(1, contract.size.minimum if contract.size.below == "refuse" else 1)
        self.settled = (self.total > 0) & (self.spent > 0) & (assigned >= least)
        amounts = (np.where(self.settled, values, least) for values in (benchmark, spending, years, assigned))
        self.given: dict[str, Any] = dict(zip(AMOUNTS, amounts, strict=True))
        self.terms: dict[str, Any] = {}
        try:
            quality = None if design.sharing is None else design.sharing.quality
            settlement = settle(contract, **self.given, quality=quality)
        except SsinferError as error:  # for example a loss whose share depends on a quality score that is not given
            self.refused = str(error)
        else:
            self.terms = {name: getattr(settlement, name) for name in TERMS} | {"savings_share": settlement.share}
        computed = self.limits.kind == "computed"
        self.own = None if computed else required_rate(contract, self.given["assigned"])[0]

    def deciding(self, thresholds: Floats) -> Floats:
        """Return the thresholds (..., R) that decide, given the study's; NaN: this group cannot be settled."""
        return np.where(self.settled, thresholds if self.own is None else self.own, np.nan)

    def __call__(self, saved: Floats, thresholds: Floats) -> Floats:
        """Return payments (..., R), currency, at savings of own spending and deciding thresholds; NaN: not known."""
        if self.refused:
            return np.full(thresholds.shape, np.nan)
        at, loss = np.maximum(thresholds, 0.0), self.limits.loss_rate
        rates: dict[str, Any] = {
            "threshold": at,
            "loss_threshold": at if loss is None else np.full_like(at, loss),
            "lower_share": 0.0,
        }
        with np.errstate(invalid="ignore", divide="ignore"):
            left, excess = self.spent * (1.0 - saved), self.limits.sharing == "excess"
            paid, _ = payments(self.total, left, **rates, **self.terms, excess=excess)
        return np.where(self.settled & np.isfinite(saved) & ~np.isnan(at), np.round(paid, self.decimals), np.nan)
