r"""The marginal Gaussian panel at many nodes at once, for panels with one loading (no neighbours, no covariates).

What ``gaussian_panel`` does at one set of parameters, without a call per node: where units are few the calls
 would cost twenty times the arithmetic. M nodes, N units, T periods.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import (
    LANES,
    LOG_2PI,
    UnitTerms,
    downdate,
    predict,
    unit_blocks,
    whiten_lanes,
)
from ssinfer.benchmarks.hierarchical.kernels.markov_panel import Markov, markov_sums, well_conditioned
from ssinfer.kernels.compile import compiled, threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

LONG = 6  # periods from which on the Markov sums are the cheaper ones
WORTH_A_THREAD = 2_000_000  # cells times nodes: some tens of milliseconds
TOGETHER = 4_000_000  # numbers in the largest array of a round of nodes


@dataclass(frozen=True, eq=False)
class Nodes:
    """Covariances at M nodes.

    Attributes
    ----------
    structure, shared : (M, T, T) level, trend and season; the same with the shock
    scale : (M,) sampling variances are scale times those of the panel
    common : (T, T) lower Cholesky factor of the period effects' prior covariance
    markov : what `shared` is made of, if its shock is Markov; else None
    """

    structure: Floats
    shared: Floats
    scale: Floats
    common: Floats
    markov: Markov | None = None

    def __len__(self) -> int:
        return len(self.scale)

    def of(self, places: Places | NDArray[np.bool_] | slice) -> Nodes:
        """Return some of the nodes."""
        markov = None if self.markov is None else self.markov.of(places)
        return Nodes(self.structure[places], self.shared[places], self.scale[places], self.common, markov)


@compiled
def _sums(
    shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats, loading: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Sum the terms of all units at each of M nodes, without keeping any unit's."""
    nodes = len(scale)
    units, periods = y.shape
    log_determinant = np.zeros(nodes)
    precision = np.zeros((nodes, periods, periods))
    score = np.zeros((nodes, periods))
    quadratic = np.zeros(nodes)
    whiten = np.zeros((periods, periods, LANES))
    white = np.zeros((periods, LANES))
    total = np.zeros(LANES)
    lanes = np.zeros(LANES)
    work = (np.zeros((periods, periods, LANES)), whiten, total)
    for m in range(nodes):
        for start in range(0, units, LANES):
            width = min(LANES, units - start)
            whiten_lanes(shared[m], noise, scale[m], seen, start, work, lanes)
            log_determinant[m] += lanes[:width].sum()
            for t in range(periods):
                total[:] = 0.0
                for s in range(t + 1):
                    for b in range(width):
                        # an unseen cell is whitened by itself alone: its row and column count for nothing
                        whiten[t, s, b] *= seen[start + b, t] * seen[start + b, s]
                        total[b] += whiten[t, s, b] * y[start + b, s]
                for b in range(width):
                    white[t, b] = total[b]
                    quadratic[m] += total[b] * total[b]
            for t in range(periods):
                for s in range(t + 1):
                    total[:] = 0.0
                    for k in range(t, periods):
                        for b in range(width):
                            total[b] += whiten[k, t, b] * whiten[k, s, b]
                    for b in range(width):
                        precision[m, t, s] += total[b] * loading[start + b] ** 2
                total[:] = 0.0
                for k in range(t, periods):
                    for b in range(width):
                        total[b] += whiten[k, t, b] * white[k, b]
                for b in range(width):
                    score[m, t] += total[b] * loading[start + b]
        for t in range(periods):
            for s in range(t):
                precision[m, s, t] = precision[m, t, s]
    return log_determinant, precision, score, quadratic


