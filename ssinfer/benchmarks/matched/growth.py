"""What the matched controls say of growth: lines, outcomes after adjustment, ratios, influence, shares of practices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.benchmarks.matched.scores.outcome_models import OutcomeModel, fit_outcome
from ssinfer.errors import RefusalError
from ssinfer.kernels.groups import group_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
    from ssinfer.benchmarks.matched.scores.match import Match
    from ssinfer.typing import Floats

    Codes = NDArray[np.int64]

Adjustment = Literal["did", "doubly robust", "lagged"]
ADJUSTMENTS: tuple[Adjustment, ...] = ("did", "doubly robust", "lagged")


@dataclass(frozen=True, eq=False)
class Lines:
    """Controls in the comparison, a line per pair (matching) or per control (weighting). m lines, J' controls.

    Attributes
    ----------
    person : (m,) number of the control, 0 ... J' - 1
    rows : (J',) its row in the problem
    group : (m,) treated unit that the line serves, 0 when all share one comparison group
    weight : (m,)
    cluster : (m,) matched set, or the control itself where sets overlap or do not exist
    group_of : (I,) group of each treated unit
    """

    person: Codes
    rows: Codes
    group: Codes
    weight: Floats
    cluster: Codes
    group_of: Codes

    @property
    def n_groups(self) -> int:
        """Number of comparison groups."""
        return int(self.group_of.max()) + 1


def matched_lines(problem: CohortProblem, match: Match, *, replace: bool) -> Lines:
    """Return a line per pair, grouped by the treated person's unit; a unit without matches is refused."""
    place = np.full(len(problem.panel.units), -1, dtype=np.int64)
    place[problem.treated] = np.arange(len(problem.treated))
    group = place[problem.unit[match.treated]]
    absent = np.setdiff1d(np.arange(len(problem.treated)), group)
    if len(absent):
        label = problem.labels(problem.treated[absent])[0]
        raise RefusalError(
            f"No person of {label!r} is matched ({len(absent)} such treated units): its benchmark would rest on "
            "nobody. Widen the caliper or the comparison group, or take the unit out of the design."
        )
    rows, person = np.unique(match.control, return_inverse=True)
    cluster = match.control if replace else match.treated
    return Lines(person, rows, group, match.pair_weights, cluster, np.arange(len(problem.treated)))


def weighted_lines(problem: CohortProblem, weights: Floats) -> Lines:
    """Return a line per control, one comparison group for all treated units."""
    rows = np.flatnonzero(~problem.is_treated & (weights > 0))
    person = np.arange(len(rows))
    return Lines(person, rows, np.zeros_like(person), weights[rows], rows, np.zeros(len(problem.treated), np.int64))


@dataclass(frozen=True, eq=False)
class Outcome:
    """Spending of persons left after adjustment, and what the adjustment predicts for the treated.

    Column 0 is the baseline, columns 1 ... P the performance periods.

    Attributes
    ----------
    money, years : (n, P + 1)
        Residual money and insured-years; the treated persons' performance money is 0 and never used.
    offset : (I, P)
        Benchmark = offset + ratio of the controls in t - ratio of the controls in the baseline.
    """

    money: Floats
    years: Floats
    offset: Floats


def adjusted_outcome(
    problem: CohortProblem, lines: Lines, covariates: Floats, adjustment: Adjustment, model: OutcomeModel
) -> Outcome:
    r"""Adjust the controls' spending.

    ==============  ==============================================================================
    did             nothing is adjusted; offset: own baseline :math:`Y_{ib}`
    doubly robust   residuals of :math:`\mu_t(x), \mu_b(x)`; offset: :math:`Y_{ib} + \bar\mu_{it} - \bar\mu_{ib}`
    lagged          residuals of :math:`\mu_t(x, y_b)`; offset :math:`\bar\mu_{it}`; no baseline is subtracted
    ==============  ==============================================================================

    :math:`\mu` is fitted on the controls in the comparison, weighted by matching weight and insured-years; bars are
    means over all persons of the treated unit, weighted by insured-years.
    """
    n, n_periods = problem.years.shape
    money = np.column_stack([problem.before[:, 0], np.where(np.isnan(problem.money), 0.0, problem.money)])
    years = np.column_stack([problem.before[:, 1], problem.years])
    weight = np.bincount(lines.rows[lines.person], weights=lines.weight, minlength=n)
    units = [np.flatnonzero(problem.is_treated & (problem.unit == unit)) for unit in problem.treated]
    own = np.array([_ratio(problem.before[rows].sum(axis=0)) for rows in units])
    if adjustment == "did":
        return Outcome(money, years, np.repeat(own[:, None], n_periods, axis=1))
    X = np.column_stack([np.ones(n), covariates])
    if adjustment == "lagged":
        rate = np.divide(money[:, 0], years[:, 0], out=np.zeros(n), where=years[:, 0] > 0)
        # Spending enters linearly and by its logarithm: its effect is concave. Who was not there has neither.
        X = np.column_stack([X, rate / max(rate.mean(), 1e-300), np.log1p(np.maximum(rate, 0.0)), years[:, 0] > 0])
        offset = np.zeros((len(units), n_periods))
        money[:, 0] = 0.0
    else:
        offset = np.repeat(own[:, None], n_periods, axis=1)
    X = _independent(X)
    for column in range(0 if adjustment == "doubly robust" else 1, n_periods + 1):
        w = weight * years[:, column]
        rate = np.divide(money[:, column], years[:, column], out=np.zeros(n), where=years[:, column] > 0)
        mu = fit_outcome(rate, X, w, model)(X)
        means = np.array([_ratio(((mu * years[:, column])[rows].sum(), years[rows, column].sum())) for rows in units])
        if column == 0:
            offset -= means[:, None]
        else:
            offset[:, column - 1] += means
        money[:, column] -= mu * years[:, column]
    money[problem.is_treated, 1:] = 0.0
    return Outcome(money, years, offset)


def _ratio(parts: tuple[float, float] | Floats) -> float:
    return float(parts[0] / parts[1])


def _independent(X: Floats) -> Floats:
    """Return the columns that are not constant (beside the intercept), so that log-link models are identified."""
    keep = np.concatenate([[True], (X[:, 1:] != X[0, 1:]).any(axis=0)])
    return np.asarray(X[:, keep])


@dataclass(frozen=True, eq=False)
class Growth:
    """Point estimates and influence of the comparison.

    Attributes
    ----------
    ratios : (G, P + 1)
    influence : (m, P)
        psi of each line, per person: growth - its expectation = sum w psi / sum w within the group.
    total : (G,) sum of weights
    """

    ratios: Floats
    influence: Floats
    total: Floats

    @property
    def growth(self) -> Floats:
        """Ratio in the performance period less ratio in the baseline (G, P)."""
        return self.ratios[:, 1:] - self.ratios[:, :1]

    def pooled_covariance(self, lines: Lines) -> tuple[Floats, Floats]:
        """Return the covariance (P, P) of a person's influence and its skewness (P,), over all lines."""
        w = lines.weight / lines.weight.sum()
        covariance = (self.influence * w[:, None]).T @ self.influence
        third = w @ self.influence**3
        sd = np.sqrt(np.diag(covariance))
        return covariance, np.divide(third, sd**3, out=np.zeros(len(sd)), where=sd > 0)


def measure_growth(problem: CohortProblem, lines: Lines, outcome: Outcome) -> Growth:
    """Return ratios of the controls and their influence; a group without insured controls in a period is refused."""
    G, q = lines.n_groups, outcome.money.shape[1]
    money, years = outcome.money[lines.rows][lines.person], outcome.years[lines.rows][lines.person]
    above = group_sums(lines.group, money, G, lines.weight)
    below = group_sums(lines.group, years, G, lines.weight)
    # Without a baseline ratio (lagged outcomes) the money in column 0 is zero, and so is its ratio.
    needed = np.ones((G, q), dtype=bool)
    needed[:, 0] = outcome.money[:, 0].any()
    if (needed & (below <= 0)).any():
        g, column = np.argwhere(needed & (below <= 0))[0]
        unit = problem.labels(problem.treated)[int(np.flatnonzero(lines.group_of == g)[0])]
        when = "the baseline" if column == 0 else repr(problem.periods(problem.columns)[column - 1])
        raise RefusalError(f"No matched control of {unit!r} was insured in {when}. Widen caliper or comparison group.")
    ratios = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    total = np.bincount(lines.group, weights=lines.weight, minlength=G)
    mean_years = np.where(below > 0, below, 1.0) / total[:, None]
    deviation = (money - ratios[lines.group] * years) / mean_years[lines.group]
    return Growth(ratios, deviation[:, 1:] - deviation[:, :1], total)


def practice_shares(problem: CohortProblem, lines: Lines) -> Floats:
    """Return the share of each donor unit in each treated unit's comparison (I, J)."""
    place = np.full(len(problem.panel.units), -1, dtype=np.int64)
    place[problem.donors] = np.arange(len(problem.donors))
    donor = place[problem.unit[lines.rows]][lines.person]
    shares = np.zeros((lines.n_groups, len(problem.donors)))
    np.add.at(shares, (lines.group, donor), lines.weight)
    return np.asarray((shares / shares.sum(axis=1, keepdims=True))[lines.group_of])


@dataclass(frozen=True, eq=False)
class PlaceboGrowth:
    """Growth of each donor practice, on all its persons, after the same adjustment. G' practices.

    Attributes
    ----------
    growth : (G', P)
    variance : (G', P, P) sampling covariance, persons' covariance pooled over practices
    place : (G',) column of the practice among the donors
    """

    growth: Floats
    variance: Floats
    place: Codes


def placebo_growth(problem: CohortProblem, outcome: Outcome) -> PlaceboGrowth:
    """Return what happened, beyond sampling, in practices without a contract."""
    controls = np.flatnonzero(~problem.is_treated)
    place = np.full(len(problem.panel.units), -1, dtype=np.int64)
    place[problem.donors] = np.arange(len(problem.donors))
    donor, J = place[problem.unit[controls]], len(problem.donors)
    money, years = outcome.money[controls], outcome.years[controls]
    size = np.bincount(donor, minlength=J).astype(np.float64)
    above, below = group_sums(donor, money, J), group_sums(donor, years, J)
    needed = below[:, 1:] if not outcome.money[:, 0].any() else below
    whole = (needed > 0).all(axis=1) & (size >= 2)
    ratios = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    mean_years = np.where(below > 0, below, 1.0) / np.maximum(size, 1.0)[:, None]
    deviation = (money - ratios[donor] * years) / mean_years[donor]
    psi = deviation[:, 1:] - deviation[:, :1]
    psi = psi[whole[donor]]
    freedom = max(len(psi) - int(whole.sum()), 1)
    covariance = psi.T @ psi / freedom
    growth = (ratios[:, 1:] - ratios[:, :1])[whole]
    return PlaceboGrowth(growth, covariance / size[whole, None, None], np.flatnonzero(whole))
