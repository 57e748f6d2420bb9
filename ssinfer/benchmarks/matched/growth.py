"""Growth of the controls' spending, and of practices without a contract: estimates and influence of each person."""

from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.lines import Lines, numbered
from ssinfer.benchmarks.matched.outcome import Outcome
from ssinfer.errors import RefusalError
from ssinfer.kernels.groups import group_sums
from ssinfer.typing import Floats, Integers, Positions


@dataclass(frozen=True, eq=False)
class Growth:
    """Ratios of comparison groups, and the influence psi of each line: growth - its expectation = sum w psi / sum w."""

    ratios: Floats  # (G, P + 1): money per insured-year in the baseline and in each performance period
    influence: Floats  # (m, P): psi, per person
    total: Floats  # (G,): sum of weights

    @property
    def growth(self) -> Floats:
        """Ratio in the performance period minus ratio in the baseline (G, P)."""
        return self.ratios[:, 1:] - self.ratios[:, :1]


def measure_growth(problem: CohortProblem, lines: Lines, outcome: Outcome) -> Growth:
    """Return ratios of the comparison groups and their influence."""
    money, years = outcome.money[lines.rows][lines.person], outcome.years[lines.rows][lines.person]
    total = np.bincount(lines.group, weights=lines.weight, minlength=lines.n_groups)
    ratios, influence, insured = _ratios_and_influence(lines.group, money, years, total, lines.weight)
    empty = insured <= 0
    # Lagged outcomes have no baseline ratio: the money in column 0 is zero, and so is its ratio.
    empty[:, 0] &= outcome.money[:, 0].any()
    if empty.any():
        group, column = np.argwhere(empty)[0]
        unit = problem.labels(problem.treated)[int(np.flatnonzero(lines.group_of == group)[0])]
        when = "the baseline" if column == 0 else repr(problem.periods(problem.performance_columns)[column - 1])
        raise RefusalError(f"No matched control of {unit!r} was insured in {when}. Widen caliper or comparison group.")
    return Growth(ratios, influence, total)


def _ratios_and_influence(
    group: Integers, money: Floats, years: Floats, total: Floats, weight: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return ratios (G, P + 1), influence on growth (m, P) and insured-years of groups with `total` (G,) persons."""
    above, below = (group_sums(group, values, len(total), weight) for values in (money, years))
    ratios = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    mean_years = np.where(below > 0, below, 1.0) / total[:, None]
    deviation = (money - ratios[group] * years) / mean_years[group]
    return ratios, deviation[:, 1:] - deviation[:, :1], below


def placebo_growth(problem: CohortProblem, outcome: Outcome) -> tuple[Floats, Floats, Positions]:
    """Return the adjusted growth of practices without a contract (G', P), its covariance, and their donor numbers."""
    controls = np.flatnonzero(~problem.is_treated)
    donor, n_donors = numbered(problem, problem.donors)[problem.unit[controls]], len(problem.donors)
    money, years = outcome.money[controls], outcome.years[controls]
    size = np.bincount(donor, minlength=n_donors).astype(np.float64)
    ratios, influence, insured = _ratios_and_influence(donor, money, years, np.maximum(size, 1.0))
    needed = insured if outcome.money[:, 0].any() else insured[:, 1:]
    usable = (needed > 0).all(axis=1) & (size >= 2)
    influence = influence[usable[donor]]  # pooled over practices
    covariance = influence.T @ influence / max(len(influence) - int(usable.sum()), 1)
    growth = (ratios[:, 1:] - ratios[:, :1])[usable]
    return growth, covariance / size[usable, None, None], np.flatnonzero(usable)
