"""Effect: an estimated difference with its standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from ssinfer.benchmarks.matched.kernels.sandwich import (
    cluster_covariance,
    hc3_covariance,
    two_way_covariance,
    weighted_least_squares,
)
from ssinfer.errors import DesignError, RefusalError
from ssinfer.level import check_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Booleans, Floats

    Codes = NDArray[np.int64]

Covariance = Literal["cluster", "two-way", "hc3"]


@dataclass(frozen=True)
class Effect:
    """A difference treated less control, in units of the outcome.

    Attributes
    ----------
    estimate, standard_error : float
    estimand : str
        Whose mean difference: "ATT", "ATE", "ATO" (overlap).
    method : str
        Estimator and standard error in words.
    degrees : float
        Degrees of freedom of the t distribution; infinite for the normal.
    """

    estimate: float
    standard_error: float
    estimand: str
    method: str
    degrees: float = float("inf")

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the symmetrical confidence interval."""
        reach = float(stats.t.ppf((1 + check_level(level)) / 2, self.degrees)) * self.standard_error
        return self.estimate - reach, self.estimate + reach


def weighted_difference(
    outcome: Floats,
    treated: Booleans,
    weights: Floats,
    *,
    covariance: Covariance = "cluster",
    sets: Codes | None = None,
    practices: Codes | None = None,
    estimand: str = "ATT",
) -> Effect:
    r"""Return the difference of weighted means, the slope of ``outcome ~ treated`` by weighted least squares.

    .. math:: \hat\tau = \frac{\sum_t w_i y_i}{\sum_t w_i} - \frac{\sum_c w_i y_i}{\sum_c w_i}

    Parameters
    ----------
    outcome : (n,)
    treated : (n,) bool
    weights : (n,)
        Persons with weight 0 take no part.
    covariance : "cluster", "two-way" or "hc3"
        Cluster-robust on `sets` (HC1 x G/(G-1)); on sets and practices; or HC3 (matching with replacement, where
        sets overlap). All take the weights as fixed: that the scores were estimated is not counted.
    sets, practices : (n,) int
        Clusters.

    Returns
    -------
    Effect

    References
    ----------
    Abadie, A. and Spiess, J. (2022). Robust post-matching inference. Journal of the American Statistical Association
    117, 983-995. doi:10.1080/01621459.2020.1840383

    Examples
    --------
    >>> y = np.array([3.0, 5.0, 1.0, 2.0])
    >>> sets = np.array([0, 1, 0, 1])
    >>> effect = weighted_difference(y, np.array([True, True, False, False]), np.ones(4), sets=sets)
    >>> round(effect.estimate, 6), round(effect.standard_error, 6)
    (2.5, 0.612372)
    """
    used = weights > 0
    y, w = outcome[used], weights[used]
    X = np.column_stack([np.ones(len(y)), treated[used].astype(np.float64)])
    fit = weighted_least_squares(y, X, w)
    degrees = float("inf")
    if covariance == "hc3":
        V = hc3_covariance(fit)
    elif covariance in ("cluster", "two-way"):
        if sets is None:
            raise DesignError(f"covariance={covariance!r} needs sets, the matched set of each person.")
        groups = [sets[used]]
        if covariance == "two-way":
            if practices is None:
                raise DesignError("covariance='two-way' needs practices, the practice of each person.")
            groups.append(practices[used])
        least = min(len(np.unique(codes)) for codes in groups)
        if least < 2:
            raise RefusalError("One cluster only: its variance cannot be learned. At least two are needed.")
        degrees = least - 1.0
        V = cluster_covariance(fit, groups[0]) if len(groups) == 1 else two_way_covariance(fit, groups[0], groups[1])
    else:
        raise DesignError(f"covariance is {covariance!r}; allowed: 'cluster', 'two-way', 'hc3'.")
    se = float(np.sqrt(max(V[1, 1], 0.0)))
    return Effect(float(fit.coefficients[1]), se, estimand, f"difference of weighted means, {covariance}", degrees)
