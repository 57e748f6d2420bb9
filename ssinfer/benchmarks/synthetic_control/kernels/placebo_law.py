"""The law of a benchmark's pooled error, learned from placebo errors.

A placebo unit without a contract has a known saving of zero, so its benchmark's error over the performance
periods is seen.  Errors differ in size between units: small units are noisy, and some units are hard to
match.  With e_j the pooled error of placebo j, its variance is modelled as

    v_j = theta_1 level_j^2 + theta_2 noise_j + theta_3 misfit_j,     theta >= 0,

(a shock proportional to spending, the sampling noise of its means, the baseline misfit to the extent that it
foretells the error), fitted by Gaussian quasi-likelihood (`variance_components`).  The standardised errors
|e_j| / sqrt(v_j) of m placebos and of the treated unit are taken as exchangeable, so that the treated unit's falls
below the k-th smallest with probability k / (m + 1): the conformal predictive law, symmetrical about the benchmark.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.kernels.compile import compiled

Array = NDArray[np.float64]


@compiled
def _conformal_quantile(ordered: Array, u: float) -> float:
    """Return the u-quantile of the conformal law of an absolute error, given the ordered placebo errors.

    Beyond the largest placebo (probability 1 / (m + 1)) nothing is known: an exponential tail stands there.
    """
    m = ordered.size
    position = u * (m + 1)
    k = int(np.floor(position))
    if k < 1:
        return float(ordered[0] * position)
    if k < m:
        return float(ordered[k - 1] + (position - k) * (ordered[k] - ordered[k - 1]))
    scale = (ordered[m - 1] - ordered[m // 2]) / np.log(0.5 * (m + 1))
    return float(ordered[m - 1] - scale * np.log((1.0 - u) * (m + 1)))


@compiled
def conformal_quantiles(ordered: Array, uniform: Array) -> Array:
    """Return conformal quantiles (D,) of an absolute error at probabilities `uniform`, from ordered errors (m,)."""
    out = np.empty(uniform.size)
    for d in range(uniform.size):
        out[d] = _conformal_quantile(ordered, uniform[d])
    return out


def predictive_errors(vectors: Array, weights: Array, deviation: Array, own: float, uniform: Array) -> Array:
    """Draw error paths of the treated unit from those of the placebos.

    Parameters
    ----------
    vectors : array (m, P)
        Placebo errors per performance period.
    weights : array (P,)
        Weights of the periods in the pooled error; sum one.
    deviation : array (m,)
        Standard deviation of each placebo's pooled error, from `variance_function`.
    own : float
        The treated unit's.
    uniform : array (D,)
        Probabilities in (0, 1), one per pair of draws.

    Returns
    -------
    array (2 D, P)
        Errors in antithetic pairs. The pooled absolute error has the conformal law; the path over periods is that of
        the placebo at this rank, moved in parallel to the pooled value drawn.
    """
    pooled = vectors @ weights / deviation
    order = np.argsort(np.abs(pooled), kind="stable")
    sign = np.where(pooled[order] >= 0.0, 1.0, -1.0)
    directed = (sign / deviation[order])[:, None] * vectors[order]
    return _paths(np.ascontiguousarray(directed), np.abs(pooled)[order], own, uniform)


@compiled
def _paths(directed: Array, ordered: Array, own: float, uniform: Array) -> Array:
    """Return the paths of :func:`predictive_errors`.

    Parameters
    ----------
    directed : array (m, P)
        Standardised placebo errors, each turned so that its pooled value is positive, in ascending order of that.
    ordered : array (m,)
        The pooled values.
    """
    m, P = directed.shape
    out = np.empty((2 * uniform.size, P))
    for d in range(uniform.size):
        value = _conformal_quantile(ordered, uniform[d])
        rank = min(max(round(uniform[d] * (m + 1)) - 1, 0), m - 1)
        for t in range(P):
            path = own * (directed[rank, t] + value - ordered[rank])
            out[2 * d, t] = path
            out[2 * d + 1, t] = -path
    return out
