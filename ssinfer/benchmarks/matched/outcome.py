"""Outcome: spending of persons after adjustment for covariates or prior spending."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.lines import Lines
from ssinfer.benchmarks.matched.scores.outcome_models import OutcomeModel, fit_outcome
from ssinfer.typing import Floats

Adjustment = Literal["did", "doubly robust", "lagged"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Spending of persons after adjustment. Column 0 is the baseline, columns 1 to P are the performance periods."""

    money: Floats  # (n, P + 1): residual money. The treated persons' performance money is 0 and never used.
    years: Floats  # (n, P + 1): insured-years
    offset: Floats  # (I, P): benchmark = offset + the controls' ratio in t - their ratio in the baseline


def adjusted_outcome(
    problem: CohortProblem, lines: Lines, covariates: Floats, adjustment: Adjustment, model: OutcomeModel
) -> Outcome:
    r"""Adjust the controls' spending.

    ==============  ==============================================================================
    did             nothing is adjusted; offset: baseline mean of the treated unit :math:`Y_{ib}`
    doubly robust   residuals of :math:`\mu_t(x), \mu_b(x)`; offset: :math:`Y_{ib} + \bar\mu_{it} - \bar\mu_{ib}`
    lagged          residuals of :math:`\mu_t(x, y_b)`; offset :math:`\bar\mu_{it}`; no baseline is subtracted
    ==============  ==============================================================================

    :math:`\mu` is fitted on the controls in the comparison, weighted by matching weight and insured-years. Bars are
    means over all persons of the treated unit, weighted by insured-years. `covariates` (n, p) have no intercept;
    those of "lagged" have terms of prior spending.
    """
    n, n_periods = problem.years.shape
    money = np.column_stack([problem.before[:, 0], np.where(np.isnan(problem.money), 0.0, problem.money)])
    years = np.column_stack([problem.before[:, 1], problem.years])
    persons = [np.flatnonzero(problem.is_treated & (problem.unit == unit)) for unit in problem.treated]
    sums = np.array([problem.before[rows].sum(axis=0) for rows in persons])
    offset = np.repeat(sums[:, :1] / sums[:, 1:], n_periods, axis=1)
    if adjustment == "did":
        return Outcome(money, years, offset)
    X = np.column_stack([np.ones(n), covariates])
    if adjustment == "lagged":
        offset = np.zeros_like(offset)
        money[:, 0] = 0.0
    X = np.column_stack([X[:, 0], X[:, 1:][:, (X[:, 1:] != X[0, 1:]).any(axis=0)]])  # a log link allows no constants
    weight = np.bincount(lines.rows[lines.person], weights=lines.weight, minlength=n)
    for column in range(0 if adjustment == "doubly robust" else 1, n_periods + 1):
        w = weight * years[:, column]
        rate = np.divide(money[:, column], years[:, column], out=np.zeros(n), where=years[:, column] > 0)
        mu = fit_outcome(rate, X, w, model)(X)
        predicted = mu * years[:, column]
        means = np.array([predicted[rows].sum() / years[rows, column].sum() for rows in persons])
        if column == 0:
            offset -= means[:, None]
        else:
            offset[:, column - 1] += means
        money[:, column] -= predicted
    money[problem.is_treated, 1:] = 0.0
    return Outcome(money, years, offset)
