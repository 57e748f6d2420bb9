"""Shocks of practices and of regions, learned jointly from placebo practices on a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

    Codes = NDArray[np.int64]


class ShockPosterior(NamedTuple):
    """Grid points and their posterior probabilities (K,).

    Points (K, 3): SD of the practice shock, SD of the region shock, correlation between neighbouring periods.
    """

    points: Floats
    probability: Floats

    @property
    def mean_squares(self) -> tuple[float, float]:
        """Posterior means of the two variances."""
        return (
            float(self.probability @ self.points[:, 0] ** 2),
            float(self.probability @ self.points[:, 1] ** 2),
        )

    @property
    def persistence(self) -> float:
        """Posterior mean of the correlation."""
        return float(self.probability @ self.points[:, 2])


def shock_correlation(rho: float, n_periods: int) -> Floats:
    """Return the correlation rho^|t - s| of a shock over performance periods (P, P)."""
    places = np.arange(n_periods)
    return np.asarray(rho ** np.abs(places[:, None] - places[None, :]), dtype=np.float64)


def learn_shocks(
    growth: Floats,
    variance: Floats,
    region: Codes | None,
    scale: float,
    *,
    practice_grid: int = 40,
    region_grid: int = 20,
    persistences: tuple[float, ...] = (0.0, 0.3, 0.6, 0.9),
) -> ShockPosterior:
    r"""Return the posterior of the shocks' standard deviations and persistence.

    .. math::

        g_p = a + c_{r(p)} + u_p + \epsilon_p, \quad u_p \sim N(0, \sigma_u^2 C_\rho), \quad
        c_r \sim N(0, \sigma_c^2 C_\rho), \quad \epsilon_p \sim N(0, V_p)

    with :math:`C_\rho = \rho^{|t-s|}`, a flat prior on a (one per period, integrated out), half-normal priors with
    scale `scale` on both standard deviations, and equal prior weight of the persistences.

    Parameters
    ----------
    growth : (G, P)
        Growth of placebo practices' spending, per insured-year, per performance period.
    variance : (G, P, P)
        Known sampling covariance of each.
    region : (G,) int, or None
        None, or one region only: the region shock cannot be told from a and is set to zero.
    scale : float
        Prior scale, in units of growth.
    practice_grid, region_grid : int
        Grid points; the grid is quadratic in the SD and ends at four prior scales.
    persistences : sequence of float
        Grid of rho; with one period only, the first is used.

    Returns
    -------
    ShockPosterior
    """
    n_periods = growth.shape[1]
    many = region is not None and len(np.unique(region)) > 1
    codes = np.unique(region, return_inverse=True)[1] if region is not None and many else np.zeros(len(growth), int)
    n_regions = int(codes.max()) + 1
    sd_u = 4 * scale * np.linspace(0, 1, practice_grid) ** 2
    sd_c = 4 * scale * np.linspace(0, 1, region_grid) ** 2 if many else np.zeros(1)
    rhos = persistences if n_periods > 1 else (1.0,)
    points: list[tuple[float, float, float]] = []
    values: list[Floats] = []
    centre = growth.mean(axis=0)
    r = growth - centre  # the intercept is flat: centring changes nothing but the rounding
    for rho in rhos:
        C = shock_correlation(rho, n_periods)
        for u in sd_u:
            S = variance + u**2 * C
            inverse = np.linalg.inv(S)
            base = -0.5 * np.linalg.slogdet(S)[1].sum() - 0.5 * np.einsum("gp,gpq,gq->", r, inverse, r)
            H = np.zeros((n_regions, n_periods, n_periods))  # information on a + c per region
            b = np.zeros((n_regions, n_periods))
            np.add.at(H, codes, inverse)
            np.add.at(b, codes, np.einsum("gpq,gq->gp", inverse, r))
            spread = np.linalg.inv(H)
            best = np.einsum("rpq,rq->rp", spread, b)
            base += 0.5 * np.einsum("rp,rp->", best, b) + 0.5 * np.linalg.slogdet(spread)[1].sum()
            # All region shocks at once: (c, region, P, P).
            between = spread + (sd_c**2)[:, None, None, None] * C
            weight = np.linalg.inv(between)
            total = weight.sum(axis=1)
            a = np.linalg.solve(total, np.einsum("crpq,rq->cp", weight, best)[:, :, None])[:, None, :, 0]
            e = best - a
            value = base - 0.5 * np.linalg.slogdet(between)[1].sum(axis=1) - 0.5 * np.linalg.slogdet(total)[1]
            value -= 0.5 * np.einsum("crp,crpq,crq->c", e, weight, e)
            value -= 0.5 * (u**2 + sd_c**2) / scale**2
            # The grid is quadratic: a step is proportional to the square root of the SD.
            value += 0.5 * np.log(u + sd_u[1] / 4) + (0.5 * np.log(sd_c + sd_c[1] / 4) if many else 0.0)
            points.extend((u, c, rho) for c in sd_c)
            values.append(value)
    log = np.concatenate(values)
    probability = np.exp(log - log.max())
    return ShockPosterior(np.array(points), probability / probability.sum())
