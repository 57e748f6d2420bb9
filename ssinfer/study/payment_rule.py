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
        given: dict[str, Any] = dict(zip(AMOUNTS, amounts, strict=True))
        self.own = None if self.limits.kind == "computed" else required_rate(contract, given["assigned"])[0]
        self.terms: dict[str, Any] = {"excess": self.limits.sharing == "excess", "lower_share": 0.0}
        try:
            settlement = settle(contract, **given, quality=design.sharing.quality if design.sharing else None)
            self.terms |= {name: getattr(settlement, name) for name in TERMS} | {"savings_share": settlement.share}
        except SsinferError as error:  # for example a loss whose share depends on a quality score that is not given
            self.refused = str(error)

    def deciding(self, thresholds: Floats) -> Floats:
        """Return the thresholds (..., R) that decide, given the study's; NaN: this group cannot be settled."""
        return np.where(self.settled, thresholds if self.own is None else self.own, np.nan)

    def __call__(self, saved: Floats, thresholds: Floats) -> Floats:
        """Return payments (..., R), currency, at savings of own spending and deciding thresholds; NaN: not known."""
        if self.refused:
            return np.full(thresholds.shape, np.nan)
        least, rate = np.maximum(thresholds, 0.0), self.limits.loss_rate
        loss = least if rate is None else np.full_like(least, rate)
        with np.errstate(invalid="ignore", divide="ignore"):
            left = self.spent * (1.0 - saved)
            paid, _ = payments(self.total, left, threshold=least, loss_threshold=loss, **self.terms)
        return np.where(self.settled & np.isfinite(saved) & ~np.isnan(least), np.round(paid, self.decimals), np.nan)
