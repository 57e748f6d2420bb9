"""Rows of diagnostics that are known before any effect is: practices, design, balance, gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.matched.balance.effective_sample_size import effective_sample_size
from ssinfer.benchmarks.matched.balance.overlap import common_support, overlap_coefficient
from ssinfer.errors import RefusalError

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.benchmarks.matched.balance.limits import BalanceGates
    from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
    from ssinfer.benchmarks.matched.scores.match import Match
    from ssinfer.benchmarks.matched.scores.propensity import PropensityScores
    from ssinfer.typing import Booleans, Floats


Row = tuple[str, str, float, str]

FEWEST_PRACTICES = 20
FEW_PRACTICES = 40
UNKNOWN = float("nan")


def comparison_practices(problem: CohortProblem) -> int:
    """Return the number of donor practices with persons; too few are refused."""
    present = np.unique(problem.unit[~problem.is_treated])
    if len(present) < FEWEST_PRACTICES:
        raise RefusalError(
            f"{len(present)} comparison practices have persons in the design "
            f"({', '.join(problem.labels(present)[:4])}, ...); at least {FEWEST_PRACTICES} are needed: below that "
            "intervals clustered by practice cover 90% or less when they say 95%. "
            "Widen the comparison group, or use a panel method on the aggregated data."
        )
    return len(present)


def practice_rows(problem: CohortProblem, count: int) -> list[Row]:
    """Return whether the comparison practices are enough to learn how far practices differ."""
    text = f"{count} comparison units (practices or groups of them), {len(problem.treated)} treated"
    if count >= FEW_PRACTICES:
        return [("practices", "PASS", float(count), text)]
    text += f"; below {FEW_PRACTICES} intervals cover less than they say (92% for a nominal 95% at 20)"
    return [("practices", "WARN", float(count), text)]


def design_rows(*, prior_spending: bool, adjustment: str, comparison: str, truncation: float | None) -> list[Row]:
    """Return warnings that follow from the method's parameters alone."""
    rows: list[Row] = []
    if prior_spending and adjustment != "lagged":
        text = (
            "matched on prior spending under parallel trends: controls picked for unusual spending return to their own "
            "mean; use adjustment='lagged' if the treated were chosen by what they spent, or leave prior spending out "
            "of the score if they differ in a lasting way that the covariates do not hold"
        )
        rows.append(("regression to the mean", "WARN", UNKNOWN, text))
    if adjustment == "lagged":
        text = (
            "spending given prior spending and covariates is taken to be the same in both groups; where the treated "
            "differ in a lasting way that these do not hold, it is biased and 'did' without prior spending is not: "
            "show both"
        )
        rows.append(("adjusted for prior spending", "INFO", UNKNOWN, text))
    if comparison == "overlap":
        text = "overlap weights answer for persons in equipoise, not for the treated"
        rows.append(("estimand", "WARN", UNKNOWN, text))
    if truncation is not None:
        text = "quantile of persons outside the treated units at which spending per insured-year is capped"
        rows.append(("truncation", "INFO", truncation, text))
    return rows


def balance_rows(treated: Booleans, scores: PropensityScores, weights: Floats, match: Match | None) -> list[Row]:
    """Return attrition, effective number of controls and overlap."""
    rows: list[Row] = []
    if match is not None:
        for row in match.attrition.to_dict("records"):
            text = f"{row['matched']:,} of {row['persons']:,} matched"
            rows.append((f"attrition: {row['group']}", "INFO", float(row["share_matched"]), text))
    size = effective_sample_size(weights[~treated])
    rows.append(("effective controls", "INFO", size, "Kish, of the controls' weights"))
    rows.append(("overlap", "INFO", overlap_coefficient(scores.logit, treated), "of the scores, before"))
    rows.append(("common support", "INFO", common_support(scores.logit, treated), "share of treated within it"))
    return rows


def gate_rows(
    gates: BalanceGates | None,
    table: pd.DataFrame,
    treated: Booleans,
    weights: Floats,
    scores: PropensityScores,
    *,
    require: bool,
) -> list[Row]:
    """Return the gates as PASS or FAIL; a failure is refused if the study says so."""
    if gates is None:
        return []
    checked = gates.check(table, treated, weights, scores.score)
    failed = checked[checked["status"] == "FAIL"]
    if require and len(failed):
        listed = "; ".join(f"{row.check} {row.figure:.3g} ({row.message})" for row in failed.itertuples())
        raise RefusalError(
            f"Balance is not good enough for a benchmark: {listed}. Change the comparison before looking at any "
            "effect, or relax the gates in the study and say why."
        )
    return list(checked.itertuples(index=False, name=None))
