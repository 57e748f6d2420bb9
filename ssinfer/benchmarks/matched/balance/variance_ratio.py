"""Variance ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.typing import Booleans, Floats


def weighted_variance(x: Floats, weights: Floats) -> float:
    r"""Return :math:`\frac{W}{W^2 - \sum w^2} \sum w (x - \bar x)^2`, the n - 1 variance when weights are equal."""
    total = float(weights.sum())
    mean = float(weights @ x) / total
    room = total**2 - float((weights**2).sum())
    return float(weights @ (x - mean) ** 2) * total / room if room > 0 else 0.0


def variance_ratio(x: Floats, treated: Booleans, weights: Floats | None = None) -> float:
    """Return the variance among treated over that among controls; NaN for an indicator, whose mean says it all.

    Parameters
    ----------
    x : (n,)
    treated : (n,) bool
    weights : (n,), optional
        Equal by default.

    Examples
    --------
    >>> variance_ratio(np.array([0.0, 4, 8, 1, 3, 5]), np.array([True] * 3 + [False] * 3))
    4.0
    """
    if is_indicator(x):
        return float("nan")
    w = np.ones(len(x)) if weights is None else weights
    below = weighted_variance(x[~treated], w[~treated])
    return weighted_variance(x[treated], w[treated]) / below if below > 0 else float("inf")


def is_indicator(x: Floats) -> bool:
    """Whether a covariate takes the values 0 and 1 only."""
    return bool(((x == 0) | (x == 1)).all())
