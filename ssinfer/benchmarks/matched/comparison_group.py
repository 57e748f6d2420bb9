"""Comparison: who is compared with whom, and what they spent; all that is fixed before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
    from ssinfer.benchmarks.matched.growth import Growth, Lines, Outcome
    from ssinfer.benchmarks.matched.scores.match import Match
    from ssinfer.benchmarks.matched.shocks import Shocks
    from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class Comparison:
    """A comparison of treated persons with others. n persons, I treated units, P performance periods.

    Attributes
    ----------
    problem : CohortProblem
    columns : mapping of str to (n,)
        Covariates of the score.
    matrix : (n, p)
        The same, of the outcome models.
    distance : (n,)
        The scale that was matched on.
    match : Match or None
        None where weights stand in its place.
    weights : (n,)
    table : pandas.DataFrame
        Balance before and after.
    lines, outcome, growth, shocks
        See :mod:`~ssinfer.benchmarks.matched.growth` and :mod:`~ssinfer.benchmarks.matched.shocks`.
    """

    problem: CohortProblem
    columns: dict[str, Floats]
    matrix: Floats
    distance: Floats
    match: Match | None
    weights: Floats
    table: pd.DataFrame
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
    def own_noise(self) -> tuple[Floats, Floats]:
        """Covariance (P, P) and skewness (P,) of one treated person's growth, learned from the matched controls."""
        return self.growth.pooled_covariance(self.lines)
