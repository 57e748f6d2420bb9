"""Distribution of a benchmark's pooled error, learned from the errors of placebo units.

The saving of a placebo unit is known to be zero, so the error e_j of its benchmark is observed. Its variance is

    v_j = theta_1 mean_j^2 + theta_2 noise_j + theta_3 misfit_j,     theta >= 0,

a shock proportional to mean spending, the sampling noise of the means, and the baseline misfit as far as it predicts
the error, fitted by Gaussian quasi-likelihood to all placebos but j (`variance_components`). The standardised errors
|e_j| / sqrt(v_j) of m placebos and of the treated unit are taken as exchangeable: that of the treated unit falls below
the k-th smallest with probability k / (m + 1). This is the conformal predictive distribution (Vovk et al. 2005,
doi:10.1007/b106715), symmetrical about the benchmark.
"""

import numpy as np

from ssinfer.typing import Floats


def conformal_quantiles(ordered: Floats, uniform: Floats) -> Floats:
    """Return conformal quantiles (D,) of ordered absolute errors (m,) at `uniform`, with an exponential tail beyond."""
    m = ordered.size
    position = uniform * (m + 1)
    scale = (ordered[-1] - ordered[m // 2]) / np.log(0.5 * (m + 1))
    inside = np.interp(position, np.arange(m + 1), np.append(0.0, ordered))
    return np.asarray(np.where(position < m, inside, ordered[-1] - scale * np.log((1.0 - uniform) * (m + 1))))


def predictive_errors(
    vectors: Floats, pooling: Floats, deviation: Floats, own_deviation: float, uniform: Floats
) -> Floats:
    """Draw error paths (2 D, P) of the treated unit from those of the placebos, `vectors` (m, P), in antithetic pairs.

    The pooled absolute error has the conformal distribution. The path over periods is that of the placebo with this
    rank, shifted so that its pooled value is the drawn one. `pooling` (P,) weighs the periods. `deviation` (m,) and
    `own_deviation` are SDs of pooled errors. Each pair of draws has one of the probabilities `uniform` (D,).
    """
    pooled = vectors @ pooling / deviation
    order = np.argsort(np.abs(pooled), kind="stable")
    sign = np.where(pooled[order] >= 0.0, 1.0, -1.0)
    directed, ordered = (sign / deviation[order])[:, None] * vectors[order], np.abs(pooled)[order]
    rank = np.clip(np.rint(uniform * (order.size + 1)).astype(int) - 1, 0, order.size - 1)
    shift = conformal_quantiles(ordered, uniform)[:, None]
    positive = own_deviation * (directed[rank] + shift - ordered[rank, None])
    return np.stack([positive, -positive], axis=1).reshape(-1, pooling.size)
