"""Misallocation: bonus paid too much and saving left unpaid, per placebo, over true savings and their chances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.typing import Floats


SCORED = ["misallocation", "false_payment_rate", "detection_rate_3", "misallocation_money", "refused"]


@dataclass(frozen=True)
class Misallocation:
    """Weights of a euro paid too much and too little, true savings and their chances, and the sharing rate."""

    savings: tuple[float, ...]
    chances: tuple[float, ...]
    overpaid: float
    underpaid: float
    share: float

    def score(self, part: pd.DataFrame, gate: Floats) -> dict[str, Any]:
        """Return SCORED of placebos (R,) with gates (R,), or of every replicate with gates (K, R)."""
        rate = part["savings_rate"].to_numpy(dtype=float)
        bbar = part["benchmark"].to_numpy(dtype=float)
        relative = part["spending"].to_numpy(dtype=float) / bbar
        loss = np.zeros(np.broadcast_shapes(gate.shape, rate.shape))
        for saving, chance in zip(self.savings, self.chances, strict=True):
            measured = rate + saving * relative
            bonus = np.where(measured >= gate, self.share * np.maximum(measured, 0.0), 0.0)
            gap = bonus - self.share * saving * relative
            loss += chance * np.where(gap > 0, self.overpaid * gap, -self.underpaid * gap)
        return {
            "misallocation": loss,
            "false_payment_rate": (rate >= gate).astype(float),
            "detection_rate_3": (rate + 0.03 * relative >= gate).astype(float),
            "misallocation_money": loss * bbar,
            "refused": np.zeros(loss.shape),
        }

    def of_refusal(self, ok: pd.DataFrame) -> dict[str, float]:
        """Return SCORED of a placebo that is not judged: all that is due is lost, at the mean benchmark of the others.

        Its false payment is not known.
        """
        due = sum(saving * chance for saving, chance in zip(self.savings, self.chances, strict=True))
        unpaid = self.underpaid * self.share * due
        money = unpaid * float(ok["benchmark"].mean())
        return {"misallocation": unpaid, "misallocation_money": money, "detection_rate_3": 0.0, "refused": 1.0}
