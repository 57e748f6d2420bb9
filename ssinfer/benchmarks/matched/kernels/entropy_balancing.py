"""Entropy balancing: the weights nearest to uniform whose weighted covariate means equal a target exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.typing import Floats

MAX_IMBALANCE = 1e-12
MAX_STEPS = 200
MIN_STEP_LENGTH = 1e-10


def entropy_balance(deviations: Floats) -> tuple[Floats, float]:
    r"""Return weights that sum to one, and the largest remaining imbalance.

    .. math:: \min_w \sum_i w_i \log w_i \quad \text{s.t.} \quad \sum_i w_i d_i = 0, \; \sum_i w_i = 1

    through the dual :math:`\min_\lambda \log \sum_i \exp(\lambda' d_i)` by damped Newton steps.

    Parameters
    ----------
    deviations : (n, p)
        Covariates of the units to be weighted minus the target. Columns should have a similar scale. A solution exists
        if 0 lies inside the convex hull of the rows.

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
    >>> weights, gap = entropy_balance(np.array([[0.0], [1.0], [2.0]]) - 1.5)
    >>> weights.round(4), gap < 1e-12
    (array([0.1162, 0.2676, 0.6162]), True)
    """
    multiplier = np.zeros(deviations.shape[1])

    def dual(point: Floats) -> tuple[float, Floats]:
        exponent = deviations @ point
        top = float(exponent.max())
        weights = np.exp(exponent - top)
        total = float(weights.sum())
        return top + float(np.log(total)), weights / total

    value, weights = dual(multiplier)
    for _ in range(MAX_STEPS):
        gradient = weights @ deviations
        if np.abs(gradient).max() <= MAX_IMBALANCE:
            break
        hessian = (deviations * weights[:, None]).T @ deviations - np.outer(gradient, gradient)
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
        slope, length = float(gradient @ step), 1.0
        while length > MIN_STEP_LENGTH:
            new_value, new_weights = dual(multiplier - length * step)
            if new_value <= value - 1e-4 * length * slope + 1e-15 * abs(value):
                break
            length /= 2
        else:
            break
        multiplier, value, weights = multiplier - length * step, new_value, new_weights
    return weights, float(np.abs(weights @ deviations).max())
