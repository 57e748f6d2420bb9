"""Sampling distributions of the controls' growth: two-way clusters, Abadie and Imbens, and bootstrap-t."""

from typing import Literal

import numpy as np
from scipy.sparse import coo_array

from ssinfer.benchmarks.matched.comparison_group import ComparisonGroup
from ssinfer.benchmarks.matched.growth import Growth
from ssinfer.benchmarks.matched.lines import Lines
from ssinfer.benchmarks.matched.outcome import Outcome
from ssinfer.kernels.groups import dense_codes, group_sums
from ssinfer.typing import Floats, Integers

Confidence = Literal["cluster", "abadie-imbens", "bootstrap-t"]
EQUAL_DISTANCE = 1e-12  # distances whose difference is below this, relative to the score, are equal


def growth_errors(comparison: ComparisonGroup, kind: Confidence, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw the error of the controls' growth (n_draws, I, P), in money per insured-year."""
    lines, growth = comparison.lines, comparison.growth
    practice = comparison.problem.unit[lines.rows][lines.person].astype(np.int64)
    if kind == "bootstrap-t":
        return bootstrap_t(lines, comparison.outcome, growth, practice, n_draws, rng)[:, lines.group_of]
    scale = np.ones((n_draws, 1))
    if kind == "cluster":
        covariance, count = two_way(lines, growth, practice)
        scale = np.sqrt((count - 1) / rng.chisquare(count - 1, size=(n_draws, 1)))
    else:
        covariance = conditional(lines, growth, comparison.distance[lines.rows])
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    error = (rng.standard_normal((n_draws, len(values))) @ root.T) * scale
    return np.asarray(error.reshape(n_draws, lines.n_groups, -1)[:, lines.group_of])


def clustered(lines: Lines, growth: Growth, clusters: Integers) -> tuple[Floats, int]:
    """Return the clustered covariance of growth (G * P, G * P), with the factor C / (C - 1), and C clusters."""
    codes, count = dense_codes(clusters)
    return _sum_of_outer(lines, growth, codes, growth.influence) * count / max(count - 1, 1), count


def _sum_of_outer(lines: Lines, growth: Growth, codes: Integers, values: Floats) -> Floats:
    """Return the sum over clusters of s s' (G * P, G * P), s (G * P,) the sums of the lines' shares times values."""
    shared = values * (lines.weight / growth.total[lines.group])[:, None]
    columns = lines.group[:, None] * values.shape[1] + np.arange(values.shape[1])
    cells = np.broadcast_to(codes[:, None], columns.shape).ravel(), columns.ravel()
    shape = int(codes.max()) + 1, lines.n_groups * values.shape[1]
    sums = coo_array((shared.ravel(), cells), shape=shape).tocsr()  # sparse: most clusters lie within one group
    return np.asarray((sums.T @ sums).toarray())


def two_way(lines: Lines, growth: Growth, practice: Integers) -> tuple[Floats, int]:
    """Return V(set) + V(practice) - V(set x practice) >= 0 (doi:10.1198/jbes.2010.07136), and the practices' number."""
    sets, _ = dense_codes(lines.cluster)
    both = sets * (int(practice.max()) + 1) + practice
    by_practice, count = clustered(lines, growth, practice)
    total = clustered(lines, growth, sets)[0] + by_practice - clustered(lines, growth, both)[0]
    values, vectors = np.linalg.eigh((total + total.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T), count


def conditional(lines: Lines, growth: Growth, score: Floats) -> Floats:
    r"""Return the variance of the controls' means (G * P, G * P) given the score (J',), without shocks of practices.

    :math:`\sum_c K_c K_c' s_c^2`: Abadie and Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x.
    """
    count = np.bincount(lines.person).astype(np.float64)
    mean = group_sums(lines.person, growth.influence, len(count))
    noise = neighbour_residuals(mean / count[:, None], score)  # (J', P): its square estimates the variance
    return _sum_of_outer(lines, growth, lines.person, noise[lines.person])


def neighbour_residuals(y: Floats, score: Floats) -> Floats:
    r"""Return :math:`\sqrt{L/(L+1)} (Y_i - \bar Y_{L(i)})`, where L(i) are the persons nearest to i by `score`."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    gap = np.concatenate([[np.inf], np.diff(ordered), [np.inf]])
    distance = np.empty(len(score))
    distance[order] = np.minimum(gap[:-1], gap[1:])
    slack = EQUAL_DISTANCE * np.maximum(1.0, np.abs(score))
    low = np.searchsorted(ordered, score - distance - slack, side="left")
    high = np.searchsorted(ordered, score + distance + slack, side="right")
    values = y.reshape(len(y), -1)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values[order], axis=0)])
    count = (high - low - 1).astype(np.float64)[:, None]
    mean = np.divide(sums[high] - sums[low] - values, count, out=values.copy(), where=count > 0)
    return np.asarray((np.sqrt(count / (count + 1)) * (values - mean)).reshape(y.shape))


def bootstrap_t(
    lines: Lines, outcome: Outcome, growth: Growth, practice: Integers, n_draws: int, rng: np.random.Generator
) -> Floats:
    r"""Draw the error of growth (n_draws, G, P) by a bootstrap of practices (m,) with studentised errors.

    It is :math:`-t^* \, se` with :math:`t^* = (\hat g^* - \hat g) / se^*` of a resample, which reflects the skewness of
    :math:`\hat g` (Efron and Tibshirani 1993, chapter 12).
    """
    n_groups, n_periods = growth.growth.shape
    codes, count = dense_codes(practice)
    cell = codes * n_groups + lines.group
    above, below = (
        group_sums(cell, values[lines.rows][lines.person], count * n_groups, lines.weight).reshape(count, n_groups, -1)
        for values in (outcome.money, outcome.years)
    )

    def resampled(times: Floats) -> tuple[Floats, Floats]:
        """Return growth (D, G, P) and its clustered standard error, if practices occur `times` (D, count)."""
        a, b = ((times @ part.reshape(count, -1)).reshape(-1, *part.shape[1:]) for part in (above, below))
        ratio = np.divide(a, b, out=np.zeros_like(a), where=b > 0)
        square = np.zeros((len(times), n_groups, n_periods))
        for p in range(count):
            u = np.divide(above[p] - ratio * below[p], b, out=np.zeros_like(a), where=b > 0)
            square += times[:, p, None, None] * (u[:, :, 1:] - u[:, :, :1]) ** 2
        return ratio[:, :, 1:] - ratio[:, :, :1], np.sqrt(square * count / (count - 1))

    point, se = resampled(np.ones((1, count)))
    times = rng.multinomial(count, np.full(count, 1 / count), size=n_draws).astype(np.float64)
    replicate, replicate_se = resampled(times)
    t = np.divide(replicate - point, replicate_se, out=np.zeros_like(replicate), where=replicate_se > 0)
    return np.asarray(-t * se)
