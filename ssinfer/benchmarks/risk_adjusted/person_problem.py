"""PersonProblem: a problem with the cohort from which its panel was aggregated."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd

from ssinfer.benchmarks.persons import panel_of
from ssinfer.benchmarks.problem import Problem
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.kernels.groups import group_sums
from ssinfer.typing import Booleans, Integers


@dataclass(frozen=True, eq=False)
class PersonProblem(Problem):
    """A :class:`Problem` and its persons. Whoever reads the cohort leaves out the treated units' performance money."""

    cohort: Cohort

    @classmethod
    def over(cls, cohort: Cohort, design: Design) -> "PersonProblem":
        """Apply `design` to `cohort`, and to the panel into which the cohort is aggregated."""
        problem = Problem.of(panel_of(cohort), design)
        return cls(**{field.name: getattr(problem, field.name) for field in fields(Problem)}, cohort=cohort)

    @cached_property
    def donor_units(self) -> Booleans:
        """Whether each unit (C,) is a donor with persons in the performance period."""
        units = np.zeros(len(self.cohort.units), dtype=bool)
        years = group_sums(self.cohort.unit_rows(), self.cohort.insured_years[:, self.performance_columns], len(units))
        units[self.donors] = years.sum(axis=1)[self.donors] > 0
        return units

    @property
    def regions(self) -> Integers | None:
        """Number of each unit's region (C,); None if not known."""
        labels = self.cohort.unit_regions()
        return None if labels is None else np.asarray(pd.factorize(labels, sort=True)[0], dtype=np.int64)

    def moved(self) -> Booleans:
        """Return whether each row (n,) is of a person who was with a treated unit in a performance period."""
        cohort = self.cohort
        persons, _ = pd.factorize(cohort.person)
        treated = np.isin(cohort.unit_rows(), self.treated)
        with_unit = treated & (cohort.insured_years[:, self.performance_columns].sum(axis=1) > 0)
        marked = np.zeros(int(persons.max()) + 1, dtype=bool)
        marked[persons[with_unit]] = True
        return np.asarray(marked[persons] & ~treated)
