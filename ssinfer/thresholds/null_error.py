"""Null errors E0 = Bbar - B: the measured savings of a group whose true saving is zero."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import RefusalError
from ssinfer.kernels.quantiles import sorted_quantiles
from ssinfer.typing import Floats

DRAWS_BEYOND = 20  # draws beyond a quantile: its rate of exceedance then has a relative error of about 22%
BATCHES = 20  # of successive draws


def null_error_of(cf: Counterfactual) -> Floats:
    """Return draws (S,) of E0 from the posterior if there is one, else from the sampling distribution."""
    return cf.null_error("credible" if cf.uncertainty == "posterior" else "confidence")


def draws_needed(share: float) -> int:
    """Return the smallest number of draws of which 20 lie beyond a quantile: 400 for 95%, 800 for 97.5%."""
    return ceil(DRAWS_BEYOND / min(share, 1 - share) - 1e-6)


def check_draws(draws: Floats, share: float) -> Floats:
    """Return the draws (S,); too few for a quantile are refused."""
    needed = draws_needed(share)
    if len(draws) < needed:
        raise RefusalError(
            f"A {100 * share:g}% quantile needs {needed:,} draws, of which {DRAWS_BEYOND} lie beyond it; there "
            f"are {len(draws):,}. Fit with more draws, or lower the level."
        )
    return draws


def quantile_of(draws: Floats, share: float) -> float:
    """Return a quantile of draws (S,); too few draws are refused."""
    return float(np.quantile(check_draws(draws, share), share))


def quantile_mcse(draws: Floats, share: float) -> float:
    """Return the Monte Carlo standard error of a quantile of draws (S,), measured from their mean."""
    step = 2 * np.sqrt(share * (1 - share) / len(draws))
    low, quantile, high = np.quantile(draws, [share - step, share, share + step])
    return _batch_error((draws > quantile) * (high - low) / (2 * step) - draws)


def spread_mcse(draws: Floats) -> float:
    """Return the Monte Carlo standard error of the SD of draws (S,)."""
    return _batch_error((draws - draws.mean()) ** 2) / (2 * float(draws.std()))


def _batch_error(influence: Floats) -> float:
    """Return the error of the mean influence of a draw (S,); batches of successive draws allow for dependence."""
    means = [batch.mean() for batch in np.array_split(influence, BATCHES)]
    return float(np.std(means, ddof=1) / np.sqrt(BATCHES))


def quantiles_by_fit(draws: Sequence[Floats | None], shares: Sequence[float]) -> Floats:
    """Return quantiles (fits, shares) of each fit's draws (S,); NaN where a fit has too few."""
    out, needed = np.full((len(draws), len(shares)), np.nan), np.array([draws_needed(share) for share in shares])
    for row, values in enumerate(draws):
        if values is not None and len(shares):
            enough = needed <= len(values)
            out[row, enough] = sorted_quantiles(np.sort(values, kind="stable"), np.asarray(shares)[enough])
    return out
