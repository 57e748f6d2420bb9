"""Distribution of a benchmark's pooled error, learned from the errors of placebo units.

The saving of a placebo unit is known to be zero, so the error of its benchmark over the performance periods is
observed. Errors differ in size between units: small units are noisy, and some units are hard to match. With e_j the
pooled error of placebo j, its variance is modelled as

    v_j = theta_1 mean_j^2 + theta_2 noise_j + theta_3 misfit_j,     theta >= 0,

with a shock proportional to mean spending, the sampling noise of the means, and the baseline misfit as far as it
predicts the error. It is fitted by Gaussian quasi-likelihood (`variance_components`). The standardised errors
|e_j| / sqrt(v_j) of m placebos and of the treated unit are taken as exchangeable. The treated unit's error then falls
below the k-th smallest with probability k / (m + 1). This is the conformal predictive distribution (Vovk et al. 2005,
doi:10.1007/b106715), symmetrical about the benchmark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from ssinfer.typing import Floats


@compiled
def _conformal_quantile(ordered: Floats, u: float) -> float:
    """Return the u-quantile of the conformal distribution of an absolute error, given the ordered placebo errors.

    No placebo says how errors are distributed beyond the largest one (probability 1 / (m + 1)). An exponential tail
    is assumed there.
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
def conformal_quantiles(ordered: Floats, uniform: Floats) -> Floats:
    """Return conformal quantiles (D,) of an absolute error at probabilities `uniform`, from ordered errors (m,)."""
    out = np.empty(uniform.size)
    for d in range(uniform.size):
        out[d] = _conformal_quantile(ordered, uniform[d])
    return out


def predictive_errors(
    vectors: Floats, pooling: Floats, deviation: Floats, own_deviation: float, uniform: Floats
) -> Floats:
    """Draw error paths of the treated unit from those of the placebos.

    Parameters
    ----------
    vectors : array (m, P)
        Placebo errors per performance period.
    pooling : array (P,)
        Weights of the periods in the pooled error; sum one.
    deviation : array (m,)
        Standard deviation of each placebo's pooled error, from `variance_function`.
    own_deviation : float
        Standard deviation of the treated unit's pooled error.
    uniform : array (D,)
        Probabilities in (0, 1), one per pair of draws.

    Returns
    -------
    array (2 D, P)
        Errors in antithetic pairs. The pooled absolute error has the conformal distribution. The path over periods is
        that of the placebo with this rank, shifted so that its pooled value is the drawn one.
    """
    pooled = vectors @ pooling / deviation
    order = np.argsort(np.abs(pooled), kind="stable")
    sign = np.where(pooled[order] >= 0.0, 1.0, -1.0)
    directed = (sign / deviation[order])[:, None] * vectors[order]
    return _paths(np.ascontiguousarray(directed), np.abs(pooled)[order], own_deviation, uniform)


@compiled
def _paths(directed: Floats, ordered: Floats, own_deviation: float, uniform: Floats) -> Floats:
    """Return the paths of `predictive_errors`.

    `directed` (m, P) holds standardised placebo errors in ascending order of their pooled values `ordered` (m,), each
    with the sign that makes this value positive.
    """
    m, P = directed.shape
    out = np.empty((2 * uniform.size, P))
    for d in range(uniform.size):
        value = _conformal_quantile(ordered, uniform[d])
        rank = min(max(round(uniform[d] * (m + 1)) - 1, 0), m - 1)
        for t in range(P):
            path = own_deviation * (directed[rank, t] + value - ordered[rank])
            out[2 * d, t] = path
            out[2 * d + 1, t] = -path
    return out
