"""CohortProblem: a design applied to persons, with the treated persons' performance spending removed."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from ssinfer.benchmarks.persons import panel_of
from ssinfer.benchmarks.problem import Problem
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.typing import Booleans, Floats, Positions


@dataclass(frozen=True, eq=False)
class CohortProblem(Problem):
    """A :class:`Problem` with its n persons: those of treated and donor units, insured in any period of the design."""

    cohort: Cohort
    rows: Positions  # (n,): row of each person in the cohort
    unit: Positions  # (n,): row of each person's unit in the panel
    is_treated: Booleans  # (n,)
    before: Floats  # (n, 2): money and insured-years over the baseline
    money: Floats  # (n, P): performance periods; NaN for treated persons (**sealed**)
    years: Floats  # (n, P): insured-years of the performance periods

    @classmethod
    def over(cls, cohort: Cohort, design: Design) -> "CohortProblem":
        """Apply `design` to `cohort`, and to the panel into which the cohort is aggregated."""
        problem = Problem.of(panel_of(cohort), design)
        unit = cohort.unit_rows()
        inside = np.isin(unit, np.concatenate([problem.treated, problem.donors]))
        insured = cohort.insured_years[:, np.union1d(problem.baseline, problem.performance_columns)].sum(axis=1) > 0
        rows = np.flatnonzero(inside & insured)
        is_treated = np.isin(unit[rows], problem.treated)
        spending, years = cohort.spending[rows], cohort.insured_years[rows]
        money = spending[:, problem.performance_columns].copy()
        money[is_treated] = np.nan
        before = np.column_stack([spending[:, problem.baseline].sum(axis=1), years[:, problem.baseline].sum(axis=1)])
        return cls(
            **{field.name: getattr(problem, field.name) for field in fields(Problem)},
            cohort=cohort,
            rows=rows,
            unit=unit[rows],
            is_treated=is_treated,
            before=before,
            money=money,
            years=years[:, problem.performance_columns],
        )

    def on_baseline(self) -> Self:
        """Return the problem with the baseline periods in the place of the performance periods, sealed alike."""
        money, years = (
            part[np.ix_(self.rows, self.baseline)] for part in (self.cohort.spending, self.cohort.insured_years)
        )
        return replace(super().on_baseline(), money=np.where(self.is_treated[:, None], np.nan, money), years=years)
