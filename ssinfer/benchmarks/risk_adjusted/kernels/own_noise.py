"""Noise of sums over persons whose variance and skewness depend on their predicted spending."""

import numpy as np

from ssinfer.typing import Booleans, Floats, Integers

N_CLASSES = 20
MAX_SORTED = 100_000  # persons from whom the bounds of the classes are taken


def noise_of_units(
    predicted: Floats, residual: Floats, weights: Floats, learn: Booleans, unit: Integers, n_units: int
) -> tuple[Floats, Floats]:
    r"""Return variance and third moment of the noise of each unit's money (C,), from residuals by class of risk.

    Persons are divided into 20 classes c of predicted spending per insured-year. With money residuals e and
    insured-years w of the persons to `learn` from (n,),

    .. math:: v_c = \sum e^2 / \sum w^2, \quad s_c = \sum e^3 / \sum w^3,

    and a unit has the variance :math:`\sum w^2 v_c` and the third moment :math:`\sum w^3 s_c` over its persons.
    """
    sample = predicted[learn][:: max(1, int(learn.sum()) // MAX_SORTED)]
    bounds = np.unique(np.quantile(sample, np.linspace(0, 1, N_CLASSES + 1)[1:-1]))
    classes = np.searchsorted(bounds, predicted)
    known, e, w = classes[learn], residual[learn], weights[learn]

    def moment(power: int) -> Floats:
        above, below = (np.bincount(known, values**power, len(bounds) + 1) for values in (e, w))
        rate = np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
        return np.bincount(unit, weights**power * rate[classes], n_units)

    return moment(2), moment(3)


def correlated_noise(correlation: Floats, overlap: Floats, variance: Floats) -> Floats:
    r"""Return covariances (g, K, K) of each unit's money over K blocks and periods from `variance` (g, K).

    Errors of one person have the `correlation` (K, K); those of different persons have none, so that of a unit is it
    times :math:`\sum w_k w_l / \sqrt{\sum w_k^2 \sum w_l^2}`, with `overlap` (g, K, K) the sums of products.
    """
    diagonal = np.diagonal(overlap, axis1=1, axis2=2)
    scale = np.sqrt(diagonal[:, :, None] * diagonal[:, None, :])
    shared = np.divide(overlap, scale, out=np.zeros_like(overlap), where=scale > 0)
    sd = np.sqrt(np.maximum(variance, 0.0))
    covariance = correlation * shared * sd[:, :, None] * sd[:, None, :]
    rows = np.arange(variance.shape[1])
    covariance[:, rows, rows] = sd**2
    return np.asarray(covariance)


def residual_correlation(residuals: Floats, weights: Floats) -> Floats:
    """Return the correlation (K, K) of persons' residuals (n, K) per insured-year, over persons insured in both."""
    products, both = residuals.T @ residuals, weights.T @ weights
    rate = np.divide(products, both, out=np.zeros(products.shape), where=both > 0)
    sd = np.sqrt(np.diag(rate))
    scale = np.outer(sd, sd)
    raw = np.divide(rate, scale, out=np.eye(len(sd)), where=scale > 0)
    values, vectors = np.linalg.eigh(raw)  # pairs of blocks have different persons: make it a correlation again
    fixed = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    sd = np.sqrt(np.diag(fixed))
    return np.asarray(fixed / np.outer(sd, sd))
