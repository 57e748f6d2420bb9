"""Sampling noise of a group's mean spending: normal copula with Pearson III margins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from ssinfer.typing import Floats


def skewed_noise(
    covariance: Floats, skewness: Floats, persons: Floats, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Draw the errors of groups' means, with the first three moments of a mean of persons.

    Spending is skewed, and so is the mean of a few hundred persons. A normal error would miss mostly on one side.

    Parameters
    ----------
    covariance : (P, P)
        Of one person's spending over periods, in squared money.
    skewness : (P,)
        Of one person's spending.
    persons : (I,)
        Number of persons in each group.
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    array (n_draws, I, P)
        Money per insured-year.

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
    skew_of_mean = skewness / np.sqrt(persons)[:, None]  # (I, P)
    shaped = np.where(np.abs(skew_of_mean) > 1e-4, stats.pearson3.ppf(stats.norm.cdf(z), skew_of_mean), z)
    return np.asarray(shaped * sd / np.sqrt(persons)[:, None])
