"""Lines: the treated persons and the persons who are compared with them."""

from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.scores.match import Match
from ssinfer.errors import RefusalError
from ssinfer.typing import Floats, Integers, Positions


@dataclass(frozen=True, eq=False)
class Lines:
    """Controls of a comparison: m lines, one per matched pair or, with weighting, one per control."""

    person: Integers  # (m,): number of the control, 0 to J' - 1
    rows: Positions  # (J',): row of each control in the problem
    group: Integers  # (m,): treated unit that the line serves; 0 if all treated units share one comparison group
    weight: Floats  # (m,)
    cluster: Integers  # (m,): matched set, or the control itself if sets overlap or do not exist
    group_of: Integers  # (I,): group of each treated unit

    @property
    def n_groups(self) -> int:
        """Number of comparison groups."""
        return int(self.group_of.max()) + 1


def matched_lines(problem: CohortProblem, match: Match, *, replace: bool) -> Lines:
    """Return one line per matched pair, grouped by the treated person's unit."""
    group = numbered(problem, problem.treated)[problem.unit[match.treated]]
    absent = np.setdiff1d(np.arange(len(problem.treated)), group)
    if len(absent):
        label = problem.labels(problem.treated[absent])[0]
        raise RefusalError(
            f"No person of {label!r} is matched ({len(absent)} such treated units), so its benchmark would rest on no "
            "control. Widen the caliper or the comparison group, or take the unit out of the design."
        )
    rows, person = np.unique(match.control, return_inverse=True)
    cluster = match.control if replace else match.treated
    return Lines(person, rows, group, match.pair_weights, cluster, np.arange(len(problem.treated)))


def weighted_lines(problem: CohortProblem, weights: Floats) -> Lines:
    """Return one line per control with a positive weight; all treated units share one comparison group."""
    rows = np.flatnonzero(~problem.is_treated & (weights > 0))
    person = np.arange(len(rows))
    return Lines(person, rows, np.zeros_like(person), weights[rows], rows, np.zeros(len(problem.treated), np.int64))


def practice_shares(problem: CohortProblem, lines: Lines) -> Floats:
    """Return the share of each donor unit in each treated unit's comparison (I, J)."""
    donor = numbered(problem, problem.donors)[problem.unit[lines.rows]][lines.person]
    shares = np.zeros((lines.n_groups, len(problem.donors)))
    np.add.at(shares, (lines.group, donor), lines.weight)
    return np.asarray((shares / shares.sum(axis=1, keepdims=True))[lines.group_of])


def numbered(problem: CohortProblem, units: Positions) -> Integers:
    """Return, for each unit of the panel, its number among `units`; -1 if it is not among them."""
    numbers = np.full(len(problem.panel.units), -1, dtype=np.int64)
    numbers[units] = np.arange(len(units))
    return numbers
