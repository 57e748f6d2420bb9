"""Empirical equipoise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.typing import Booleans, Floats


def preference_score(score: Floats, treated: Booleans) -> Floats:
    """Return the score freed of the prevalence P of treatment: logit F = logit e - logit P."""
    share = treated.mean()
    logit = np.log(score) - np.log1p(-score) - np.log(share / (1 - share))
    return np.asarray(1 / (1 + np.exp(-logit)))


def equipoise(score: Floats, treated: Booleans, *, low: float = 0.3, high: float = 0.7) -> float:
    """Return the share of persons with a preference score in [low, high].

    Parameters
    ----------
    score : (n,) in (0, 1)
    treated : (n,) bool
    low, high : float
        Bounds of the preference score.

    Returns
    -------
    float
        A design below 0.2 compares persons whose treatment was all but decided by their covariates.

    References
    ----------
    Walker, A. M. et al. (2013). A tool for assessing the feasibility of comparative effectiveness research.
    Comparative Effectiveness Research 3, 11-20. doi:10.2147/CER.S40357

    Examples
    --------
    >>> equipoise(np.array([0.5, 0.6, 0.9, 0.2]), np.array([True, True, False, False]))
    0.5
    """
    preference = preference_score(score, treated)
    return float(((preference >= low) & (preference <= high)).mean())
