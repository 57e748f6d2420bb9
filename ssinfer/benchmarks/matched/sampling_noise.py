"""Sampling noise of a group's mean spending: normal copula, Pearson III margins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from ssinfer.typing import Floats


def skewed_noise(
    covariance: Floats, skewness: Floats, persons: Floats, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Return draws of the error of groups' means (D, I, P): the right first three moments of each.

    Spending is skewed, and so is a mean of few hundred persons; a normal error would miss on one side.

    Parameters
    ----------
    covariance : (P, P) of one person over periods
    skewness : (P,) of one person
    persons : (I,) in each group
    n_draws : int
    rng : numpy.random.Generator

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = skewed_noise(np.array([[4.0]]), np.array([6.0]), np.array([100.0]), 100_000, rng)
    >>> noise.shape, round(float(noise.std()), 2), round(float(stats.skew(noise, axis=None)), 1)
    ((100000, 1, 1), 0.2, 0.6)
    """
    P = len(covariance)
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.maximum(np.outer(sd, sd), 1e-300)
    values, vectors = np.linalg.eigh(correlation)
    z = rng.standard_normal((n_draws, len(persons), P)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    skew = skewness / np.sqrt(persons)[:, None]  # (I, P): the skewness of a mean
    shaped = np.where(np.abs(skew) > 1e-4, stats.pearson3.ppf(stats.norm.cdf(z), skew), z)
    return np.asarray(shaped * sd / np.sqrt(persons)[:, None])
