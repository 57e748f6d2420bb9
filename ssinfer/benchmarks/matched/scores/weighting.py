"""Weights of persons in place of matched sets: ATT, overlap, and entropy balancing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.benchmarks.matched.kernels.entropy_balancing import entropy_balance
from ssinfer.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.typing import Booleans, Floats

Weighting = Literal["att", "overlap"]
MAX_IMBALANCE = 1e-6  # in standard deviations


def propensity_weights(score: Floats, treated: Booleans, estimand: Weighting = "att") -> Floats:
    """Return weights of persons (n,) from the propensity score e, not normalised.

    ========  ===============  ====================
    estimand  treated          control
    ========  ===============  ====================
    att       1                :math:`e / (1 - e)`
    overlap   :math:`1 - e`    :math:`e`
    ========  ===============  ====================

    "overlap" estimates the effect for persons in equipoise (Li, Morgan and Zaslavsky 2018,
    doi:10.1080/01621459.2016.1260466).
    """
    if estimand == "att":
        return np.asarray(np.where(treated, 1.0, score / (1 - score)))
    return np.asarray(np.where(treated, 1 - score, score))


def entropy_weights(covariates: Mapping[str, Floats], treated: Booleans) -> Floats:
    """Return weights (n,) that give the controls exactly the treated persons' covariate means.

    Treated persons have weight 1. The controls' weights add up to the number of treated persons.
    """
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in covariates.items()}
    names = [name for name, values in columns.items() if values.min() < values.max()]
    matrix = np.column_stack([columns[name] for name in names])
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
