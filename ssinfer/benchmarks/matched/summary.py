"""What PropensityMatching reports beside its draws: pairs, balance, sources of error, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.benchmarks.matched.balance.effective_sample_size import effective_sample_size

if TYPE_CHECKING:
    from ssinfer.benchmarks.matched.checks import Row
    from ssinfer.benchmarks.matched.comparison_group import Comparison
    from ssinfer.benchmarks.matched.scores.match import Match
    from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class MatchedSummary:
    """What is reported beside the draws."""

    comparison: Comparison
    checks: list[Row]
    drawn_matches: list[Match]

    def solver(self) -> pd.DataFrame:
        """Return a row per treated unit."""
        problem, lines, match = self.comparison.problem, self.comparison.lines, self.comparison.match
        persons, shares = self.comparison.persons, self.comparison.shocks.shares
        rows = []
        for i in range(len(problem.treated)):
            own = lines.group == lines.group_of[i]
            weight = np.bincount(lines.person[own], weights=lines.weight[own])
            # Pairs are sorted by treated person: a new set begins where the person changes.
            matched = int(persons[i]) if match is None else 1 + int((np.diff(match.treated[own]) != 0).sum())
            rows.append(
                {
                    "kkt_gap": float("nan"),
                    "status": "weighted" if match is None else "matched",
                    "effective_donors": effective_sample_size(shares[i]),
                    "persons": int(persons[i]),
                    "matched_persons": matched,
                    "controls": int((weight > 0).sum()),
                    "effective_controls": effective_sample_size(weight),
                }
            )
        return pd.DataFrame(rows, index=pd.Index(problem.labels(problem.treated), name="unit"))

    def components(self, parts: Floats) -> pd.DataFrame:
        """Return the variance of the benchmark error by source, as a share of the squared benchmark."""
        problem, shocks = self.comparison.problem, self.comparison.shocks
        own_noise = self.comparison.own_noise[0]
        level = parts.mean(axis=0)
        practice, region = shocks.posterior.mean_squares
        rows = []
        for i, unit in enumerate(problem.labels(problem.treated)):
            for p, period in enumerate(problem.periods(problem.columns)):
                sources = {
                    "comparison_persons": parts[:, i, p].var(),
                    "own_noise": own_noise[p, p] / self.comparison.persons[i],
                    "practice_shock": practice,
                    "comparison_shocks": practice * float((shocks.shares[i] ** 2).sum()),
                    "region_shock": region * float((shocks.region_contrast[i] ** 2).sum()),
                }
                shares = {name: float(value) / level[i, p] ** 2 for name, value in sources.items()}
                rows.append({"unit": unit, "period": period, **shares, "total": sum(shares.values())})
        return pd.DataFrame(rows)

    def diagnostics(self, benchmark: Floats, sampling: Floats | None) -> pd.DataFrame:
        """Return checks known before the effect, then shocks, then intervals of the pooled benchmark side by side."""
        rows = [*self.checks, *self.comparison.shocks.rows()]
        weights = self.comparison.problem.weights / self.comparison.problem.weights.sum()
        for kind, draws in (("credible", benchmark), ("confidence", sampling)):
            if draws is None:
                continue
            pooled = (draws * weights).sum(axis=(1, 2))
            for level in (0.95, 0.90):
                low, high = np.quantile(pooled, [(1 - level) / 2, (1 + level) / 2])
                text = f"{low:,.2f} to {high:,.2f} around {pooled.mean():,.2f} per insured-year, pooled benchmark"
                rows.append((f"{kind} interval {100 * level:g}%", "INFO", float(high - low), text))
        return pd.DataFrame(rows, columns=["check", "status", "figure", "message"])

    def inference(self) -> dict[str, xr.Dataset]:
        """Return the pair table (of each drawn score too) and the balance table as groups of the DataTree."""
        problem, match, table = self.comparison.problem, self.comparison.match, self.comparison.table
        balance = xr.Dataset(
            {str(name): ("covariate", column.to_numpy()) for name, column in table.items()},
            coords={"covariate": [str(label) for label in table.index]},
        )
        person = problem.cohort.person[problem.rows]
        if match is None:
            weights = xr.Dataset(
                {"weight": ("person", self.comparison.weights), "treated": ("person", problem.is_treated)}
            )
            return {"weights": weights.assign_coords(person=person), "balance": balance}
        groups = {"pairs": self._pairs([match]), "balance": balance}
        if self.drawn_matches:
            groups["pairs_of_score_draws"] = self._pairs(self.drawn_matches)
        return groups

    def _pairs(self, matches: list[Match]) -> xr.Dataset:
        """Return a line per pair, with the units' labels; several matches are numbered by ``score_draw``."""
        problem = self.comparison.problem
        person, unit = problem.cohort.person[problem.rows], problem.unit
        # Labels of units are gathered as fixed-width text: a million Python strings would cost more than the match.
        labels = np.array(problem.panel.units, dtype=str)
        frame = pd.concat([match.to_frame(person) for match in matches], ignore_index=True)
        columns: dict[str, Any] = {str(name): ("pair", column.to_numpy()) for name, column in frame.items()}
        for side in ("treated", "control"):
            rows = np.concatenate([getattr(match, side) for match in matches])
            columns[f"{side}_unit"] = ("pair", labels[unit[rows]])
        if len(matches) > 1:
            count = [len(match.treated) for match in matches]
            columns["score_draw"] = ("pair", np.repeat(np.arange(len(matches)), count))
        return xr.Dataset(columns)
