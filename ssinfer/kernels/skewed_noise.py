"""Correlated errors of means over persons, with skewness."""

import numpy as np
from scipy import stats

from ssinfer.typing import Floats

LEAST_SKEWNESS = 1e-4  # below it the error is normal to all digits that draws show


def skewed_noise(covariance: Floats, skewness: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw errors (n_draws, I, P) with covariance (I, P, P) and skewness (I, P): Pearson III by a normal copula."""
    # the mean of a few hundred persons is skewed too: a normal error would miss mostly on one side
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    correlation = covariance / np.maximum(sd[:, :, None] * sd[:, None, :], 1e-300)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    z = np.einsum("ipq,diq->dip", root, rng.standard_normal((n_draws, *sd.shape)))
    shaped = z.copy()
    skewed = np.abs(skewness) > LEAST_SKEWNESS
    shaped[:, skewed] = stats.pearson3.ppf(stats.norm.cdf(z[:, skewed]), skewness[skewed])
    return np.asarray(shaped * sd)
