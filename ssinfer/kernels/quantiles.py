"""Quantiles of draws that are sorted already, and of values with weights."""

from collections.abc import Sequence

import numpy as np

from ssinfer.typing import Floats


def sorted_quantiles(ordered: Floats, shares: Floats | Sequence[float]) -> Floats:
    """Return quantiles (..., shares) of ascending draws (..., S), interpolated as `numpy.quantile` does."""
    position = np.asarray(shares, dtype=float) * (ordered.shape[-1] - 1)
    below = position.astype(np.intp)
    low, high = ordered[..., below], ordered[..., np.minimum(below + 1, ordered.shape[-1] - 1)]
    return np.asarray(low + (position - below) * (high - low))


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the smallest of the values (n,) up to which at least `share` of the weight (n,) lies."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, share * cumulated[-1])])
