r"""Lasting effects and shocks of units from their residuals in several blocks, with learned variances.

The log ratio r of a unit's truncated spending to its persons' predictions in block q is

.. math:: r_{gq} = u_g + s_{gq} + e_{gq}, \quad u_g \sim N(0, \tau^2 + \tau_r^2), \quad
          \mathrm{cov}(s_{gq}, s_{gq'}) = (\sigma^2 + \sigma_r^2) \rho^{|q - q'|},

with a part (index r) of effect and shock that the units of a region share, and noise e of a known covariance. The prior
of the five parameters lies on a grid, so its posterior is exact.
"""

from typing import NamedTuple

import numpy as np

from ssinfer.typing import Booleans, Floats, Integers

MISSING_VARIANCE = 1e6  # of a residual that is not there: it then says nothing
PERSISTENCES = (0.0, 0.4, 0.8)
N_EFFECT, N_SHOCK, N_REGION = 10, 8, 5
LARGEST_SD = 3.0  # of the grid, in scales of the half-normal prior
FLAT_VARIANCE = 1e6  # of a prior that is flat, in sampling variances of what it meets
DRAWS_AT_A_TIME = 250


class Grid(NamedTuple):
    """Points of the variance parameters and their log probability, not normalised."""

    points: Floats  # (H, 5): SD of a unit's effect, of its shock, persistence, SD of a region's effect, of its shock
    log: Floats  # (H,)


def prior_grid(effect_scale: float, shock_scale: float, *, regions: bool) -> Grid:
    """Return the grid with its prior: half-normal SDs, half the scale for regions, equal weight of persistences."""
    scales = (effect_scale, shock_scale, 1.0, effect_scale / 2, shock_scale / 2)
    sizes = (N_EFFECT, N_SHOCK, 0, N_REGION if regions else 1, N_REGION if regions else 1)
    axes = [scale * LARGEST_SD * np.linspace(0, 1, size) ** 2 for scale, size in zip(scales, sizes, strict=True)]
    axes[2] = np.array(PERSISTENCES)
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 5)
    log = np.zeros(len(points))
    for column, (scale, size) in enumerate(zip(scales, sizes, strict=True)):
        if size > 1:  # the grid is quadratic: a step is proportional to the square root of the SD
            last = scale * LARGEST_SD / (size - 1) ** 2
            log += -0.5 * (points[:, column] / scale) ** 2 + 0.5 * np.log(points[:, column] + last / 4)
    return Grid(points, log)


def shock_correlation(persistence: Floats, years: Integers) -> Floats:
    """Return the correlation of shocks (..., K, K) between the years (K,)."""
    return np.asarray(persistence[..., None, None] ** np.abs(years[:, None] - years[None, :]), dtype=float)


def learn(grid: Grid, residuals: Floats, noise: Floats, years: Integers, region: Integers) -> Grid:
    """Return the grid after residuals (g, K) of units with noise covariances (g, K, K); `region` (g,) from 0."""
    n_regions, width = int(region.max()) + 1, residuals.shape[1]
    log = grid.log.copy()
    of_unit, which = np.unique(grid.points[:, :3], axis=0, return_inverse=True)
    for number, (effect, shock, persistence) in enumerate(of_unit):
        rows = np.flatnonzero(which == number)
        C = shock_correlation(np.array(persistence), years)
        inverse = np.linalg.inv(noise + effect**2 + shock**2 * C)
        score = np.einsum("gkl,gl->gk", inverse, residuals)
        base = 0.5 * np.linalg.slogdet(inverse)[1].sum() - 0.5 * float((score * residuals).sum())
        log[rows] += base
        if len(rows) == 1:
            continue
        information, total = np.zeros((n_regions, width, width)), np.zeros((n_regions, width))
        np.add.at(information, region, inverse)
        np.add.at(total, region, score)
        between = grid.points[rows, 3, None, None] ** 2 + grid.points[rows, 4, None, None] ** 2 * C
        inner = np.eye(width) + information[None] @ between[:, None]  # (h, region, K, K)
        solved = np.linalg.solve(inner, np.broadcast_to(total[..., None], (len(rows), *total.shape, 1)))[..., 0]
        quadratic = np.einsum("rk,hkl,hrl->h", total, between, solved)
        log[rows] += 0.5 * quadratic - 0.5 * np.linalg.slogdet(inner)[1].sum(axis=1)
    return Grid(grid.points, log)


