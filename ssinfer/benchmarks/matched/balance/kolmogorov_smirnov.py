"""Kolmogorov-Smirnov distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Booleans, Floats

    Places = NDArray[np.intp]


def kolmogorov_smirnov(
    x: Floats, treated: Booleans, weights: Floats | None = None, *, order: Places | None = None
) -> float:
    """Return the largest distance between the weighted distribution functions of treated and controls.

    Parameters
    ----------
    x : (n,)
    treated : (n,) bool
    weights : (n,), optional
        Equal by default.
    order : (n,) int, optional
        ``np.argsort(x)``, when it is known already.

    Returns
    -------
    float
        Between 0 and 1; for an indicator the difference of shares.

    Examples
    --------
    >>> kolmogorov_smirnov(np.array([1.0, 2, 3, 3, 4, 5]), np.array([True] * 3 + [False] * 3))
    0.6666666666666667
    """
    w = np.ones(len(x)) if weights is None else weights
    signed = np.where(treated, w / w[treated].sum(), -w / w[~treated].sum())
    order = np.argsort(x) if order is None else order
    steps = np.cumsum(signed[order])
    last = np.append(x[order][1:] != x[order][:-1], True)  # a distribution function is read after the whole tie
    return float(np.abs(steps[last]).max())
