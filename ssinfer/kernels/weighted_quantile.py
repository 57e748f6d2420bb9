"""Quantiles of values with weights."""

import numpy as np

from ssinfer.typing import Floats


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the smallest of the values (n,) up to which at least `share` of the weight (n,) lies."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, share * cumulated[-1])])
