"""Misallocation: bonus paid too much and bonus due but not paid, averaged over true savings."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ssinfer.errors import ParameterError
from ssinfer.typing import Floats

MEASURES = ("misallocation", "false_payment_rate", "detection_rate_3", "misallocation_money", "refused")


@dataclass(frozen=True)
class Misallocation:
    """The loss of a payment: weighted differences between bonus paid and bonus due, averaged over true savings."""

    savings: tuple[float, ...]  # true rates, fractions of the spending without the contract
    chances: tuple[float, ...]  # their probabilities
    overpaid: float  # weight of a euro paid too much
    underpaid: float  # weight of a euro paid too little
    share: float  # sharing rate, a fraction; first-dollar

    def __post_init__(self) -> None:
        if any(not 0 <= saving < 1 for saving in self.savings) or not self.savings:
            raise ParameterError(f"savings is {self.savings}; savings rates are fractions in [0, 1), such as 0.03.")
        paired = len(self.chances) == len(self.savings) and min(self.chances) >= 0
        if not paired or not np.isclose(sum(self.chances), 1.0):
            raise ParameterError(f"chances is {self.chances}; one probability per saving is needed, summing to 1.")

    def score(self, part: pd.DataFrame, thresholds: Floats) -> dict[str, Floats]:
        """Return the measures of placebos (R,) with thresholds (R,), or of every replicate with thresholds (K, R)."""
        rate = part["savings_rate"].to_numpy(dtype=float)
        benchmark = part["benchmark"].to_numpy(dtype=float)
        relative = part["spending"].to_numpy(dtype=float) / benchmark
        loss = np.zeros(np.broadcast_shapes(thresholds.shape, rate.shape))
        for saving, chance in zip(self.savings, self.chances, strict=True):
            measured = rate + saving * relative
            bonus = np.where(measured >= thresholds, self.share * np.maximum(measured, 0.0), 0.0)
            gap = bonus - self.share * saving * relative
            loss += chance * np.where(gap > 0, self.overpaid * gap, -self.underpaid * gap)
        return {
            "misallocation": loss,
            "false_payment_rate": (rate >= thresholds).astype(float),
            "detection_rate_3": (rate + 0.03 * relative >= thresholds).astype(float),
            "misallocation_money": loss * benchmark,
            "refused": np.zeros(loss.shape),
        }

    def of_refusal(self, ok: pd.DataFrame) -> dict[str, float]:
        """Return the measures of a refused placebo: the whole payment due is lost, at the others' mean benchmark."""
        due = sum(saving * chance for saving, chance in zip(self.savings, self.chances, strict=True))
        unpaid = self.underpaid * self.share * due
        return {
            "misallocation": unpaid,
            "false_payment_rate": float("nan"),
            "detection_rate_3": 0.0,
            "misallocation_money": unpaid * float(ok["benchmark"].mean()),
            "refused": 1.0,
        }
