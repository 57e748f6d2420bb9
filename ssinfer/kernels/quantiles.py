"""Quantiles of draws that are sorted already."""

from collections.abc import Sequence

import numpy as np

from ssinfer.typing import Floats


def sorted_quantiles(ordered: Floats, shares: Floats | Sequence[float]) -> Floats:
    """Return quantiles (..., shares) of ascending draws (..., S), interpolated as `numpy.quantile` does."""
    position = np.asarray(shares, dtype=float) * (ordered.shape[-1] - 1)
    below = position.astype(np.intp)
    low, high = ordered[..., below], ordered[..., np.minimum(below + 1, ordered.shape[-1] - 1)]
    return np.asarray(low + (position - below) * (high - low))
