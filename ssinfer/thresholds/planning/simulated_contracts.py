"""Contracts simulated year by year or look by look: an independent check of the formulas of a scenario."""

import numpy as np
import pandas as pd

from ssinfer.arguments import COUNT, Number, checked
from ssinfer.kernels.error_components import shock_contrast
from ssinfer.thresholds.planning.scenario import Scenario
from ssinfer.typing import Floats

N_CONTRACTS = 100_000


def simulate_errors(scenario: Scenario, rng: np.random.Generator, contracts: int = N_CONTRACTS) -> Floats:
    """Return measured rates (contracts,) of contracts without a saving: yearly noise, an AR(1) shock, and the bias."""
    weights = scenario.weights
    times = np.arange(len(weights) + scenario.years)
    contrast = np.concatenate([weights, np.full(scenario.years, -1 / scenario.years)])
    noise = scenario.k / np.sqrt(scenario.insured * (1 + weights @ weights))
    spending = noise * rng.standard_normal((contracts, len(times)))
    if scenario.shock_sd > 0:
        correlation = scenario.persistence ** np.abs(times[:, None] - times[None, :])
        first_year = np.concatenate([weights, [-1.0]])  # `shock_sd` is the SD in the contrast of this year
        variance = first_year @ correlation[: len(first_year), : len(first_year)] @ first_year
        path = rng.standard_normal(spending.shape) @ np.linalg.cholesky(correlation).T
        spending += scenario.shock_sd / np.sqrt(variance) * path
    return np.asarray(spending @ contrast + scenario.bias)


def payments_of(scenario: Scenario, measured: Floats) -> tuple[float, float]:
    """Return the share paid among measured rates, and the mean bonus as a share of the benchmark."""
    threshold = scenario.threshold
    paid = measured >= threshold
    base = measured if scenario.sharing == "first_dollar" else measured - threshold
    return float(paid.mean()), float(scenario.share * np.where(paid, np.maximum(base, 0.0), 0.0).mean())


@checked(looks=Number(1, 366, whole=True), contracts=COUNT)
def simulate_looks(
    scenario: Scenario, rng: np.random.Generator, looks: int = 4, contracts: int = N_CONTRACTS, saving: float = 0.0
) -> pd.DataFrame:
    """Return the payments of a contract with several interim analyses per year, paid at the first that passes.

    After each look the measured rate averages the periods so far. The threshold of a look is the nominal one for the
    error of that look: sampling noise of a part of a year is larger by sqrt(looks), baseline noise and shock stay.

    Parameters
    ----------
    scenario : Scenario whose level and side are nominal at each look; a fixed or scheduled threshold stays as it is
    rng : random generator
    looks, contracts : looks per year (4: quarterly), over `scenario.years` years; number of simulated contracts
    saving : true savings rate, a fraction of the benchmark

    Returns
    -------
    pandas.DataFrame
        look, paid_at_look (share paid at this look alone), paid_by_look (share paid at this or an earlier look). At a
        true saving of zero the last value is the overall false-payment rate.

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> scenario = ss.Scenario(insured=20_000, k=3.3, shock_sd=0.0125)
    >>> table = simulate_looks(scenario, np.random.default_rng(1))
    >>> table["paid_at_look"].round(2).tolist(), bool(table["paid_by_look"].iloc[-1] > 0.07)
    ([0.05, 0.05, 0.05, 0.05], True)
    """
    total = looks * scenario.years
    weights, spread = scenario.weights, scenario.spread
    unit = scenario.k**2 / scenario.insured / (1 + spread)
    times = np.arange(total)
    rho = scenario.persistence ** (1 / looks)
    n_baseline = len(weights) * looks  # a baseline year's shock is the mean over its periods
    fine = np.repeat(weights / looks, looks)
    shock = shock_contrast(rho, fine, np.arange(n_baseline, dtype=float), n_baseline + times.astype(float))
    first_year = shock[:looks, :looks].mean()
    cov = scenario.shock_sd**2 * shock / first_year + unit * spread + np.eye(total) * unit * looks
    averaging = np.tril(np.ones((total, total))) / (times[:, None] + 1)
    pooled = averaging @ cov @ averaging.T
    draws = rng.standard_normal((contracts, total)) @ np.linalg.cholesky(pooled + 1e-18 * np.eye(total)).T
    sampling_error = np.sqrt(unit * spread + unit * looks / (times + 1))
    assumed = np.sqrt(np.diag(pooled)) if scenario.believed_shock else sampling_error
    thresholds = np.array([scenario.threshold_at(float(error)) for error in assumed])
    paid = draws + saving + scenario.bias >= thresholds
    ever = np.logical_or.accumulate(paid, axis=1)
    return pd.DataFrame({"look": times + 1, "paid_at_look": paid.mean(axis=0), "paid_by_look": ever.mean(axis=0)})
