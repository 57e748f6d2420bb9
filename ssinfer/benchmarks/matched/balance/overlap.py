"""Overlap of the scores' distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.typing import Booleans, Floats


def overlap_coefficient(x: Floats, treated: Booleans, weights: Floats | None = None, *, bins: int = 20) -> float:
    r"""Return :math:`\sum_b \min(p_{tb}, p_{cb})` over bins at the quantiles of all persons' scores.

    Parameters
    ----------
    x : (n,)
        Score or logit: the result is the same for either.
    treated : (n,) bool
    weights : (n,), optional
        Equal by default.
    bins : int
        Equally filled bins; more bins, lower overlap.

    Returns
    -------
    float
        1 for the same distribution, 0 for disjoint ones.

    Examples
    --------
    >>> overlap_coefficient(np.array([1.0, 2, 3, 4]), np.array([True, True, False, False]), bins=2)
    0.0
    """
    w = np.ones(len(x)) if weights is None else weights
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, x, side="right")
    shares = [np.bincount(place[group], weights=w[group], minlength=len(edges) + 1) for group in (treated, ~treated)]
    return float(np.minimum(shares[0] / shares[0].sum(), shares[1] / shares[1].sum()).sum())


def common_support(score: Floats, treated: Booleans) -> float:
    """Return the share of treated persons whose score lies within the range of the controls' scores."""
    low, high = float(score[~treated].min()), float(score[~treated].max())
    return float(((score[treated] >= low) & (score[treated] <= high)).mean())
