"""Order statistics of standardised placebo savings."""

from math import ceil

import numpy as np
from scipy.special import bdtr

from ssinfer.errors import RefusalError
from ssinfer.thresholds.placebo_rows import refuse_equal_savings
from ssinfer.typing import Floats


def units_needed(level: float) -> int:
    """Return the least number of placebo units that a level needs: 19 at 95%."""
    return ceil(level / (1 - level) - 1e-9)


def order_statistic(z: Floats, level: float, side: str) -> float:
    """Return the ceil(level (m + 1))-th order statistic of standardised savings (m,); refused if too few, or equal."""
    m = len(z)
    rank = ceil(level * (m + 1) - 1e-9)
    if rank > m:
        raise RefusalError(
            f"{m} placebo units cannot show a {100 * level:g}% threshold; at least {units_needed(level)} are needed. "
            "Lower the level, or add comparable units."
        )
    values = np.abs(z) if side == "two-sided" else z
    refuse_equal_savings(values)
    return float(np.partition(values, rank - 1)[rank - 1])


def order_interval(z: Floats, level: float, side: str) -> tuple[float, float]:
    """Return a distribution-free 90% interval of a quantile of `z` (m,), by binomial ranks; ends may be infinite."""
    m = len(z)
    values = np.sort(np.abs(z) if side == "two-sided" else z)
    low, high = np.searchsorted(bdtr(np.arange(m + 1), m, level), [0.05, 0.95])
    return (float(values[low - 1]) if low >= 1 else -np.inf, float(values[high]) if high < m else np.inf)