class Unseen(NamedTuple):
    """Residuals of I units to be predicted from: Q blocks, and the same quantity unseen in P later periods."""

    residuals: Floats  # (I, Q)
    noise: Floats  # (I, Q + P, Q + P), relative to the predictions
    years: Integers  # (Q + P,)
    region: Integers  # (I,)
    least_kept: Floats  # (I,): least share of a lasting effect that the prior keeps; 1: flat, 0 or less: as learned


class Draws(NamedTuple):
    """Draws of the lasting effect (D, I), of effect and shock (D, I, P), and of the noise (D, I, P)."""

    effect: Floats
    level: Floats
    noise: Floats


def raised_variance(points: Floats, unseen: Unseen) -> tuple[Floats, Floats]:
    r"""Return the variance that the bound adds to the prior of each unit's effect (H, I), and the sampling variance v.

    v is that of the best estimate of u from the residuals. The learned prior keeps :math:`\tau^2 / (\tau^2 + v)` of it.
    Where that is less than the bound :math:`\kappa`, the prior variance is raised to :math:`\kappa v / (1 - \kappa)`.
    """
    n_units, width = unseen.residuals.shape
    variance = np.full((len(points), n_units), np.inf)
    if width:
        shocks = (points[:, 1] ** 2 + points[:, 4] ** 2)[:, None, None]
        V = shocks * shock_correlation(points[:, 2], unseen.years[:width])
        for unit in range(n_units):
            inverse = np.linalg.inv(V + unseen.noise[unit, :width, :width])
            variance[:, unit] = 1.0 / inverse.sum(axis=(1, 2))
    kept = np.clip(unseen.least_kept, 0.0, None)
    odds = np.where(kept < 1, kept / np.where(kept < 1, 1 - kept, 1.0), FLAT_VARIANCE)
    learned = (points[:, 0] ** 2 + points[:, 3] ** 2)[:, None]
    # residuals that are all missing say nothing that a prior could keep
    wanted = odds * np.where(variance < MISSING_VARIANCE / (2 * max(width, 1)), variance, 0.0)
    return np.maximum(wanted - learned, 0.0), variance


def marginal(grid: Grid, unseen: Unseen) -> Grid:
    """Return the grid after the residuals of the units themselves, under the prior that the bound gives."""
    if not unseen.residuals.size:
        return grid
    log, seen, r = grid.log.copy(), unseen.residuals.shape[1], unseen.residuals.ravel()
    for rows in _stretches(len(log)):
        added, _ = raised_variance(grid.points[rows], unseen)
        K = _covariance(grid.points[rows], added, unseen, seen)
        K = K + _block_diagonal(unseen.noise[:, :seen, :seen])
        solved = np.linalg.solve(K, np.broadcast_to(r[:, None], (len(K), len(r), 1)))[..., 0]
        log[rows] -= 0.5 * (solved @ r) + 0.5 * np.linalg.slogdet(K)[1]
    return Grid(grid.points, log)


def _probability(grid: Grid) -> Floats:
    weights = np.exp(grid.log - grid.log.max())
    return np.asarray(weights / weights.sum())


def plug_in(grid: Grid) -> Grid:
    """Return a grid of one point, the estimates: root mean squares of the SDs, and the mean persistence."""
    point = np.sqrt(_probability(grid) @ grid.points**2)
    point[2] = _probability(grid) @ grid.points[:, 2]
    return Grid(point[None], np.zeros(1))


