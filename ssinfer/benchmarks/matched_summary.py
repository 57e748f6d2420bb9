"""What PropensityMatching reports beside its draws: pairs, balance, sources of error, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.balance.effective_sample_size import effective_sample_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.cohort_problem import CohortProblem
    from ssinfer.benchmarks.matched_growth import Growth, Lines
    from ssinfer.benchmarks.matched_shocks import Shocks
    from ssinfer.matching.match import Match

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MatchedSummary:
    """What is reported beside the draws."""

    problem: CohortProblem
    lines: Lines
    match: Match | None
    table: pd.DataFrame
    checks: list[tuple[str, str, float, str]]
    shocks: Shocks
    growth: Growth
    own_noise: Floats
    persons: Floats

    def solver(self) -> pd.DataFrame:
        """Return a row per treated unit."""
        problem, lines = self.problem, self.lines
        rows = []
        for i, unit in enumerate(problem.treated):
            own = lines.group == lines.group_of[i]
            inside = problem.is_treated & (problem.unit == unit)
            weight = np.bincount(lines.person[own], weights=lines.weight[own])
            matched = len(np.unique(self.match.treated[own])) if self.match is not None else int(inside.sum())
            rows.append(
                {
                    "kkt_gap": float("nan"),
                    "status": "matched" if self.match is not None else "weighted",
                    "effective_donors": effective_sample_size(self.shocks.shares[i]),
                    "persons": int(inside.sum()),
                    "matched_persons": matched,
                    "controls": len(np.unique(lines.person[own])),
                    "effective_controls": effective_sample_size(weight),
                }
            )
        return pd.DataFrame(rows, index=pd.Index(problem.labels(problem.treated), name="unit"))

    def components(self, parts: Floats) -> pd.DataFrame:
        """Return the variance of the benchmark error by source, as a share of the squared benchmark."""
        problem = self.problem
        level = parts.mean(axis=0)
        practice, region = self.shocks.posterior.mean_squares
        rows = []
        for i, unit in enumerate(problem.labels(problem.treated)):
            for p, period in enumerate(problem.periods(problem.columns)):
                sources = {
                    "comparison_persons": parts[:, i, p].var(),
                    "own_noise": self.own_noise[p, p] / self.persons[i],
                    "practice_shock": practice,
                    "comparison_shocks": practice * float((self.shocks.shares[i] ** 2).sum()),
                    "region_shock": region * float((self.shocks.region_contrast[i] ** 2).sum()),
                }
                shares = {name: float(value) / level[i, p] ** 2 for name, value in sources.items()}
                rows.append({"unit": unit, "period": period, **shares, "total": sum(shares.values())})
        return pd.DataFrame(rows)

    def diagnostics(self, benchmark: Floats, sampling: Floats | None) -> pd.DataFrame:
        """Return checks known before the effect, then shocks, then intervals of the pooled benchmark side by side."""
        rows = [*self.checks, *self.shocks.rows()]
        weights = self.problem.weights / self.problem.weights.sum()
        for kind, draws in (("credible", benchmark), ("confidence", sampling)):
            if draws is None:
                continue
            pooled = (draws * weights).sum(axis=(1, 2))
            for level in (0.95, 0.90):
                low, high = np.quantile(pooled, [(1 - level) / 2, (1 + level) / 2])
                text = f"{low:,.2f} to {high:,.2f} around {pooled.mean():,.2f} per insured-year, pooled benchmark"
                rows.append((f"{kind} interval {100 * level:g}%", "INFO", float(high - low), text))
        return pd.DataFrame(rows, columns=["check", "status", "figure", "message"])

    def inference(self, weights: Floats) -> dict[str, xr.Dataset]:
        """Return the pair table and the balance table as groups of the DataTree."""
        problem = self.problem
        balance = xr.Dataset(
            {str(name): ("covariate", column.to_numpy()) for name, column in self.table.items()},
            coords={"covariate": [str(label) for label in self.table.index]},
        )
        person = problem.cohort.person[problem.rows]
        if self.match is not None:
            pairs = self.match.to_frame(person)
            group = problem.cohort.unit[problem.rows]
            columns: dict[str, Any] = {str(name): ("pair", column.to_numpy()) for name, column in pairs.items()}
            columns["treated_unit"] = ("pair", group[self.match.treated].astype(str))
            columns["control_unit"] = ("pair", group[self.match.control].astype(str))
            return {"pairs": xr.Dataset(columns), "balance": balance}
        table = xr.Dataset({"weight": ("person", weights), "treated": ("person", problem.is_treated)})
        return {"weights": table.assign_coords(person=person), "balance": balance}
