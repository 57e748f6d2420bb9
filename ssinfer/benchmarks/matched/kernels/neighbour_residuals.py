"""Residuals from the nearest neighbours by score, as in the conditional variance of Abadie and Imbens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.typing import Floats

EQUAL_DISTANCE = 1e-12  # distances whose difference is below this, relative to the score, are equal


def neighbour_residuals(y: Floats, score: Floats) -> Floats:
    r"""Return :math:`\sqrt{L/(L+1)} (Y_i - \bar Y_{L(i)})`, whose square estimates the variance given the score.

    L is the number of persons at the smallest distance from person i: 1, or more if several are equally near.

    Parameters
    ----------
    y : (n,) or (n, q)
        Outcomes of one group.
    score : (n,)

    Returns
    -------
    array, shape of `y`

    References
    ----------
    Abadie, A. and Imbens, G. W. (2006). Large sample properties of matching estimators for average treatment effects.
    Econometrica 74, 235-267. doi:10.1111/j.1468-0262.2006.00655.x

    Examples
    --------
    >>> neighbour_residuals(np.array([1.0, 3.0, 8.0]), np.array([0.1, 0.2, 0.9])).round(4).tolist()
    [-1.4142, 1.4142, 3.5355]
    """
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    gap = np.concatenate([[np.inf], np.diff(ordered), [np.inf]])
    distance = np.empty(len(score))
    distance[order] = np.minimum(gap[:-1], gap[1:])
    slack = EQUAL_DISTANCE * np.maximum(1.0, np.abs(score))
    low = np.searchsorted(ordered, score - distance - slack, side="left")
    high = np.searchsorted(ordered, score + distance + slack, side="right")
    values = y.reshape(len(y), -1)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values[order], axis=0)])
    count = (high - low - 1).astype(np.float64)[:, None]
    mean = np.divide(sums[high] - sums[low] - values, count, out=values.copy(), where=count > 0)
    return np.asarray((np.sqrt(count / (count + 1)) * (values - mean)).reshape(y.shape))
