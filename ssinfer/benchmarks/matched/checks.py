"""Checks that are known before any effect: number of practices, assumptions of the method, attrition and overlap."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ssinfer.benchmarks.matched.balance.measures import MAX_SCORE, common_support, overlap
from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.scores.match import Match
from ssinfer.benchmarks.matched.scores.propensity import PropensityScores
from ssinfer.benchmarks.persons import level_slope
from ssinfer.check import Check, Status
from ssinfer.errors import RefusalError
from ssinfer.kernels.importance import effective_size
from ssinfer.typing import Booleans, Floats, Positions

# Smallest shares of the treated persons with comparable controls: the rule of 5 and 20% of Schulz and Grimes (2002),
# doi:10.1016/S0140-6736(02)07882-0, for participants lost to an analysis. Losses to 5% matter little, those above 20%
# threaten its validity.
MIN_SUPPORT, MIN_SUPPORT_WITHOUT_WARNING = 0.80, 0.95


def design_checks(method: Any) -> list[Check]:
    """Return warnings and assumptions that follow from the parameters of the method alone."""
    checks: list[Check] = []
    if method.prior_spending and method.adjustment != "lagged":
        text = (
            "matched on prior spending under parallel trends: controls with unusual spending return to their own "
            "mean; use adjustment='lagged' if the treated were chosen by their spending, or leave prior spending out "
            "of the score if they differ in a lasting way that the covariates do not hold"
        )
        checks.append(Check("regression to the mean", "WARN", message=text))
    if method.adjustment == "lagged":
        text = (
            "assumption: both groups spend the same, given prior spending and covariates; if the treated differ in a "
            "lasting way that these do not hold, this estimate is biased and 'did' without prior spending is not: "
            "show both"
        )
        checks.append(Check.not_evaluated("adjusted for prior spending", text))
    if method.comparison == "overlap":
        text = "overlap weights estimate the effect for persons in equipoise, not for the treated"
        checks.append(Check("estimand", "WARN", message=text))
    if method.truncation is not None:
        text = "spending per insured-year is capped at this quantile of persons outside the treated units"
        checks.append(Check("truncation", "NOT EVALUATED", method.truncation, text))
    return checks


def level_check(problem: CohortProblem, growth: Floats, covariance: Floats, donor: Positions) -> Check:
    """Judge whether spending of practices given prior spending depends on their level: beyond two standard errors WARN.

    `growth` (G, P) is the spending of `donor` practices above what the outcome model predicts, with its `covariance`.
    """
    unit = problem.donors[donor]
    money, years, spent, insured = (
        np.bincount(problem.unit, np.where(problem.is_treated, 0.0, values), len(problem.panel.units))[unit]
        for values in (*problem.before.T, problem.money.sum(axis=1), problem.years.sum(axis=1))
    )
    use = (money > 0) & (years > 0)
    if use.sum() < 3 or not np.ptp(money[use] / years[use]) > 0 or not spent.sum() > 0:
        return Check.not_evaluated("level slope", "fewer than three comparison practices have spending before")
    error = -growth.mean(axis=1)[use] / (spent.sum() / insured.sum())
    variance = covariance.mean(axis=(1, 2))[use]
    slope, se = level_slope(error, np.log(money[use] / years[use]), 1 / np.maximum(variance, 1e-12 * variance.max()))
    text = (
        f"of placebo errors (benchmark less spending, given prior spending) on the log of the level; SE {se:.3f}; a "
        f"unit that lies 15% above the others has a benchmark {100 * slope * np.log(1.15):+.1f}% off"
    )
    return Check("level slope", "PASS" if abs(slope) <= 2 * se else "WARN", slope, text, limit=2 * se)


def balance_checks(treated: Booleans, scores: PropensityScores, weights: Floats, match: Match | None) -> list[Check]:
    """Return attrition (if persons are matched) and effective controls without a limit, and two judged shares.

    The shares are of treated persons with comparable controls, before they are matched; weights for the effect on
    persons in equipoise count persons by their weight.
    """
    figures = [
        (f"attrition: {row['group']}", row["share_matched"], f"{row['matched']:,} of {row['persons']:,} matched")
        for row in ([] if match is None else match.attrition.to_dict("records"))
    ]
    figures.append(("effective controls", effective_size(weights[~treated]), "Kish, of the controls' weights"))
    checks = [Check(name, "NOT EVALUATED", float(figure), text) for name, figure, text in figures]
    counted = weights if match is None else np.ones(len(treated))
    for name, share, having in (
        ("overlap", overlap(scores.score, treated, counted), f"a score of at most {MAX_SCORE:g}"),
        ("common support", common_support(scores.logit, treated, counted), "a score in the range of the controls"),
    ):
        failed, warned = share < MIN_SUPPORT, share < MIN_SUPPORT_WITHOUT_WARNING
        status: Status = "FAIL" if failed else "WARN" if warned else "PASS"
        limit = MIN_SUPPORT if failed else MIN_SUPPORT_WITHOUT_WARNING
        text = f"{100 * share:.0f}% of the treated persons have {having}; at least {100 * limit:.0f}%"
        checks.append(Check(name, status, share, text, limit=limit))
    return checks


def refuse_failed_limits(judged: Iterable[Check]) -> None:
    """Refuse the benchmark if a limit on balance is not respected."""
    failed = [check for check in judged if check.status == "FAIL"]
    if failed:
        listed = "; ".join(f"{check.check} {check.figure:.3g} ({check.message})" for check in failed)
        raise RefusalError(
            f"Balance is not good enough for a benchmark: {listed}. Change the comparison before looking at any "
            "effect, or relax the balance limits in the study and give the reason."
        )
