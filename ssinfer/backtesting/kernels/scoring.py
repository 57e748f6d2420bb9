"""Scores of predictive draws against the observed values, row by row."""

from collections.abc import Sequence

import numpy as np

from ssinfer.kernels.quantiles import sorted_quantiles
from ssinfer.typing import Floats


def crps(draws: Floats, observed: Floats) -> Floats:
    """Return the continuous ranked probability score (R,) of draws (R, S) against observed (R,).

    E|X - y| - E|X - X'| / 2 with the second term from the sorted draws, unbiased in S (Gneiting and Raftery 2007,
    doi 10.1198/016214506000001437; the fair version of Ferro 2014, doi 10.1002/qj.2270).
    """
    n = draws.shape[1]
    ordered = np.sort(draws, axis=1, kind="stable")  # at once if they are sorted already
    ranks = 2.0 * np.arange(1, n + 1) - n - 1.0
    spread = ordered @ ranks / (n * max(n - 1.0, 1.0))
    return np.asarray(np.abs(draws - observed[:, None]).mean(axis=1) - spread)


def interval_score(lower: Floats, upper: Floats, observed: Floats, level: float) -> Floats:
    """Return width + 2 / (1 - level) times the distance by which `observed` lies outside."""
    miss = np.maximum(lower - observed, 0.0) + np.maximum(observed - upper, 0.0)
    return np.asarray(upper - lower + 2.0 / (1.0 - level) * miss)


def probability_integral_transform(draws: Floats, observed: Floats) -> Floats:
    """Return the share of draws (R, S) below observed (R,), ties counted half."""
    below = (draws < observed[:, None]).mean(axis=1)
    return np.asarray(below + 0.5 * (draws == observed[:, None]).mean(axis=1))


def central_intervals(draws: Floats, levels: Sequence[float]) -> tuple[Floats, Floats]:
    """Return equal-tailed lower and upper ends, each (levels, R), of draws (R, S)."""
    level, ordered = np.asarray(levels, dtype=float), np.sort(draws, axis=1, kind="stable")
    return sorted_quantiles(ordered, (1 - level) / 2).T, sorted_quantiles(ordered, (1 + level) / 2).T
