"""Growth over years that are not known yet, from growth between years that are."""

import numpy as np

from ssinfer.typing import Floats

N_GRID, LARGEST_SD = 400, 4.0  # of the SD of growth, in units of its prior scale


def growth_draws(
    growths: Floats, noise: float, prior: float, years: int, n_draws: int, rng: np.random.Generator
) -> Floats:
    r"""Draw the log of the growth (n_draws,) over k `years` ahead, from n growths of one year with noise variance v.

    .. math:: g_j \sim N(m, T), \quad T = \sigma^2 + v, \quad p(\sigma \mid g) \propto e^{-\sigma^2 / 2 a^2}
              T^{-(n - 1) / 2} e^{-(n - 1) s^2 / 2 T}, \quad m \mid \sigma \sim N(\bar g, T / n).

    m has a flat prior, :math:`\sigma` a half-normal one with scale a (`prior`). Growth ahead is
    :math:`N(k m, k \sigma^2)`, without v.
    """
    n = len(growths)
    sd = prior * LARGEST_SD * (np.arange(N_GRID) + 0.5) / N_GRID
    total = sd**2 + noise
    log = -0.5 * ((sd / prior) ** 2 + (n - 1) * (np.log(total) + growths.var(ddof=1) / total))
    weights = np.exp(log - log.max())
    chosen = rng.choice(N_GRID, n_draws, p=weights / weights.sum())
    mean = growths.mean() + np.sqrt(total[chosen] / n) * rng.standard_normal(n_draws)
    return np.asarray(years * mean + np.sqrt(years) * sd[chosen] * rng.standard_normal(n_draws))
