"""Entropy balancing: the weights nearest to uniform whose weighted covariate means hit a target exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.typing import Floats


def entropy_balance(
    covariates: Floats, target: Floats, *, tolerance: float = 1e-12, iterations: int = 200
) -> tuple[Floats, float]:
    r"""Return weights that sum to one and the largest remaining imbalance.

    .. math:: \min_w \sum_i w_i \log w_i \quad \text{s.t.} \quad \sum_i w_i x_i = \bar x, \; \sum_i w_i = 1

    through the dual :math:`\min_\lambda \log \sum_i \exp(\lambda'(x_i - \bar x))` by damped Newton steps.

    Parameters
    ----------
    covariates : (n, p)
        Of the units to be weighted. Columns should have a similar scale.
    target : (p,)
        Means to be hit; inside the convex hull of `covariates`, or no solution exists.
    tolerance : float
        On the imbalance.
    iterations : int
        Most Newton steps.

    Returns
    -------
    weights : (n,)
    gap : float
        Largest absolute imbalance, in the units of the columns.

    References
    ----------
    Hainmueller, J. (2012). Entropy balancing for causal effects. Political Analysis 20, 25-46.
    doi:10.1093/pan/mpr025

    Examples
    --------
    >>> weights, gap = entropy_balance(np.array([[0.0], [1.0], [2.0]]), np.array([1.5]))
    >>> weights.round(4), gap < 1e-12
    (array([0.1162, 0.2676, 0.6162]), True)
    """
    centred = covariates - target
    multiplier = np.zeros(centred.shape[1])

    def dual(point: Floats) -> tuple[float, Floats]:
        exponent = centred @ point
        top = float(exponent.max())
        weights = np.exp(exponent - top)
        total = float(weights.sum())
        return top + float(np.log(total)), weights / total

    value, weights = dual(multiplier)
    for _ in range(iterations):
        gradient = weights @ centred
        if np.abs(gradient).max() <= tolerance:
            break
        hessian = (centred * weights[:, None]).T @ centred - np.outer(gradient, gradient)
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
        slope, length = float(gradient @ step), 1.0
        while length > 1e-10:
            ahead, proposal = dual(multiplier - length * step)
            if ahead <= value - 1e-4 * length * slope + 1e-15 * abs(value):
                break
            length /= 2
        else:
            break
        multiplier, value, weights = multiplier - length * step, ahead, proposal
    return weights, float(np.abs(weights @ centred).max())
