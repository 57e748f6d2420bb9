"""Likelihood of placebo savings rates at given variances, with mean, slope and effects integrated out exactly."""

import numpy as np

from ssinfer.kernels.cholesky import cholesky
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats, Integers

_MIN_VARIANCE = 1e-24  # of one row, on the scale of the placebos' own variance


@compiled
def marginal_likelihoods(
    variances: Floats,
    y: Floats,
    sampling: Floats,
    inverse_ratio: Floats,
    log_ratio: Floats,
    origin: Integers,
    first: Integers,
    prior_sd: Floats,
    n_origins: int,
) -> tuple[Floats, Floats, Floats]:
    r"""Return log likelihoods (M,) of nodes, means and slopes (M, 2), and Cholesky roots of their precisions (M, 3).

    .. math:: y_i = \mu + \beta \log r_i + u_{unit(i)} + o_{origin(i)} + e_i,\quad
              e_i \sim N(0, c^2 s_i^2 + \tau^2 / r_i)

    Unit effects are integrated out by the Woodbury identity per unit. What is left has 2 + O normal coefficients:
    origin effects in units of their SD, then mean and slope. `variances` (M, 4) are c^2, tau^2 and the variances of
    unit and origin effects. Rows of one unit stand together, from `first` (U + 1,); O = 0 leaves origin effects out.
    """
    n_nodes, n_units, size = len(variances), len(first) - 1, n_origins + 2
    log_likelihood = np.full(n_nodes, -np.inf)
    centre, root = np.zeros((n_nodes, 2)), np.ones((n_nodes, 3))
    precision, pull, of_unit = np.empty((size, size)), np.empty(size), np.zeros(size)
    for m in range(n_nodes):
        scale, excess, unit, common = variances[m]
        sd = np.sqrt(common)
        precision[:], pull[:] = 0.0, 0.0
        for j in range(n_origins):
            precision[j, j] = 1.0
        for j in range(2):
            precision[n_origins + j, n_origins + j] = prior_sd[j] ** -2.0
        half = 2.0 * np.log(prior_sd[0] * prior_sd[1])  # log determinants and squares, of which half is taken
        for i in range(n_units):
            total, weighted = 0.0, 0.0
            of_unit[:] = 0.0
            for row in range(first[i], first[i + 1]):
                variance = max(scale * sampling[row] + excess * inverse_ratio[row], _MIN_VARIANCE)
                weight = 1.0 / variance
                x = log_ratio[row]
                half += np.log(variance) + y[row] * y[row] * weight
                total += weight
                weighted += weight * y[row]
                of_unit[n_origins + 1] += weight * x
                pull[n_origins + 1] += weight * x * y[row]
                precision[n_origins + 1, n_origins + 1] += weight * x * x
                if n_origins > 0:
                    j = origin[row]
                    of_unit[j] += weight * sd
                    pull[j] += weight * sd * y[row]
                    precision[j, j] += weight * common
                    precision[n_origins, j] += weight * sd
                    precision[n_origins + 1, j] += weight * sd * x
            of_unit[n_origins] = total
            pull[n_origins] += weighted
            precision[n_origins, n_origins] += total
            precision[n_origins + 1, n_origins] += of_unit[n_origins + 1]
            if unit > 0.0:
                shrinkage = unit / (1.0 + unit * total)
                half += np.log1p(unit * total) - shrinkage * weighted * weighted
                for j in range(size):
                    if of_unit[j] != 0.0:
                        pull[j] -= shrinkage * of_unit[j] * weighted
                        for k in range(j + 1):
                            precision[j, k] -= shrinkage * of_unit[j] * of_unit[k]
        if not (cholesky(precision) and np.isfinite(half)):
            continue
        for j in range(size):
            value = pull[j]
            for k in range(j):
                value -= precision[j, k] * pull[k]
            pull[j] = value / precision[j, j]
            half += 2.0 * np.log(precision[j, j]) - pull[j] * pull[j]
        if not np.isfinite(half):
            continue
        a, b, c = precision[n_origins, n_origins], precision[n_origins + 1, n_origins], precision[size - 1, size - 1]
        log_likelihood[m] = -0.5 * half
        centre[m, 1] = pull[size - 1] / c
        centre[m, 0] = (pull[n_origins] - b * centre[m, 1]) / a
        root[m, 0], root[m, 1], root[m, 2] = a, b, c
    return log_likelihood, centre, root
