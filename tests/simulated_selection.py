"""Simulated persons of whom some are chosen for treated practices by prior spending, or by their lasting level."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.errors import DatasetError

Selection = Literal["prior spending", "lasting level"]


class SimulatedSelection(NamedTuple):
    """A cohort without any saving, its design, and the treated persons' mean spending in the performance year."""

    cohort: Cohort
    design: Design
    truth: float


def simulate_selection(
    selection: Selection,
    n_persons: int = 12_000,
    *,
    n_treated: int = 12,
    n_practices: int = 60,
    lasting: float = 0.6,
    passing: float = 0.8,
    strength: float = 1.0,
    seed: int,
) -> SimulatedSelection:
    r"""Simulate two years of spending in which treated persons were chosen in one of two ways.

    .. math:: \log(y_{it} / 1000) = m_i + e_{it}, \quad m_i \sim N(0, \sigma_m^2), \; e_{it} \sim N(0, \sigma_e^2)

    and P(treated) the logistic function of -2.2 plus `strength` times :math:`\log(y_{i,2018} / 1000)`
    ("prior spending") or :math:`m_i` ("lasting level", which no covariate holds). Age is unrelated to both.

    Under "prior spending" the treated return to their own mean and trends are not parallel: adjustment for prior
    spending is right. Under "lasting level" trends are parallel, and controls matched on prior spending return to
    theirs: any adjustment for prior spending is wrong.

    Parameters
    ----------
    selection : "prior spending" or "lasting level"
    n_persons : int
    n_treated, n_practices : int
        Practices over which treated persons are spread evenly at random, and practices in all.
    lasting, passing : float
        SDs of m and e.
    strength : float
    seed : int

    References
    ----------
    Daw, J. R. and Hatfield, L. A. (2018). Matching and regression to the mean in difference-in-differences analysis.
    Health Services Research 53, 4138-4156. doi:10.1111/1475-6773.12993

    Examples
    --------
    >>> simulated = simulate_selection("prior spending", 2_000, seed=1)
    >>> simulated.cohort
    Cohort: 2,000 persons in 60 units x 2 periods (2018 to 2019), 4,000 insured-years, covariates age
    """
    if selection not in ("prior spending", "lasting level"):
        raise DatasetError(f"selection is {selection!r}; allowed: 'prior spending', 'lasting level'.")
    rng = np.random.default_rng(seed)
    level = lasting * rng.standard_normal(n_persons)
    log_spending = level[:, None] + passing * rng.standard_normal((n_persons, 2))
    reason = log_spending[:, 0] if selection == "prior spending" else level
    treated = rng.random(n_persons) < 1 / (1 + np.exp(2.2 - strength * reason))
    practice = np.where(treated, rng.integers(0, n_treated, n_persons), rng.integers(n_treated, n_practices, n_persons))
    labels = np.array([f"p{number:03d}" for number in range(n_practices)], dtype=object)
    spending = 1000 * np.exp(log_spending)
    cohort = Cohort(
        np.arange(n_persons),
        labels[practice],
        (2018, 2019),
        spending,
        np.ones((n_persons, 2)),
        covariates={"age": rng.normal(50, 15, n_persons)},
    )
    design = Design(labels[:n_treated].tolist(), baseline=[2018], performance=[2019])
    return SimulatedSelection(cohort, design, float(spending[treated, 1].mean()))
