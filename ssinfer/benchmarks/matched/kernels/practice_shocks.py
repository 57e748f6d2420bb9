"""Posterior of practice and region shocks on a grid, learned jointly from placebo practices."""

from typing import NamedTuple

import numpy as np

from ssinfer.typing import Floats, Integers

N_PRACTICE, N_REGION = 40, 20  # points of the grids of standard deviations
PERSISTENCES = (0.0, 0.3, 0.6, 0.9)


class ShockPosterior(NamedTuple):
    """Posterior probabilities of grid points."""

    points: Floats  # (K, 3): SDs of practice and region shock, correlation between neighbouring periods
    probability: Floats  # (K,)

    @property
    def mean_squares(self) -> tuple[float, float]:
        """Posterior means of the two variances."""
        practice, region = (float(self.probability @ self.points[:, column] ** 2) for column in (0, 1))
        return practice, region

    @property
    def persistence(self) -> float:
        """Posterior mean of the correlation."""
        return float(self.probability @ self.points[:, 2])


def shock_correlation(rho: float, n_periods: int) -> Floats:
    """Return the correlation rho^|t - s| of a shock over performance periods (P, P)."""
    periods = np.arange(n_periods)
    return np.asarray(rho ** np.abs(periods[:, None] - periods[None, :]), dtype=np.float64)


def learn_shocks(growth: Floats, variance: Floats, region: Integers, scale: float) -> ShockPosterior:
    r"""Return the posterior of the shocks' standard deviations and persistence.

    .. math::

        g_p = a + c_{r(p)} + u_p + \epsilon_p, \quad u_p \sim N(0, \sigma_u^2 C_\rho), \quad
        c_r \sim N(0, \sigma_c^2 C_\rho), \quad \epsilon_p \sim N(0, V_p)

    with :math:`C_\rho = \rho^{|t-s|}`, a flat prior on a (one per period, integrated out), half-normal priors with
    `scale` on both standard deviations, and equal prior weight of the persistences. g is `growth` (G, P) of placebo
    practices and V its `variance` (G, P, P). Without several regions their shock is zero: it is not identified.
    """
    n_periods = growth.shape[1]
    codes = np.unique(region, return_inverse=True)[1]
    n_regions = int(codes.max()) + 1
    practice_sds = 4 * scale * np.linspace(0, 1, N_PRACTICE) ** 2
    region_sds = 4 * scale * np.linspace(0, 1, N_REGION) ** 2 if n_regions > 1 else np.zeros(1)
    points: list[tuple[float, float, float]] = []
    values: list[Floats] = []
    centred = growth - growth.mean(axis=0)  # the intercept is flat: centring changes only the rounding
    for rho in PERSISTENCES if n_periods > 1 else (1.0,):
        C = shock_correlation(rho, n_periods)
        for sd in practice_sds:
            value = _log_likelihood(centred, variance + sd**2 * C, codes, n_regions, (region_sds**2)[:, None, None] * C)
            value -= 0.5 * (sd**2 + region_sds**2) / scale**2
            # The grid is quadratic: a step is proportional to the square root of the SD.
            of_region = 0.5 * np.log(region_sds + region_sds[1] / 4) if n_regions > 1 else 0.0
            value += 0.5 * np.log(sd + practice_sds[1] / 4) + of_region
            points.extend((sd, region_sd, rho) for region_sd in region_sds)
            values.append(value)
    log = np.concatenate(values)
    probability = np.exp(log - log.max())
    return ShockPosterior(np.array(points), probability / probability.sum())


def _log_likelihood(
    growth: Floats, covariance: Floats, region: Integers, n_regions: int, region_covariances: Floats
) -> Floats:
    """Return log likelihoods (c,) at each covariance of the region shock (c, P, P), the intercept integrated out."""
    n_periods = growth.shape[1]
    inverse = np.linalg.inv(covariance)
    base = -0.5 * np.linalg.slogdet(covariance)[1].sum() - 0.5 * np.einsum("gp,gpq,gq->", growth, inverse, growth)
    information = np.zeros((n_regions, n_periods, n_periods))  # on a + c per region
    score = np.zeros((n_regions, n_periods))
    np.add.at(information, region, inverse)
    np.add.at(score, region, np.einsum("gpq,gq->gp", inverse, growth))
    spread = np.linalg.inv(information)
    best = np.einsum("rpq,rq->rp", spread, score)
    base += 0.5 * np.einsum("rp,rp->", best, score) + 0.5 * np.linalg.slogdet(spread)[1].sum()
    between = spread + region_covariances[:, None]  # (c, region, P, P)
    weight = np.linalg.inv(between)
    total = weight.sum(axis=1)
    intercept = np.linalg.solve(total, np.einsum("crpq,rq->cp", weight, best)[:, :, None])[:, None, :, 0]
    deviation = best - intercept
    value = base - 0.5 * np.linalg.slogdet(between)[1].sum(axis=1) - 0.5 * np.linalg.slogdet(total)[1]
    return np.asarray(value - 0.5 * np.einsum("crp,crpq,crq->c", deviation, weight, deviation))
