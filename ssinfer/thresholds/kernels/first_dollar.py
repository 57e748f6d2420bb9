"""Expected loss of a threshold above which the first euro of a saving is shared."""

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats


@compiled
def first_dollar_losses(
    true: Floats, null: Floats, thresholds: Floats, share: float, overpaid: float, underpaid: float
) -> Floats:
    """Return mean losses (T,) of ascending thresholds over all pairs of a true rate (D,) and ascending error (E,)."""
    losses = np.zeros(thresholds.size)
    if_paid = np.zeros(null.size + 1)  # loss of all pairs from this null error on, if they are paid
    for rate in true:
        due = share * max(rate, 0.0)
        for j in range(null.size - 1, -1, -1):
            gap = share * max(rate + null[j], 0.0) - due
            if_paid[j] = if_paid[j + 1] + (overpaid * gap if gap > 0 else -underpaid * gap)
        n_below = 0
        for t in range(thresholds.size):
            while n_below < null.size and rate + null[n_below] < thresholds[t]:
                n_below += 1
            losses[t] += underpaid * due * n_below + if_paid[n_below]
    return losses / (true.size * null.size)
