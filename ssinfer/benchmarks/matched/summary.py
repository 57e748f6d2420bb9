"""MatchedSummary: solver, components, diagnostics and further groups of a matched benchmark."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.benchmarks.matched.balance.limits import direction
from ssinfer.benchmarks.matched.comparison_group import ComparisonGroup
from ssinfer.benchmarks.matched.scores.match import Match
from ssinfer.check import tabulate
from ssinfer.kernels.importance import effective_size
from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class MatchedSummary:
    """Frames and groups that a matched benchmark returns together with its draws."""

    comparison: ComparisonGroup
    drawn_matches: list[Match]  # one per drawn score; empty without score draws

    def solver(self) -> pd.DataFrame:
        """Return the numbers of persons, controls and effective controls, one row per treated unit."""
        problem, lines, match = self.comparison.problem, self.comparison.lines, self.comparison.match
        persons, shares = self.comparison.persons, self.comparison.shocks.shares
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

    def components(self, growth: Floats) -> pd.DataFrame:
        """Return the shares of the squared benchmark by source of error, from draws of offset + growth (D, I, P)."""
        comparison, shocks = self.comparison, self.comparison.shocks
        problem, (noise, _) = comparison.problem, comparison.person_noise
        mean_benchmark = growth.mean(axis=0)
        practice, region = shocks.posterior.mean_squares
        rows = []
        for i, unit in enumerate(problem.labels(problem.treated)):
            for p, period in enumerate(problem.periods(problem.performance_columns)):
                variances = {
                    "comparison_persons": growth[:, i, p].var(),
                    "own_noise": noise[p, p] / comparison.persons[i],
                    "practice_shock": practice,
                    "comparison_shocks": practice * float((shocks.shares[i] ** 2).sum()),
                    "region_shock": region * float((shocks.region_contrast[i] ** 2).sum()),
                }
                fractions = {name: float(value) / mean_benchmark[i, p] ** 2 for name, value in variances.items()}
                rows.append({"unit": unit, "period": period, **fractions, "total": sum(fractions.values())})
        return pd.DataFrame(rows)

    def diagnostics(self) -> pd.DataFrame:
        """Return the checks that are known before any effect, the verdicts on balance, and the shocks."""
        comparison = self.comparison
        return tabulate([*comparison.checks, *comparison.limits.values(), *comparison.shocks.checks()])

    def inference(self) -> dict[str, xr.Dataset]:
        """Return pairs or weights of persons, the balance table, attrition and the limits on balance."""
        comparison = self.comparison
        problem, match = comparison.problem, comparison.match
        groups = {"balance": _dataset(comparison.balance, "covariate")}
        if comparison.limits:
            limits = comparison.limits.items()
            rows = {
                name: (check.figure, direction(name), check.limit, check.status == "PASS") for name, check in limits
            }
            frame = pd.DataFrame.from_dict(rows, "index", columns=["figure", "direction", "limit", "passed"])
            groups["balance_limits"] = _dataset(frame, "measure")
        if match is None:
            weights = xr.Dataset({"weight": ("person", comparison.weights), "treated": ("person", problem.is_treated)})
            groups["weights"] = weights.assign_coords(person=problem.cohort.person[problem.rows])
            return groups
        groups["attrition"] = _dataset(match.attrition.set_index("group"), "group")
        groups["pairs"] = self._pairs([match])
        if self.drawn_matches:
            groups["pairs_of_score_draws"] = self._pairs(self.drawn_matches)
        return groups

    def _pairs(self, matches: list[Match]) -> xr.Dataset:
        """Return one line per pair, with the units' labels. Several matches are numbered by ``score_draw``."""
        problem = self.comparison.problem
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
