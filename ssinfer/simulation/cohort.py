"""Simulates a small cohort with a known true saving: persons in practices, skewed spending, a practice shock."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssinfer.arguments import COUNT, POSITIVE, Number, Several, checked, random_generator
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import DatasetError
from ssinfer.typing import Label


@checked(
    DatasetError,
    n_practices=COUNT,
    persons=Several(COUNT, 2),
    level=POSITIVE,
    sigma=Number(-10, 10),
    persistence=Number(0, 1),
    zeros=Number(0, 1, open="high"),
)
def simulate_cohort(
    n_practices: int = 60,
    persons: tuple[int, int] = (250, 500),
    periods: Sequence[Any] = (2015, 2016, 2017, 2018),
    *,
    treated: Sequence[str] = ("practice 01",),
    start: Label | None = None,
    saving: float = 0.0,
    level: float = 2_000.0,
    growth: float = 0.02,
    shock_sd: float = 0.01,
    sigma: float = 1.0,
    persistence: float = 0.5,
    zeros: float = 0.15,
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> Cohort:
    r"""Simulate persons within practices over years.

    Spending of person i of practice g in year t is zero with probability `zeros`, otherwise lognormal around

    .. math:: \mu_{it} = \mathrm{level} (1 + \mathrm{growth})^{t} \, e^{0.25 (a_i - \bar a) / s_a} (1 + h_{gt})
              (1 - \mathrm{saving}_{gt})

    with age a, a person's log deviation of SD `sigma` and correlation `persistence` between years, and an independent
    practice shock h of SD `shock_sd`. Practices under contract have older insured, so that the groups are not balanced.
    The cohort has the covariates age, female and ses (an index, higher: better off).

    Parameters
    ----------
    n_practices, persons : int, (low, high). Practices, named "practice 01", ..., and the range of persons in each.
    periods, start : sequence of years, year. Years, and the first performance year (default: the last).
    treated, saving : sequence of str, float. Practices under contract, and their true saving from `start` on, a share.
    level, growth : float. Mean spending per insured-year in the first year, and its growth.
    shock_sd, sigma, persistence, zeros, seed : float; int, SeedSequence or Generator

    Examples
    --------
    >>> list(simulate_cohort(20, persons=(50, 60), seed=1).covariates)
    ['age', 'female', 'ses']
    """
    rng = random_generator("simulate_cohort", seed)
    if start not in (None, *periods):
        raise DatasetError(f"start is {start!r}; allowed: one of {list(periods)}.")
    names = np.array([f"practice {number:02d}" for number in range(1, n_practices + 1)], dtype=object)
    sizes = rng.integers(min(persons), max(persons) + 1, n_practices)
    practice = np.repeat(np.arange(n_practices), sizes)
    n, n_periods = len(practice), len(periods)
    under = np.isin(names, list(treated))[practice]
    age = np.clip(rng.normal(45 + 3 * under, 20, n), 0, 100)
    ses = rng.normal(0.0, 1.0, n) - 0.2 * under
    common = rng.standard_normal((n, 1))
    yearly = rng.standard_normal((n, n_periods))
    deviation = sigma * (np.sqrt(persistence) * common + np.sqrt(1 - persistence) * yearly) - sigma**2 / 2
    shock = shock_sd * rng.standard_normal((n_practices, n_periods))
    first = list(periods).index(start) if start is not None else n_periods - 1
    contract = np.zeros((n, n_periods))
    contract[under, first:] = saving
    mean = level * (1 + growth) ** np.arange(n_periods) * np.exp(0.25 * (age - 45) / 20 - 0.25**2 / 2)[:, None]
    spending = mean * (1 + shock[practice]) * (1 - contract) * np.exp(deviation)
    spending *= (rng.random((n, n_periods)) >= zeros) / (1 - zeros)
    return Cohort(
        person=np.arange(n),
        unit=names[practice],
        periods=tuple(periods),
        spending=np.round(spending, 2),
        insured_years=np.ones((n, n_periods)),
        covariates={"age": age, "female": (rng.random(n) < 0.5).astype(float), "ses": ses},
    )