def draw_effects(
    grid: Grid, unseen: Unseen, own: Floats, n_draws: int, rng: np.random.Generator, *, sampling: bool = False
) -> Draws:
    """Draw effects, shocks and noise of the unseen periods given the residuals, by Matheron's rule.

    `own` (n_draws, I, Q + P) are draws of the noise, which need not be normal. Draws of all parts from the prior are
    moved by the regression on the difference between the residuals and those drawn (Chiles and Delfiner 2012,
    Geostatistics, section 7.3, doi:10.1002/9781118136188). With `sampling` they are the estimate plus draws of its
    error, over units whose effects have the learned variance: what the bound adds to the prior is in the estimate only.
    """
    chosen = rng.choice(len(grid.log), size=n_draws, p=_probability(grid))
    n_units, seen = unseen.residuals.shape
    effect, level, noise = (np.empty((n_draws, *shape)) for shape in ((n_units,), *[own.shape[1:]] * 2))
    for rows in _stretches(n_draws):
        points = grid.points[chosen[rows]]
        added, _ = raised_variance(points, unseen)
        u, s = _prior_draws(points, 0.0 * added if sampling else added, unseen, rng)
        z, e = u[:, :, None] + s, own[rows]
        if seen:
            K = _covariance(points, added, unseen, unseen.noise.shape[1])
            blocks = np.add.outer(np.arange(n_units) * unseen.noise.shape[1], np.arange(seen)).ravel()
            full_noise = _block_diagonal(unseen.noise)
            difference = (unseen.residuals - z[:, :, :seen] - e[:, :, :seen]).reshape(len(points), -1, 1)
            Krr = K[:, blocks[:, None], blocks] + full_noise[blocks[:, None], blocks]
            weights = np.linalg.solve(Krr, difference)[..., 0]
            z = z + np.einsum("dtr,dr->dt", K[:, :, blocks], weights).reshape(z.shape)
            e = e + (weights @ full_noise[blocks]).reshape(e.shape)
            same_region = np.equal.outer(unseen.region, unseen.region)
            Ku = (
                points[:, 3, None, None] ** 2 * same_region + np.eye(n_units) * (points[:, :1] ** 2 + added)[:, :, None]
            )
            u = u + np.einsum("dij,dj->di", Ku, weights.reshape(len(points), n_units, seen).sum(axis=2))
        effect[rows], level[rows], noise[rows] = u, z, e
    return Draws(effect, level[:, :, seen:], noise[:, :, seen:])


def _stretches(count: int) -> list[slice]:
    return [slice(low, low + DRAWS_AT_A_TIME) for low in range(0, count, DRAWS_AT_A_TIME)]


def _covariance(points: Floats, added: Floats, unseen: Unseen, width: int) -> Floats:
    """Return the prior covariance (h, I * width, I * width) of effect and shock in the first `width` blocks."""
    C = shock_correlation(points[:, 2], unseen.years[:width])
    own, region = (points[:, k, None, None] ** 2 + points[:, k + 1, None, None] ** 2 * C for k in (0, 3))
    same_unit = np.eye(len(unseen.region))
    same_region: Booleans = np.equal.outer(unseen.region, unseen.region)
    total = np.einsum("ij,hkl->hikjl", same_unit, own) + np.einsum("ij,hkl->hikjl", same_region * 1.0, region)
    total += np.einsum("hi,ij->hij", added, same_unit)[:, :, None, :, None]
    size = len(same_unit) * width
    return np.asarray(total.reshape(len(points), size, size))


def _block_diagonal(blocks: Floats) -> Floats:
    """Return the matrix (I * K, I * K) with the given blocks (I, K, K) on its diagonal."""
    n, width, _ = blocks.shape
    return np.asarray(np.einsum("ij,ikl->ikjl", np.eye(n), blocks).reshape(n * width, n * width))


def _prior_draws(points: Floats, added: Floats, unseen: Unseen, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw lasting effects (h, I) and shocks (h, I, K) from their prior."""
    regions, of_unit = np.unique(unseen.region, return_inverse=True)
    years, of_block = np.unique(unseen.years, return_inverse=True)
    n_units, h = len(unseen.region), len(points)
    own = rng.standard_normal((h, n_units)) * np.sqrt(points[:, :1] ** 2 + added)
    shared = rng.standard_normal((h, len(regions))) * points[:, 3:4]
    root = np.linalg.cholesky(shock_correlation(np.minimum(points[:, 2], 1 - 1e-9), years))
    draws = [rng.standard_normal((h, size, len(years))) @ root.transpose(0, 2, 1) for size in (n_units, len(regions))]
    s = draws[0] * points[:, 1, None, None] + (draws[1] * points[:, 4, None, None])[:, of_unit]
    return own + shared[:, of_unit], np.asarray(s[:, :, of_block])
