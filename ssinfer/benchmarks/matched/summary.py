"""Solver, components and further groups of a matched benchmark."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.benchmarks.matched.balance.limits import direction
from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.comparison_group import ComparisonGroup
from ssinfer.benchmarks.matched.scores.match import Match
from ssinfer.kernels.importance import effective_size
from ssinfer.typing import Floats


def solver(comparison: ComparisonGroup) -> pd.DataFrame:
    """Return the numbers of persons, controls and effective controls, one row per treated unit."""
    problem, lines, match = comparison.problem, comparison.lines, comparison.match
    persons, shares = comparison.persons, comparison.shocks.shares
    rows = []
    for i in range(len(problem.treated)):
        inside = lines.group == lines.group_of[i]
        weight = np.bincount(lines.person[inside], weights=lines.weight[inside])
        # Pairs are sorted by treated person: a new set begins where the person changes.
        matched = int(persons[i]) if match is None else 1 + int((np.diff(match.treated[inside]) != 0).sum())
        rows.append(
            {
                "kkt_gap": float("nan"),
                "status": "weighted" if match is None else "matched",
                "effective_donors": effective_size(shares[i]),
                "persons": int(persons[i]),
                "matched_persons": matched,
                "controls": int((weight > 0).sum()),
                "effective_controls": effective_size(weight),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(problem.labels(problem.treated), name="unit"))


def components(comparison: ComparisonGroup, growth: Floats) -> dict[str, Floats]:
    """Return the shares of the squared benchmark by source of error, from draws of offset + growth (D, I, P)."""
    shocks = comparison.shocks
    practice, region = shocks.posterior.mean_squares
    variances: dict[str, Any] = {
        "comparison_persons": np.apply_along_axis(np.var, 0, growth),
        "own_noise": np.diag(comparison.person_noise[0]) / comparison.persons[:, None],
        "practice_shock": practice,
        "comparison_shocks": practice * (shocks.shares**2).sum(axis=1, keepdims=True),
        "region_shock": region * (shocks.region_contrast**2).sum(axis=1, keepdims=True),
    }
    return {name: variance / growth.mean(axis=0) ** 2 for name, variance in variances.items()}


def inference(comparison: ComparisonGroup, drawn_matches: list[Match]) -> dict[str, xr.Dataset]:
    """Return pairs or weights of persons, the balance table, attrition and the limits on balance."""
    problem, match = comparison.problem, comparison.match
    groups = {"balance": _dataset(comparison.balance, "covariate")}
    if comparison.limits:
        limits = comparison.limits.items()
        rows = {name: (check.figure, direction(name), check.limit, check.status == "PASS") for name, check in limits}
        frame = pd.DataFrame.from_dict(rows, "index", columns=["figure", "direction", "limit", "passed"])
        groups["balance_limits"] = _dataset(frame, "measure")
    if match is None:
        weights = xr.Dataset({"weight": ("person", comparison.weights), "treated": ("person", problem.is_treated)})
        groups["weights"] = weights.assign_coords(person=problem.cohort.person[problem.rows])
        return groups
    groups["attrition"] = _dataset(match.attrition.set_index("group"), "group")
    groups["pairs"] = _pairs(problem, [match])
    if drawn_matches:
        groups["pairs_of_score_draws"] = _pairs(problem, drawn_matches)
    return groups


def _pairs(problem: CohortProblem, matches: list[Match]) -> xr.Dataset:
    """Return one line per pair, with the units' labels. Several matches are numbered by ``score_draw``."""
    person, unit = problem.cohort.person[problem.rows], problem.unit
    # Labels of units are gathered as fixed-width text: a million Python strings would cost more than the match.
    labels = np.array(problem.panel.units, dtype=str)
    frame = pd.concat([match.to_frame(person) for match in matches], ignore_index=True)
    columns: dict[str, Any] = {str(name): column.to_numpy() for name, column in frame.items()}
    columns["treated_unit"] = labels[unit[np.concatenate([match.treated for match in matches])]]
    columns["control_unit"] = labels[unit[np.concatenate([match.control for match in matches])]]
    if len(matches) > 1:
        columns["score_draw"] = np.repeat(np.arange(len(matches)), [len(match.treated) for match in matches])
    return xr.Dataset({name: ("pair", values) for name, values in columns.items()})


def _dataset(frame: pd.DataFrame, dimension: str) -> xr.Dataset:
    """Return a frame as a dataset over its index, whose labels become text."""
    return xr.Dataset(
        {str(name): (dimension, column.to_numpy()) for name, column in frame.items()},
        coords={dimension: [str(label) for label in frame.index]},
    )
