"""Simulated persons in practices: confounded, with skewed spending, shocks of practices and regions, a known saving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.errors import DatasetError

if TYPE_CHECKING:
    from ssinfer.typing import Floats


BASELINE = (2017, 2018)
REGIONS = ("north", "east", "south", "west", "centre", "coast", "islands", "hills")


@dataclass(frozen=True, eq=False)
class SimulatedMatching:
    """A cohort with a known saving.

    Attributes
    ----------
    cohort : Cohort
    design : Design
        The treated practices, baseline 2017-2018 and the performance periods.
    without : array (treated unit, performance period)
        Mean spending per insured-year that would have been observed without the contract.
    saving : float
        True saving as a share of `without`.
    """

    cohort: Cohort
    design: Design
    without: Floats
    saving: float


def simulate_matching(
    n_persons: int = 5_000,
    *,
    n_treated: int = 5,
    n_practices: int = 100,
    share_treated: float = 0.2,
    n_performance: int = 1,
    saving: float = 0.0,
    practice_shock: float = 0.01,
    region_shock: float = 0.005,
    growth: float = 0.03,
    confounding: float = 0.5,
    sigma: float = 1.2,
    zeros: float = 0.15,
    entrants: float = 0.0,
    seed: int,
) -> SimulatedMatching:
    r"""Simulate spending per person and year.

    .. math::

        y_{it} = Z_{it} \, \mu_i \, (1 + g)^t (1 + u_{p(i)t})(1 + c_{r(i)t}) \, e_{it}, \quad
        \mu_i \propto \exp(0.025 \, \text{age} + 0.1 \, \text{SES}) f_i

    with Z zero with probability `zeros` (lower for the frail), frailty f lognormal (SD 0.7 of the logarithm), e
    lognormal with `sigma`, both with mean one, and shocks of practices and regions that start after the baseline.

    Parameters
    ----------
    n_persons : int
        Persons of the treated practices together.
    n_treated, n_practices : int
        Treated practices, and practices in all.
    share_treated : float
        Persons of treated practices as a share of all.
    n_performance : int
        Performance years, from 2019.
    saving : float
        True saving as a share of spending in the performance years.
    practice_shock, region_shock : float
        SDs, as shares of spending.
    growth : float
        Per year.
    confounding : float
        How much older (in SDs) persons of treated practices are.
    sigma : float
        SD of the logarithm of positive spending.
    zeros : float
        Share of person-years without spending.
    entrants : float
        Share of persons insured from 2019 only.
    seed : int

    Returns
    -------
    SimulatedMatching

    Examples
    --------
    >>> simulated = simulate_matching(200, n_practices=30, saving=0.05, seed=1)
    >>> simulated.cohort
    Cohort: 1,000 persons in 30 units x 3 periods (2017 to 2019), 3,000 insured-years, covariates age, sex, ses
    """
    if not 0 < share_treated < 1 or not 0 < n_treated < n_practices:
        raise DatasetError(
            f"share_treated={share_treated}, n_treated={n_treated}, n_practices={n_practices}: some "
            "practices and persons must be treated and some not."
        )
    rng = np.random.default_rng(seed)
    n = round(n_persons / share_treated)
    treated = np.arange(n) < n_persons
    practice = np.where(
        treated, np.arange(n) % n_treated, n_treated + (np.arange(n) - n_persons) % (n_practices - n_treated)
    )
    region = np.where(practice < n_treated, 0, practice % len(REGIONS))
    ses = rng.integers(0, 3, n)
    age = np.clip(rng.normal(45 + 18 * confounding * treated, 18, n), 0, 95)
    sex = rng.integers(0, 2, n)
    frailty = np.exp(0.7 * rng.standard_normal(n) - 0.7**2 / 2)
    mean = 900 * np.exp(0.025 * (age - 45) + 0.1 * ses) * frailty
    periods = (*BASELINE, *range(2019, 2019 + n_performance))
    n_periods = len(periods)
    shock = np.ones((n_practices, n_periods))
    common = np.ones((len(REGIONS), n_periods))
    # A shock starts with the performance period and persists with autocorrelation 0.7.
    for table, sd in ((shock, practice_shock), (common, region_shock)):
        state = rng.standard_normal(len(table))
        for column in range(len(BASELINE), n_periods):
            table[:, column] += sd * state
            state = 0.7 * state + np.sqrt(1 - 0.7**2) * rng.standard_normal(len(table))
    chance = np.clip(1 - zeros / np.sqrt(frailty), 0.02, 1.0)[:, None]
    spent = rng.random((n, n_periods)) < chance
    amount = np.exp(sigma * rng.standard_normal((n, n_periods)) - sigma**2 / 2)
    trend = (1 + growth) ** np.arange(n_periods)
    money = spent / chance * amount * mean[:, None] * trend * shock[practice] * common[region]
    years = np.ones((n, n_periods))
    late = rng.random(n) < entrants
    years[late, : len(BASELINE)] = 0.0
    money[late, : len(BASELINE)] = 0.0
    labels = np.array([f"p{number:04d}" for number in range(n_practices)], dtype=object)

    def cohort_of(spending: Floats) -> Cohort:
        covariates: dict[str, Any] = {
            "age": age,
            "sex": np.array(["F", "M"], dtype=object)[sex],
            "ses": np.array(["high", "middle", "low"], dtype=object)[ses],
        }
        regions = np.array(REGIONS, dtype=object)[region]
        return Cohort(np.arange(n), labels[practice], periods, spending, years, regions, covariates)

    after = slice(len(BASELINE), n_periods)
    design = Design(labels[:n_treated].tolist(), baseline=BASELINE, performance=periods[after])
    sums = [
        np.stack([np.bincount(practice[treated], weights=column, minlength=n_treated) for column in part[treated].T], 1)
        for part in (money[:, after], years[:, after])
    ]
    saved = money.copy()
    saved[treated, after] *= 1 - saving
    return SimulatedMatching(cohort_of(saved), design, sums[0] / sums[1], saving)
