"""Contracts simulated year by year, or look by look, from a scenario: the formulas' independent check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.errors import RefusalError
from ssinfer.kernels.error_components import shock_contrast

if TYPE_CHECKING:
    from ssinfer.thresholds.planning.scenario import Scenario
    from ssinfer.typing import Floats


DRAWS = 100_000


def simulate_payments(
    scenario: Scenario, saving: float, rng: np.random.Generator, contracts: int = DRAWS
) -> tuple[float, float]:
    """Return the share of simulated contracts that is paid, and the mean bonus as a share of the benchmark."""
    return payments_of(scenario, simulate_errors(scenario, rng, contracts) + saving)


def simulate_errors(scenario: Scenario, rng: np.random.Generator, contracts: int = DRAWS) -> Floats:
    """Return measured rates (contracts,) of contracts that saved nothing, each simulated year by year.

    Every year of baseline and performance has sampling noise of its own, and an AR(1) shock of the group; the measured
    rate is the weighted baseline less the mean performance, plus the bias.
    """
    weights = scenario.weights
    times = np.arange(len(weights) + scenario.years)
    contrast = np.concatenate([weights, np.full(scenario.years, -1 / scenario.years)])
    noise = scenario.k / np.sqrt(scenario.insured * (1 + weights @ weights))
    spending = noise * rng.standard_normal((contracts, len(times)))
    if scenario.shock_sd > 0:
        correlation = scenario.persistence ** np.abs(times[:, None] - times[None, :])
        first = np.concatenate([weights, [-1.0]])  # `shock_sd` is that of the first performance year's error
        one = first @ correlation[: len(first), : len(first)] @ first
        path = rng.standard_normal(spending.shape) @ np.linalg.cholesky(correlation).T
        spending += scenario.shock_sd / np.sqrt(one) * path
    return np.asarray(spending @ contrast + scenario.bias)


def payments_of(scenario: Scenario, measured: Floats) -> tuple[float, float]:
    """Return the share paid among measured rates, and the mean bonus as a share of the benchmark."""
    gate = scenario.threshold
    paid = measured >= gate
    base = measured if scenario.sharing == "first_dollar" else measured - gate
    return float(paid.mean()), float(scenario.share * np.where(paid, np.maximum(base, 0.0), 0.0).mean())


def simulate_looks(
    scenario: Scenario, rng: np.random.Generator, looks: int = 4, contracts: int = DRAWS, saving: float = 0.0
) -> pd.DataFrame:
    """Return what happens when a contract is looked at several times a year, and paid at the first look that passes.

    After each look the measured rate averages the periods so far; each look's gate is the nominal one for its
    own error (sampling noise of a part of a year is larger by sqrt(J), baseline noise and the shock stay).

    Parameters
    ----------
    scenario : Scenario
        Its gate's level and side are each look's nominal ones; a fixed or scheduled gate stays as it is.
    looks : int
        Looks per year (4: quarterly), over `scenario.years` years.

    Returns
    -------
    pandas.DataFrame
        look, paid_at_look (at this look on its own), paid_by_look (at this or an earlier look): at a true saving of
        zero the last one is the overall false-payment rate.

    Examples
    --------
    >>> from ssinfer.thresholds.planning.scenario import Scenario
    >>> found = simulate_looks(Scenario(insured=20_000, k=3.3, shock_sd=0.0125), np.random.default_rng(1))
    >>> found["paid_at_look"].round(2).tolist(), bool(found["paid_by_look"].iloc[-1] > 0.07)
    ([0.05, 0.05, 0.05, 0.05], True)
    """
    if looks < 1:
        raise RefusalError(f"looks is {looks}; at least one look a year is needed.")
    total = looks * scenario.years
    weights, spread = scenario.weights, scenario.spread
    unit = scenario.k**2 / scenario.insured / (1 + spread)
    times = np.arange(total)
    rho = scenario.persistence ** (1 / looks)
    # a year's baseline is looks periods: the shock of a baseline year is their mean
    n_baseline = len(weights) * looks
    fine = np.repeat(weights / looks, looks)
    shock = shock_contrast(rho, fine, np.arange(n_baseline, dtype=float), n_baseline + times.astype(float))
    first_year = shock[:looks, :looks].mean()
    cov = scenario.shock_sd**2 * shock / first_year + unit * spread + np.eye(total) * unit * looks
    averaging = np.tril(np.ones((total, total))) / (times[:, None] + 1)
    pooled = averaging @ cov @ averaging.T
    draws = rng.standard_normal((contracts, total)) @ np.linalg.cholesky(pooled + 1e-18 * np.eye(total)).T
    se = np.sqrt(np.diag(pooled))
    if scenario.gate in ("confidence", "credible"):
        sampling = np.sqrt(unit * spread + unit * looks / (times + 1))
        believed = se if scenario.believed_shock else sampling
        gates = np.array([scenario.gate_of(float(one)) for one in believed])
    else:
        gates = np.full(total, scenario.threshold)
    paid = draws + saving + scenario.bias >= gates
    ever = np.logical_or.accumulate(paid, axis=1)
    return pd.DataFrame({"look": times + 1, "paid_at_look": paid.mean(axis=0), "paid_by_look": ever.mean(axis=0)})
