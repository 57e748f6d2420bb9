"""ComparisonGroup: the comparison of treated persons with others, and its lines of controls."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.growth import Growth
from ssinfer.benchmarks.matched.lines import Lines
from ssinfer.benchmarks.matched.outcome import Outcome
from ssinfer.benchmarks.matched.scores.match import Match
from ssinfer.benchmarks.matched.shocks import Shocks
from ssinfer.check import Check
from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class ComparisonGroup:
    """A comparison of treated persons with others: n persons, I treated units, P performance periods."""

    problem: CohortProblem
    columns: dict[str, Floats]  # covariates of the score (n,)
    adjusted: dict[str, Floats]  # covariates of the outcome model (n,)
    distance: Floats  # (n,): score or logit, the scale of matching
    match: Match | None  # None if persons are weighted
    weights: Floats  # (n,): after adjustment
    balance: pd.DataFrame  # before and after adjustment
    limits: dict[str, Check]  # verdicts on balance, by the name of the limit
    checks: tuple[Check, ...]  # known before any effect
    lines: Lines
    outcome: Outcome
    growth: Growth
    shocks: Shocks

    @cached_property
    def persons(self) -> Floats:
        """Number of persons in each treated unit (I,)."""
        size = np.bincount(self.problem.unit, minlength=len(self.problem.panel.units))
        return size[self.problem.treated].astype(np.float64)

    @cached_property
    def person_noise(self) -> tuple[Floats, Floats]:
        """Covariance (P, P) and skewness (P,) of one treated person's growth, learned from the matched controls."""
        influence, weight = self.growth.influence, self.lines.weight / self.lines.weight.sum()
        covariance = (influence * weight[:, None]).T @ influence
        sd = np.sqrt(np.diag(covariance))
        return covariance, np.divide(weight @ influence**3, sd**3, out=np.zeros(len(sd)), where=sd > 0)

    @property
    def noise_of_units(self) -> tuple[Floats, Floats]:
        """Covariance (I, P, P) and skewness (I, P) of the means of the treated units' persons."""
        covariance, skewness = self.person_noise
        return covariance / self.persons[:, None, None], skewness / np.sqrt(self.persons)[:, None]
