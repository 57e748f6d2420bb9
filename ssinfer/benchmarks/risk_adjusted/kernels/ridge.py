"""Ridge regression of spending per insured-year on features of persons, from moments that are added up per unit."""

from itertools import pairwise

import numpy as np

from ssinfer.typing import Floats, Integers


def unit_moments(x: Floats, weights: Floats, starts: Integers) -> Floats:
    r"""Return :math:`\sum w x x'` (C, q, q) of each unit, whose rows of x (n, q) are starts[c] to starts[c + 1]."""
    moments: Floats = np.empty((len(starts) - 1, x.shape[1], x.shape[1]), dtype=x.dtype)
    for unit, (low, high) in enumerate(pairwise(starts)):
        part = x[low:high]
        moments[unit] = part.T @ (part * weights[low:high, None].astype(x.dtype))
    return moments


def ridge_coefficients(gram: Floats, cross: Floats, penalty: float) -> Floats:
    r"""Return coefficients b (k, q) of spending per insured-year on features x, whose first column is one.

    With money y and insured-years w, they minimise

    .. math:: \sum_i w_i (y_i / w_i - b' x_i)^2 + \lambda \sum_{j > 0} b_j^2.

    The intercept has no penalty, so that :math:`\sum w b'x = \sum y` on the training persons. `gram` (q, q) is
    :math:`\sum w x x'`, and `cross` (k, q) is :math:`\sum y x` of k outcomes.
    """
    mean, precision = centred_precision(gram, penalty)
    level = cross[:, :1] / gram[0, 0]
    slopes = (cross[:, 1:] - level * gram[0, 1:]) @ precision
    return np.concatenate([level - slopes @ mean[:, None], slopes], axis=1)


def influence_coefficients(gram: Floats, penalty: float, target: Floats) -> Floats:
    r"""Return a (q,): residuals e change the prediction at features `target` (q,) by :math:`\sum_i a' x_i e_i`."""
    mean, precision = centred_precision(gram, penalty)
    slope = precision @ (target[1:] - mean)
    return np.concatenate([[1.0 / gram[0, 0] - slope @ mean], slope])


def resampled_errors(influence: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    r"""Draw errors of k predictions (n_draws, k) by resampling the G clusters with the given `influence` (G, k).

    With cluster g drawn :math:`m_g` times, coefficients change by :math:`A^{-1} \sum_g (m_g - 1) s_g` to first
    order, s the cluster's sum of x times residual. The factor :math:`\sqrt{G / (G - 1)}` makes the variance unbiased.
    """
    count = len(influence)
    times = rng.multinomial(count, np.full(count, 1 / count), size=n_draws)
    return np.asarray((times - 1.0) @ influence * np.sqrt(count / (count - 1)))


def centred_precision(gram: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Return the weighted means (q - 1,) of the features, and the inverse of their penalised centred moments."""
    mean = gram[0, 1:] / gram[0, 0]
    centred = gram[1:, 1:] - gram[0, 0] * np.outer(mean, mean)
    return mean, np.linalg.inv(centred + penalty * np.eye(len(mean)))
