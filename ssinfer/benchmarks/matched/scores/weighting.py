"""Weights of persons in place of matched sets: ATT, overlap, and entropy balancing."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from ssinfer.errors import RefusalError
from ssinfer.kernels.optimise import minimise_convex
from ssinfer.typing import Booleans, Floats

Weighting = Literal["att", "overlap"]
MAX_IMBALANCE = 1e-6  # in standard deviations
MAX_DECREMENT = 1e-24  # of the dual of entropy balancing


def propensity_weights(score: Floats, treated: Booleans, estimand: Weighting = "att") -> Floats:
    """Return 1 and e / (1 - e) for "att", 1 - e and e for "overlap" (doi:10.1080/01621459.2016.1260466); e: `score`."""
    if estimand == "att":
        return np.asarray(np.where(treated, 1.0, score / (1 - score)))
    return np.asarray(np.where(treated, 1 - score, score))


def entropy_weights(covariates: Mapping[str, Floats], treated: Booleans) -> Floats:
    """Return weights (n,) that give the controls exactly the treated persons' number and covariate means."""
    names, matrix = list(covariates), np.column_stack([*covariates.values()]).astype(np.float64)
    outside = matrix[~treated]
    scale = np.where(outside.std(axis=0) > 0, outside.std(axis=0), 1.0)
    target = matrix[treated].mean(axis=0)
    of_controls, gap = entropy_balance((outside - target) / scale)
    if not gap <= MAX_IMBALANCE:
        distance = np.abs(of_controls @ outside - target) / scale
        raise RefusalError(
            f"No weights of the {len(outside)} controls reach the treated means: {names[int(distance.argmax())]!r} "
            f"remains {distance.max():.3g} standard deviations away. Leave it out, or choose a comparison group that "
            "overlaps."
        )
    weights = np.ones(len(treated))
    weights[~treated] = of_controls * treated.sum()
    return weights


def entropy_balance(deviations: Floats) -> tuple[Floats, float]:
    r"""Return the weights (n,) nearest to uniform with weighted mean zero, and the largest remaining imbalance.

    .. math:: \min_w \sum_i w_i \log w_i \quad \text{s.t.} \quad \sum_i w_i d_i = 0, \; \sum_i w_i = 1

    through the dual :math:`\min_\lambda \log \sum_i \exp(\lambda' d_i)` by damped Newton steps. `deviations` (n, p)
    are covariates minus the target, on similar scales. Hainmueller (2012), doi:10.1093/pan/mpr025.
    """

    def weigh(point: Floats) -> tuple[float, Floats]:
        exponent = deviations @ point
        top = float(exponent.max())
        weights = np.exp(exponent - top)
        return top + float(np.log(weights.sum())), weights / weights.sum()

    def dual(point: Floats) -> tuple[float, Floats, Floats]:
        value, weights = weigh(point)
        gradient = weights @ deviations
        return value, gradient, (deviations * weights[:, None]).T @ deviations - np.outer(gradient, gradient)

    multiplier, _ = minimise_convex(dual, np.zeros(deviations.shape[1]), MAX_DECREMENT)
    weights = weigh(multiplier)[1]
    return weights, float(np.abs(weights @ deviations).max())
