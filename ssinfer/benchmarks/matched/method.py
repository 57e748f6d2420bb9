"""PropensityMatching: benchmark from persons of other practices who are similar to the treated persons."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from ssinfer.arguments import MOST, Number, Optional, Rule
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.matched.balance.limits import BalanceLimits, as_limits
from ssinfer.benchmarks.matched.balance.measures import balance_table
from ssinfer.benchmarks.matched.checks import balance_checks, design_checks, level_check, refuse_failed_limits
from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.comparison_group import ComparisonGroup
from ssinfer.benchmarks.matched.covariates import (
    entrants,
    exact_strata,
    history,
    person_ids,
    score_covariates,
    truncate,
)
from ssinfer.benchmarks.matched.draws import bootstrapped_growth, posterior_draws, sampling_draws
from ssinfer.benchmarks.matched.growth import measure_growth, placebo_growth
from ssinfer.benchmarks.matched.kernels.greedy_matching import Order
from ssinfer.benchmarks.matched.lines import Lines, matched_lines, practice_shares, weighted_lines
from ssinfer.benchmarks.matched.outcome import Adjustment, Outcome, adjusted_outcome
from ssinfer.benchmarks.matched.sampling_distribution import Confidence
from ssinfer.benchmarks.matched.scores.bayesian_scores import bayesian_scores
from ssinfer.benchmarks.matched.scores.match import RULES as MATCHING_RULES
from ssinfer.benchmarks.matched.scores.match import Distance, Match, match_persons
from ssinfer.benchmarks.matched.scores.outcome_models import OutcomeModel
from ssinfer.benchmarks.matched.scores.propensity import PropensityScores, propensity_scores
from ssinfer.benchmarks.matched.scores.weighting import entropy_weights, propensity_weights
from ssinfer.benchmarks.matched.shocks import Shocks
from ssinfer.benchmarks.matched.summary import components, inference, solver
from ssinfer.benchmarks.persons import practice_check, require_cohort
from ssinfer.benchmarks.problem import Problem
from ssinfer.check import tabulate
from ssinfer.deprecation import renamed_parameters
from ssinfer.design import Design
from ssinfer.errors import NotSupportedError, RefusalError
from ssinfer.later import Later
from ssinfer.typing import Floats

FRACTION = Number(0, 1, open=True)


@renamed_parameters(draws="n_draws")
@dataclass(eq=False, repr=False)
class PropensityMatching(BenchmarkMethod):
    r"""Benchmark from persons of other practices, matched on the propensity score.

    R are ratio means, money divided by insured-years. For treated practice i, its matched controls c(i), performance
    period t and baseline b:

    .. math:: B_{it} = R_{ib} + (R_{c(i),t} - R_{c(i),b}) + \text{shocks} + \text{noise}

    **Estimand** The practice's mean spending per insured-year without the contract, for the persons insured in t.

    **Assumptions** Given the covariates, persons of treated and other practices would have had the same growth ("did"
    and "doubly robust": parallel trends within sets) or the same spending ("lagged": no unmeasured confounding given
    prior spending). The scores overlap. The contract does not affect practices in the comparison. Persons who enter
    after the baseline are matched among themselves. Unmatched treated persons are counted, and are assumed to grow like
    the matched persons.

    **Posterior** (`benchmark`) Each source of error enters once. The controls' persons enter by the Bayesian bootstrap
    within practice. The treated group's noise in baseline and performance is drawn jointly, with the covariance and
    skewness of the matched controls (Pearson III). Every practice has a shock, and the practices of a region share a
    shock. The SDs and persistence of both are learned jointly from the growth of practices without a contract.

    **Sampling distribution** (`confidence`) The same quantity. The controls' error comes from two-way clusters (set,
    practice), from Abadie and Imbens's conditional variance, or from a bootstrap-t over practices. The treated group's
    performance spending is not used, so its error has plug-in variances.

    Parameters
    ----------
    covariates : sequence of str or None
        Baseline covariates of the score and the balance table; None: all. Each level of a label becomes an indicator.
    exact : sequence of str, covariates on which matched persons agree exactly
    prior_spending : bool
        Add the person's baseline spending to the score, in bounded terms of `person_features`. With "did" this invites
        regression to the mean, and a warning is given. adjustment="lagged" avoids it if the treated were chosen by
        their spending. If they differ in a lasting way that no covariate holds, leave prior spending out. The two
        estimates bracket the truth if one of the two assumptions holds (Ding and Li 2019): show both.
    comparison : "match", "att", "overlap" or "entropy"
        Matched sets, or one of three kinds of weights. "overlap" estimates the effect for persons in equipoise, not
        for the treated.
    ratio, replace : int, bool, controls per treated person, and whether a control may serve several treated persons
    order : "largest", "smallest", "closest" or "data"
        Who chooses first: largest or smallest score, smallest distance, or smallest number of the person.
    caliper, on : float or None, largest allowed distance in standard deviations of `on`, "logit" or "score"
    adjustment : "did", "doubly robust" or "lagged"
        See :func:`~ssinfer.benchmarks.matched.outcome.adjusted_outcome`.
    outcome_model : "linear", "two-part", "gamma" or "tweedie"
        Model of the adjustments other than "did". Its coefficients enter as fixed: their error is of second order if
        the comparison is balanced.
    scores : "maximum likelihood" or "bayesian"
        "bayesian" matches again for each posterior draw of the score, and divides the draws equally among them.
    score_draws : int, posterior draws of the score, between 1 and `n_draws`
    classifier : scikit-learn classifier, optional, used in place of the logistic regression
    confidence : "cluster", "abadie-imbens", "bootstrap-t" or None, the sampling distribution
    truncation : float or None
        Cap spending per insured-year, per period, at this quantile of the persons outside the treated units, for
        example 0.99. Benchmark and observed spending are then both of truncated spending.
    shock_prior : float
        Scale of the half-normal priors of both shocks' SDs, as a fraction of spending. The default 0.02 has median
        1.35%, close to Dutch municipalities (1.2 to 1.3%). Placebo practices of a few hundred persons hold little
        information on shocks of 1%, so the prior matters. Raise it if practices are single physicians, or if their
        growth is known to differ by 3% or more.
    balance_limits : BalanceLimits, mapping or None
        Limits on balance, fixed before any effect is known. `diagnostics` reports each as PASS or FAIL. A study file
        writes them as a table: ``balance_limits = { smd = 0.05, matched = 0.9 }``.
    require_balance : bool, refuse the benchmark if a limit on balance is not respected
    n_draws : int, number of draws

    Notes
    -----
    `inference` holds the pairs (identifiers, round, distance, weight), the balance table, the limits on balance with
    their figures, and attrition (numbers of persons matched). In `diagnostics`, figures without a limit have the status
    NOT EVALUATED. With fewer than 20 comparison practices the method refuses, with fewer than 40 it warns: so few
    practices hold little information on how much practices differ.

    References
    ----------
    Matching: Stuart (2010), doi:10.1214/09-STS313. Regression to the mean: Daw and Hatfield (2018),
    doi:10.1111/1475-6773.12993. Bracketing: Ding and Li (2019), doi:10.1017/pan.2019.25. Clusters: Cameron and Miller
    (2015), doi:10.3368/jhr.50.2.317.

    Examples
    --------
    >>> import numpy as np
    >>> from ssinfer.cohort.cohort import Cohort
    >>> from ssinfer.design import Design
    >>> rng = np.random.default_rng(0)
    >>> n = 50 * 60
    >>> age = rng.uniform(20, 80, n)
    >>> money = rng.gamma(1.0, 20 * age[:, None] + np.array([0.0, 50.0]), (n, 2))
    >>> cohort = Cohort(np.arange(n), np.repeat([f"gp{i}" for i in range(50)], 60), (2018, 2019), money,
    ...                 np.ones((n, 2)), covariates={"age": age})
    >>> cf = PropensityMatching(n_draws=200).fit(cohort, Design(["gp0"], baseline=[2018], performance=[2019]), seed=1)
    >>> cf.uncertainty, cf.benchmark.shape
    ('posterior', (1, 200, 1, 1))
    """

    needs: ClassVar[Literal["panel", "cohort"]] = "cohort"
    capabilities: ClassVar[Capabilities] = Capabilities(
        covariates=True, posterior=True, confidence=True, level_dependent=True
    )
    rules: ClassVar[dict[str, Rule]] = {
        **MATCHING_RULES,
        "truncation": Optional(FRACTION),
        "shock_prior": FRACTION,
        "n_draws": Number(2, MOST, whole=True),
    }

    covariates: Sequence[str] | None = None
    exact: Sequence[str] = ()
    _: KW_ONLY
    prior_spending: bool = False
    comparison: Literal["match", "att", "overlap", "entropy"] = "match"
    ratio: int = 1
    replace: bool = False
    order: Order = "largest"
    caliper: float | None = 0.2
    on: Distance = "logit"
    adjustment: Adjustment = "did"
    outcome_model: OutcomeModel = "linear"
    scores: Literal["maximum likelihood", "bayesian"] = "maximum likelihood"
    score_draws: int = 20
    classifier: Any = None
    confidence: Confidence | None = "cluster"
    truncation: float | None = None
    shock_prior: float = 0.02
    balance_limits: BalanceLimits | Mapping[str, float | bool | None] | None = BalanceLimits()  # noqa: RUF009  (frozen)
    require_balance: bool = False
    n_draws: int = 2000

    def check_parameters(self) -> None:
        """Refuse impossible parameters before any data are read."""
        super().check_parameters()
        if self.scores == "bayesian" and not 1 <= self.score_draws <= self.n_draws:
            raise self.parameter_error(
                "score_draws", f"Give a whole number from 1 to {self.n_draws}, the number of all draws."
            )
        as_limits(self.balance_limits)
        if self.scores == "bayesian" and self.classifier is not None:
            raise NotSupportedError("scores='bayesian'", "a classifier", "Give one or the other.")
        if self.scores == "bayesian" and self.comparison == "entropy":
            raise NotSupportedError("scores='bayesian'", "entropy balancing, which uses no score")
        if self.confidence == "abadie-imbens" and self.comparison != "match":
            comparison = f"comparison={self.comparison!r}"
            raise NotSupportedError("confidence='abadie-imbens'", comparison, "Use 'cluster'.")

    def prepare(self, data: Any, design: Design) -> Problem:
        """Apply the design to the persons; a panel is refused."""
        require_cohort(data, design, type(self).__name__)
        if self.truncation is not None:
            data = truncate(data, design, self.truncation)
        return CohortProblem.over(data, design)

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Estimate one problem."""
        assert isinstance(problem, CohortProblem)  # noqa: S101  (for the type checker: prepare made it)
        comparison = self.compare(problem)
        growth, drawn_matches = self._posterior_growth(comparison, rng)
        benchmark, expected = posterior_draws(comparison, growth, rng)
        sampling = None if self.confidence is None else sampling_draws(comparison, self.confidence, self.n_draws, rng)
        checks = (*comparison.checks, *comparison.limits.values(), *comparison.shocks.checks())
        return Estimate(
            benchmark=benchmark[None],
            expected=expected[None],
            confidence=None if sampling is None else sampling[None],
            uncertainty="posterior",
            fitted=Later(lambda: self._fitted(comparison)),
            weights=comparison.shocks.shares,
            solver=solver(comparison),
            components=components(comparison, growth),
            diagnostics=tabulate(checks),
            inference=inference(comparison, drawn_matches),
        )

    def compare(self, problem: CohortProblem) -> ComparisonGroup:
        """Choose the comparison group, and measure its balance, growth and shocks."""
        present = problem.labels(np.unique(problem.unit[~problem.is_treated]))
        practices = practice_check(present, len(problem.treated))
        lagged = self.adjustment == "lagged"
        terms = history(problem) if self.prior_spending or lagged else {}
        columns = score_covariates(problem, self.covariates, terms if self.prior_spending else {})
        scores = propensity_scores(columns, problem.is_treated, classifier=self.classifier)
        lines, match, weights = self._lines(problem, scores, columns)
        balance = balance_table({"distance": scores.logit, **columns}, problem.is_treated, weights)
        limits = as_limits(self.balance_limits)
        judged = {} if limits is None else limits.judge(balance, problem.is_treated, weights, scores.score)
        if self.require_balance:
            refuse_failed_limits(judged.values())
        adjusted = columns | terms if lagged else columns
        outcome = self._outcome(problem, lines, adjusted)
        shares, placebos = practice_shares(problem, lines), placebo_growth(problem, outcome)
        levels = [level_check(problem, *placebos)] if lagged else []
        return ComparisonGroup(
            problem=problem,
            columns=columns,
            adjusted=adjusted,
            distance=scores.logit if self.on == "logit" else scores.score,
            match=match,
            weights=weights,
            balance=balance,
            limits=judged,
            checks=(
                practices,
                *design_checks(self),
                *levels,
                *balance_checks(problem.is_treated, scores, weights, match),
            ),
            lines=lines,
            outcome=outcome,
            growth=measure_growth(problem, lines, outcome),
            shocks=Shocks.learn(problem, placebos, shares, self.shock_prior),
        )

    def _lines(
        self, problem: CohortProblem, scores: PropensityScores, columns: dict[str, Floats]
    ) -> tuple[Lines, Match | None, Floats]:
        """Return the lines of the comparison, the match (None if weighted), and the weights of persons (n,)."""
        treated = problem.is_treated
        if self.comparison == "match":
            options = {name: getattr(self, name) for name in ("ratio", "replace", "order", "caliper", "on")}
            strata, ids = exact_strata(problem, self.exact), person_ids(problem)
            match = match_persons(scores, treated, **options, exact=strata, ids=ids)
            return matched_lines(problem, match, replace=self.replace), match, match.weights
        if self.comparison == "entropy":
            weights = entropy_weights(columns, treated)
        else:
            weights = propensity_weights(scores.score, treated, "att" if self.comparison == "att" else "overlap")
        late = entrants(problem)
        if not late[treated].any():
            weights = np.where(late, 0.0, weights)  # no treated person entered, so controls who did are not comparable
        return weighted_lines(problem, weights), None, weights

    def _outcome(self, problem: CohortProblem, lines: Lines, columns: dict[str, Floats]) -> Outcome:
        covariates = np.column_stack(list(columns.values()))
        return adjusted_outcome(problem, lines, covariates, self.adjustment, self.outcome_model)

    def _fitted(self, comparison: ComparisonGroup) -> Floats:
        """Return the benchmark (I, B) with each baseline period in the place of a performance period."""
        lines = comparison.lines
        problem = comparison.problem.on_baseline()
        try:
            outcome = self._outcome(problem, lines, comparison.adjusted)
            growth = measure_growth(problem, lines, outcome).growth
        except RefusalError:  # no control was insured in one of the periods, or the model of one did not converge
            return np.full((len(problem.treated), problem.years.shape[1]), np.nan)
        return np.asarray(outcome.offset + growth[lines.group_of])

    def _posterior_growth(self, comparison: ComparisonGroup, rng: np.random.Generator) -> tuple[Floats, list[Match]]:
        """Draw offset + growth of the controls (D, I, P), and return the match for each drawn score."""
        if self.scores != "bayesian":
            return bootstrapped_growth(comparison, comparison.lines, comparison.outcome, self.n_draws, rng), []
        problem, columns, growth, matches = comparison.problem, comparison.columns, [], []
        drawn = bayesian_scores(columns, problem.is_treated, self.score_draws, rng)
        for number, scores in enumerate(drawn):
            lines, match, _ = self._lines(problem, scores, columns)
            n_draws = self.n_draws // len(drawn) + (number < self.n_draws % len(drawn))
            outcome = self._outcome(problem, lines, comparison.adjusted)
            growth.append(bootstrapped_growth(comparison, lines, outcome, n_draws, rng))
            if match is not None:
                matches.append(match)
        return np.concatenate(growth), matches
