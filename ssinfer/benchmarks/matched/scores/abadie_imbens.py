"""Matching with replacement, ties averaged, and its conditional variance after Abadie and Imbens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.matched.scores.effect import Effect
from ssinfer.errors import DesignError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Booleans, Floats


def abadie_imbens(
    outcome: Floats, treated: Booleans, score: Floats, *, ratio: int = 1, neighbours: int = 1, sample: bool = False
) -> Effect:
    r"""Return the ATT of nearest-neighbour matching with replacement, exact ties averaged.

    .. math::

        \hat\tau = \frac{1}{n_t} \sum_t (Y_i - \hat Y_i), \qquad
        V = \frac{1}{n_t^2} \Bigl[\sum_t (Y_i - \hat Y_i - \hat\tau)^2 + \sum_c (K_i^2 - K_{2i}) s_i^2\Bigr]

    with :math:`K_i` the sum of the weights that control i has in the treated persons' means, :math:`K_{2i}` the sum
    of their squares, and :math:`s_i^2 = \frac{L}{L+1} (Y_i - \bar Y_{L(i)})^2` from the L nearest persons of the same
    group (all that tie with the L-th).

    Parameters
    ----------
    outcome : (n,)
    treated : (n,) bool
    score : (n,)
        The scale matched on. That it was estimated is not counted.
    ratio : int
        Neighbours per treated person; all that tie with the last are taken.
    neighbours : int
        L.
    sample : bool
        True: the variance of the sample's ATT, which leaves out how effects differ between persons.

    Returns
    -------
    Effect

    References
    ----------
    Abadie, A. and Imbens, G. W. (2006). Large sample properties of matching estimators for average treatment effects.
    Econometrica 74, 235-267. doi:10.1111/j.1468-0262.2006.00655.x

    Examples
    --------
    >>> effect = abadie_imbens(
    ...     np.array([5.0, 7.0, 4.0, 5.0, 1.0]), np.array([True, True, False, False, False]),
    ...     np.array([0.5, 0.6, 0.5, 0.62, 0.1]))
    >>> effect.estimate
    1.5
    """
    if ratio < 1 or neighbours < 1:
        raise DesignError(f"ratio is {ratio}, neighbours {neighbours}; both are integers from 1.")
    t, c = np.flatnonzero(treated), np.flatnonzero(~treated)
    low, high, order, values = _windows(score[t], score[c], ratio)
    sorted_y = outcome[c][order]
    sums = np.concatenate([[0.0], np.cumsum(sorted_y)])
    size = (high - low).astype(np.float64)
    fitted = (sums[high] - sums[low]) / size
    # A control's K collects 1/size of each window that covers it: differences of a cumulative sum.
    K, K2 = (_covered(low, high, 1 / size**power, len(values)) for power in (1, 2))
    difference = outcome[t] - fitted
    estimate = float(difference.mean())
    noise = (neighbour_residuals(outcome[c], score[c], neighbours) ** 2)[order]
    if sample:
        own = neighbour_residuals(outcome[t], score[t], neighbours) ** 2
        total = float(own.sum()) + float((K**2 * noise).sum())
    else:
        total = float(((difference - estimate) ** 2).sum()) + float(((K**2 - K2) * noise).sum())
    name = f"{ratio} nearest with replacement, Abadie-Imbens ({'sample' if sample else 'population'})"
    return Effect(estimate, float(np.sqrt(max(total, 0.0))) / len(t), "ATT", name)


def _windows(
    points: Floats, pool: Floats, size: int, *, exclude_self: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return for each point the window [low, high) of the sorted pool within its size-th smallest distance.

    With `exclude_self` the points are the pool's own members and the distance to themselves does not count.
    """
    order = np.argsort(pool, kind="stable")
    values = pool[order]
    n = len(values)
    wanted = min(size + exclude_self, n)
    start = np.clip(np.searchsorted(values, points) - wanted, 0, n - wanted)
    # The wanted nearest are contiguous: slide the window until its right neighbour is no nearer than its left end.
    for _ in range(wanted + 1):
        ahead = np.minimum(start + wanted, n - 1)
        better = (start + wanted < n) & (np.abs(values[ahead] - points) < np.abs(points - values[start]))
        if not better.any():
            break
        start = start + better
    reach = np.maximum(np.abs(points - values[start]), np.abs(values[start + wanted - 1] - points))
    slack = 1e-12 * np.maximum(1.0, np.abs(points))  # distances that differ in rounding only are ties
    low = np.searchsorted(values, points - reach - slack, side="left")
    high = np.searchsorted(values, points + reach + slack, side="right")
    return low, high, order, values


def _covered(low: NDArray[np.int64], high: NDArray[np.int64], amount: Floats, n: int) -> Floats:
    edges = np.bincount(low, weights=amount, minlength=n + 1) - np.bincount(high, weights=amount, minlength=n + 1)
    return np.maximum(np.cumsum(edges)[:n], 0.0)


def neighbour_residuals(y: Floats, score: Floats, neighbours: int = 1) -> Floats:
    r"""Return :math:`\sqrt{L/(L+1)} (Y_i - \bar Y_{L(i)})`, whose square estimates the variance given the score.

    Parameters
    ----------
    y : (n,) or (n, q)
        Outcomes of one group.
    score : (n,)
    neighbours : int
        L; all that tie with the L-th are taken.

    Examples
    --------
    >>> neighbour_residuals(np.array([1.0, 3.0, 8.0]), np.array([0.1, 0.2, 0.9])).round(4).tolist()
    [-1.4142, 1.4142, 3.5355]
    """
    low, high, order, _ = _windows(score, score, neighbours, exclude_self=True)
    values = y.reshape(len(y), -1)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values[order], axis=0)])
    count = (high - low - 1).astype(np.float64)[:, None]
    mean = np.divide(sums[high] - sums[low] - values, count, out=values.copy(), where=count > 0)
    return np.asarray((np.sqrt(count / (count + 1)) * (values - mean)).reshape(y.shape))