@compiled
def _rows(
    shared: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the unit terms of a few units at each node: (M, I), (M, I, T, T), (M, I, T), (M, I)."""
    nodes = len(scale)
    units, periods = y.shape
    log_determinant = np.empty((nodes, units))
    inverse = np.empty((nodes, units, periods, periods))
    weighted = np.empty((nodes, units, periods))
    quadratic = np.empty((nodes, units))
    for m in range(nodes):
        unit_blocks(shared[m], noise, scale[m], seen, y, log_determinant[m], inverse[m], weighted[m], quadratic[m])
    return log_determinant, inverse, weighted, quadratic


def _all_sums(nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats) -> list[Floats]:
    """Return the sums of `_sums`: nodes are shared out over threads where there is work for them."""
    parts = min(threads(), len(nodes) * y.size // WORTH_A_THREAD)
    if parts < 2:
        return _some_sums(nodes, noise, seen, y, loading)
    shares = [nodes.of(places) for places in np.array_split(np.arange(len(nodes)), parts)]
    with ThreadPoolExecutor(max_workers=parts) as pool:
        found = list(pool.map(lambda share: _some_sums(share, noise, seen, y, loading), shares))
    return [np.concatenate(each) for each in zip(*found, strict=True)]


def _some_sums(nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats) -> list[Floats]:
    """Return the sums of `_sums`, by the cheaper algorithm where it loses nothing."""
    markov = nodes.markov
    if markov is None or y.shape[1] < LONG:
        return list(_sums(nodes.shared, noise, nodes.scale, seen, y, loading))
    good = well_conditioned(markov, noise, nodes.scale)
    out = [np.zeros((len(nodes), *form)) for form in ((), (y.shape[1],) * 2, (y.shape[1],), ())]
    part, rest = nodes.of(good), nodes.of(~good)
    assert part.markov is not None  # noqa: S101  (markov is given)
    cheap = part.markov
    if len(part):
        found = markov_sums(cheap.kept, cheap.spread, cheap.low, noise, part.scale, seen, y, loading)
        for array, values in zip(out, found, strict=True):
            array[good] = values
    if len(rest):
        for array, values in zip(out, _sums(rest.shared, noise, rest.scale, seen, y, loading), strict=True):
            array[~good] = values
    return out


def _combine(
    nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Return log likelihood (M,), mean (M, T) and root (M, T, T) of the period effects, and which nodes are good."""
    determinant, precision, score, quadratic = _all_sums(nodes, noise, seen, y, loading)
    system = nodes.common.T @ precision @ nodes.common + np.eye(y.shape[1])
    good = np.isfinite(determinant) & np.isfinite(system).all(axis=(1, 2))
    system[~good] = np.eye(y.shape[1])
    factor = np.linalg.cholesky(system)
    half = np.linalg.solve(factor, (score @ nodes.common)[:, :, None])[:, :, 0]
    whiten = np.linalg.inv(factor)
    root = nodes.common @ whiten.transpose(0, 2, 1)
    determinant = determinant + 2.0 * np.log(np.einsum("mtt->mt", factor)).sum(axis=1)
    value = -0.5 * (seen.sum() * LOG_2PI + determinant + quadratic - (half**2).sum(axis=1))
    mean = np.matmul(root, half[:, :, None])[:, :, 0]
    return np.where(good, value, -np.inf), mean, root, good


def log_marginals(nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats) -> Floats:
    """Return the log marginal likelihood (M,) at the nodes.

    Parameters
    ----------
    nodes : Nodes
    noise, seen, y : (N, T)
        Sampling variance at scale 1; 1 where observed, else 0; outcome.
    loading : (N,)

    Returns
    -------
    array (M,)
        Minus infinity where a covariance is not positive definite to rounding.
    """
    return _combine(nodes, noise, seen, y, loading)[0]


def log_marginal_slope(
    nodes: Nodes, noise: Floats, seen: Floats, y: Floats, loading: Floats
) -> tuple[float, Floats, float]:
    r"""Return the log marginal likelihood at a single node, and its derivatives by `shared` (T, T) and by `scale`.

    With m and V the posterior mean and covariance of the common effects, u_i the loading, α_i = S_i⁻¹ (y_i - u_i m),

    .. math:: dl / dS_i = (α_i α_i' - S_i^{-1} + u_i^2 S_i^{-1} V S_i^{-1}) / 2

    Raises
    ------
    numpy.linalg.LinAlgError
        A covariance is not positive definite to rounding, or what is given is not finite.
    """
    units, periods = y.shape
    determinant, inverse = np.empty(units), np.empty((units, periods, periods))
    weighted, quadratic = np.empty((units, periods)), np.empty(units)
    unit_blocks(nodes.shared[0], noise, float(nodes.scale[0]), seen, y, determinant, inverse, weighted, quadratic)
    if not np.isfinite(determinant).all():
        message = "a unit's covariance is singular to rounding"
        raise np.linalg.LinAlgError(message)
    common = nodes.common
    flat = inverse.reshape(units, -1)
    precision = ((loading**2) @ flat).reshape(periods, periods)
    factor = np.linalg.cholesky(common.T @ precision @ common + np.eye(periods))
    whiten = np.linalg.inv(factor)
    root = common @ whiten.T
    half = root.T @ (loading @ weighted)
    value = -0.5 * (
        seen.sum() * LOG_2PI + determinant.sum() + 2.0 * np.log(np.diag(factor)).sum() + quadratic.sum() - half @ half
    )
    if not np.isfinite(value):
        message = "the log likelihood is not finite: the outcome, a loading or the prior of the period effects is not"
        raise np.linalg.LinAlgError(message)
    by_shared, by_scale = _slope_sums(inverse, weighted, noise, np.ascontiguousarray(loading), root, root @ half)
    return float(value), by_shared / 2.0, by_scale / 2.0


@compiled
def _slope_sums(
    inverse: Floats, weighted: Floats, noise: Floats, loading: Floats, root: Floats, mean: Floats
) -> tuple[Floats, float]:
    """Sum α_i α_i' - S_i⁻¹ + u_i² S_i⁻¹ V S_i⁻¹ over units, V = root root', and its diagonal times the noise."""
    units, periods = weighted.shape
    by_shared = np.zeros((periods, periods))
    own = np.empty((periods, periods))
    moved = np.empty(periods)
    by_scale = 0.0
    for i in range(units):
        for t in range(periods):
            for s in range(t + 1):
                own[t, s] = -inverse[i, t, s]
        for k in range(periods + 1):  # the columns of u S⁻¹ root, then α
            for t in range(periods):
                moved[t] = weighted[i, t] if k == periods else 0.0
            for s in range(periods):
                times = -mean[s] if k == periods else root[s, k]
                for t in range(periods):
                    moved[t] += loading[i] * times * inverse[i, s, t]
            for t in range(periods):
                for s in range(t + 1):
                    own[t, s] += moved[t] * moved[s]
        for t in range(periods):
            by_scale += own[t, t] * noise[i, t]
            for s in range(t + 1):
                by_shared[t, s] += own[t, s]
    for t in range(periods):
        for s in range(t):
            by_shared[s, t] = by_shared[t, s]
    return by_shared, by_scale


def predict_nodes(
    nodes: Nodes, panel: tuple[Floats, Floats, Floats, Floats], rows: Places, cells: Places
) -> tuple[Floats, Floats, Floats]:
    """Predict the cells of each of I units without its own, at every node.

    Parameters
    ----------
    panel : noise, seen, y (N, T), loading (N,)
        As for `log_marginals`.
    rows, cells : (I,), (P,)

    Returns
    -------
    log_likelihood : (M, I) of all seen cells but the unit's sealed ones
    mean, covariance : (M, I, 2 P), (M, I, 2 P, 2 P)
        As ``gaussian_panel.predict`` orders them. Nodes that are not positive definite to rounding
        have a log likelihood of minus infinity.
    """
    count, wide = len(nodes), 2 * len(cells)
    log_likelihood = np.full((count, len(rows)), -np.inf)
    mean = np.zeros((count, len(rows), wide))
    covariance = np.zeros((count, len(rows), wide, wide))
    covariance[:] = np.eye(wide)
    together = max(1, TOGETHER // (len(rows) * nodes.shared.shape[1] ** 2))
    for start in range(0, count, together):
        part = np.arange(start, min(start + together, count))
        try:
            found = _predict(nodes.of(part), panel, rows, cells)
        except np.linalg.LinAlgError:
            if len(part) == 1:
                continue
            for m in part:  # the nodes of a round, one by one, to leave out the one that fails
                alone = predict_nodes(nodes.of(np.array([m])), panel, rows, cells)
                log_likelihood[m], mean[m], covariance[m] = (each[0] for each in alone)
            continue
        log_likelihood[part], mean[part], covariance[part] = found
    return log_likelihood, mean, covariance


def _predict(
    nodes: Nodes, panel: tuple[Floats, Floats, Floats, Floats], rows: Places, cells: Places
) -> tuple[Floats, Floats, Floats]:
    noise, seen, y, loading = panel
    value, effect, root, good = _combine(nodes, noise, seen, y, loading)
    if not good.all():
        message = "a unit's covariance is singular to rounding"
        raise np.linalg.LinAlgError(message)
    kept = seen[rows].copy()
    kept[:, cells] = 0.0
    own_y = y[rows] * kept
    count, periods = len(nodes), y.shape[1]
    shape = (count * len(rows), periods)

    def flat(array: Floats) -> Floats:
        return array.reshape(-1, *array.shape[2:])

    def terms(mask: Floats, outcome: Floats) -> UnitTerms:
        found = _rows(nodes.shared, noise[rows], nodes.scale, mask, outcome)
        determinant, inverse, weighted, quadratic = (flat(each) for each in found)
        return UnitTerms(determinant, inverse, weighted, quadratic, np.tile(mask.sum(axis=1), count))

    own = terms(kept, own_y)
    if not np.isfinite(own.log_determinant).all():
        message = "a unit's covariance is singular to rounding"
        raise np.linalg.LinAlgError(message)
    here = loading[rows]
    centre = flat(effect[:, None, :] * here[:, None])
    spread = flat(np.matmul(root, root.transpose(0, 2, 1))[:, None] * (here**2)[:, None, None])
    change = np.zeros(len(centre))
    if (seen[rows] != kept).any():
        centre, spread, change = downdate(centre, spread, terms(seen[rows], y[rows]), own, cells)

    def each(covariances: Floats) -> Floats:
        return np.repeat(covariances, len(rows), axis=0)

    variances = (nodes.scale[:, None, None] * noise[rows]).reshape(shape)
    mean, covariance = predict(
        centre, spread, own, np.tile(own_y, (count, 1)), each(nodes.structure), each(nodes.shared), variances, cells
    )
    form = (count, len(rows))
    return (
        value[:, None] + change.reshape(form),
        mean.reshape(*form, -1),
        covariance.reshape(*form, *covariance.shape[1:]),
    )
