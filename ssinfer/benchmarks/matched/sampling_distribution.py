"""Sampling distributions of the controls' growth: two-way clusters, Abadie-Imbens, bootstrap-t."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.benchmarks.matched.scores.abadie_imbens import neighbour_residuals
from ssinfer.kernels.groups import dense_codes, group_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.matched.growth import Growth, Lines, Outcome
    from ssinfer.typing import Floats

    Codes = NDArray[np.int64]

Confidence = Literal["cluster", "abadie-imbens", "bootstrap-t"]
CONFIDENCES: tuple[Confidence, ...] = ("cluster", "abadie-imbens", "bootstrap-t")


def clustered(lines: Lines, growth: Growth, clusters: Codes) -> tuple[Floats, int]:
    """Return G/(G-1) sum over clusters of products of their contributions (G * P, G * P), and the clusters' number."""
    n_periods, n_groups = growth.influence.shape[1], lines.n_groups
    codes, count = dense_codes(clusters)
    # A cluster within one group needs no wide rows: sum per (cluster, group) first.
    cell, cells = dense_codes(codes * n_groups + lines.group)
    sums = group_sums(cell, growth.influence, cells, lines.weight / growth.total[lines.group])
    total = np.zeros((n_groups * n_periods, n_groups * n_periods))
    cluster, group = np.empty(cells, dtype=np.int64), np.empty(cells, dtype=np.int64)
    cluster[cell], group[cell] = codes, lines.group
    if cells == count:
        for g in range(n_groups):
            own = slice(g * n_periods, (g + 1) * n_periods)
            total[own, own] = sums[group == g].T @ sums[group == g]
    else:
        wide = np.zeros((count, n_groups, n_periods))
        wide[cluster, group] = sums
        flat = wide.reshape(count, -1)
        total = flat.T @ flat
    return total * count / max(count - 1, 1), count


def two_way(lines: Lines, growth: Growth, practice: Codes) -> tuple[Floats, int]:
    """Return V(set) + V(practice) - V(set x practice), negative eigenvalues set to zero, and the practices' number."""
    sets, _ = dense_codes(lines.cluster)
    both = sets * (int(practice.max()) + 1) + practice
    by_practice, count = clustered(lines, growth, practice)
    total = clustered(lines, growth, sets)[0] + by_practice - clustered(lines, growth, both)[0]
    values, vectors = np.linalg.eigh((total + total.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T), count


def conditional(lines: Lines, growth: Growth, score: Floats) -> Floats:
    r"""Return Abadie and Imbens's conditional variance of the controls' means (G * P, G * P).

    :math:`\sum_c K_c K_c' s_c^2`, with :math:`s_c^2` from the nearest control by score, `score` (J',). It leaves out
    shocks of practices, which the caller adds.
    """
    G, n_periods = lines.n_groups, growth.influence.shape[1]
    count = np.bincount(lines.person).astype(np.float64)
    mean = group_sums(lines.person, growth.influence, len(count))
    noise = neighbour_residuals(mean / count[:, None], score)  # (J', P): its square estimates the variance
    share = lines.weight / growth.total[lines.group]
    if G == 1:
        K = np.bincount(lines.person, weights=share)
        scaled = noise * K[:, None]
        return np.asarray(scaled.T @ scaled)
    cell, cells = dense_codes(lines.person * G + lines.group)
    K = np.bincount(cell, weights=share)
    person, group = np.empty(cells, dtype=np.int64), np.empty(cells, dtype=np.int64)
    person[cell], group[cell] = lines.person, lines.group
    total = np.zeros((G, n_periods, G, n_periods))
    if cells == len(count):
        for g in range(G):
            scaled = noise[person[group == g]] * K[group == g, None]
            total[g, :, g] = scaled.T @ scaled
    else:
        wide = np.zeros((len(count), G))
        wide[person, group] = K
        total = np.einsum("cg,cp,ch,cq->gphq", wide, noise, wide, noise, optimize=True)
    return np.asarray(total.reshape(G * n_periods, G * n_periods))


def bootstrap_t(
    lines: Lines, outcome: Outcome, growth: Growth, practice: Codes, n_draws: int, rng: np.random.Generator
) -> Floats:
    r"""Return draws of the error of growth (n_draws, G, P): practices resampled, errors studentised.

    Each resample gives :math:`t^* = (\hat g^* - \hat g) / se^*`; the error of :math:`\hat g` is then
    :math:`-t^* \, se`, which mirrors the skewness of :math:`\hat g`'s sampling distribution.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & Hall, chapter 12.
    """
    G, n_periods = growth.growth.shape
    codes, count = dense_codes(practice)
    cell = codes * G + lines.group
    money, years = outcome.money[lines.rows][lines.person], outcome.years[lines.rows][lines.person]

    above, below = (
        group_sums(cell, values, count * G, lines.weight).reshape(count, G, n_periods + 1) for values in (money, years)
    )

    def error(times: Floats) -> tuple[Floats, Floats]:
        """Return growth (D, G, P) and its clustered standard error under multiplicities (D, count)."""
        flat = above.reshape(count, -1), below.reshape(count, -1)
        a, b = ((times @ part).reshape(-1, G, n_periods + 1) for part in flat)
        ratio = np.divide(a, b, out=np.zeros_like(a), where=b > 0)
        square = np.zeros((len(times), G, n_periods))
        for p in range(count):
            u = np.divide(above[p] - ratio * below[p], b, out=np.zeros_like(a), where=b > 0)
            square += times[:, p, None, None] * (u[:, :, 1:] - u[:, :, :1]) ** 2
        return ratio[:, :, 1:] - ratio[:, :, :1], np.sqrt(square * count / (count - 1))

    point, se = error(np.ones((1, count)))
    replicate, replicate_se = error(rng.multinomial(count, np.full(count, 1 / count), size=n_draws).astype(np.float64))
    t = np.divide(replicate - point, replicate_se, out=np.zeros_like(replicate), where=replicate_se > 0)
    return np.asarray(-t * se)
