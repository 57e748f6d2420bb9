"""PropensityMatching: persons of treated practices against matched persons of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.matched.balance.limits import BalanceGates, as_gates
from ssinfer.benchmarks.matched.balance.table import balance_table
from ssinfer.benchmarks.matched.checks import (
    balance_rows,
    comparison_practices,
    design_rows,
    gate_rows,
    practice_rows,
)
from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.comparison_group import Comparison
from ssinfer.benchmarks.matched.covariates import (
    entrants,
    exact_strata,
    person_ids,
    score_covariates,
    truncate,
    truncation_caps,
)
from ssinfer.benchmarks.matched.draws import bootstrapped_growth, posterior_draws, sampling_draws
from ssinfer.benchmarks.matched.growth import (
    ADJUSTMENTS,
    Adjustment,
    Lines,
    adjusted_outcome,
    matched_lines,
    measure_growth,
    placebo_growth,
    practice_shares,
    weighted_lines,
)
from ssinfer.benchmarks.matched.sampling_distribution import CONFIDENCES, Confidence
from ssinfer.benchmarks.matched.scores.bayesian_scores import bayesian_scores
from ssinfer.benchmarks.matched.scores.match import Distance, Match, check_matching, match_persons
from ssinfer.benchmarks.matched.scores.outcome_models import OUTCOME_MODELS, OutcomeModel
from ssinfer.benchmarks.matched.scores.propensity import PropensityScores, propensity_scores
from ssinfer.benchmarks.matched.scores.weighting import entropy_weights, propensity_weights
from ssinfer.benchmarks.matched.shocks import Shocks
from ssinfer.benchmarks.matched.summary import MatchedSummary
from ssinfer.errors import DataError, DesignError, NotSupportedError
from ssinfer.level import check_level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ssinfer.benchmarks.matched.checks import Row
    from ssinfer.benchmarks.matched.kernels.greedy_matching import Order
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.design import Design
    from ssinfer.typing import Floats


COMPARISONS = ("match", "att", "overlap", "entropy")


class PropensityMatching(BenchmarkMethod):
    r"""Benchmark from persons of other practices, matched on the propensity score.

    For treated practice i and performance period t, with ratio means R (money over insured-years) of its own persons
    in the baseline b and of the matched controls c(i):

    .. math:: B_{it} = R_{ib} + (R_{c(i),t} - R_{c(i),b}) + \text{shocks} + \text{noise}

    **Estimand** the practice's mean spending per insured-year without the contract, for the persons insured in t.
    **Assumptions** given the covariates, persons of treated and other practices would have had the same growth
    ("did", "doubly robust": parallel trends within sets) or the same spending ("lagged": no unmeasured confounding
    given prior spending); overlap; practices in the comparison are untouched by the contract. Persons who enter after
    the baseline are matched among themselves. Unmatched treated persons are counted, and are taken to grow like the
    matched.

    **Errors**, each once. *Posterior* (`benchmark`): the controls' persons by the Bayesian bootstrap within practice;
    the treated group's own baseline and performance noise together, with the persons' covariance and skewness learned
    from the matched controls (Pearson III); a shock of every practice, and a shock that a region's practices share
    (the placebo analogue of a contract), with SDs and persistence learned jointly from the growth of practices without
    a contract. *Sampling* (`confidence`): the same quantity with the controls' error from two-way clusters
    (set, practice), Abadie and Imbens's conditional variance, or a bootstrap-t over practices; the treated side, whose
    performance spending is sealed, enters with plug-in variances.

    Parameters
    ----------
    covariates : sequence of str or None
        Baseline covariates of the score and the balance table; None: all of the cohort's. Labels become indicators.
    exact : sequence of str
        Covariates on which matched persons agree exactly.
    prior_spending : bool
        Add the person's own baseline spending to the score. With "did" this invites regression to the mean (a
        warning says so). adjustment="lagged" is the way out where the treated were chosen by what they had spent;
        where they differ in a lasting way that no covariate holds, the way out is to leave prior spending out. The two
        estimates bracket the truth when one of the two holds (Ding and Li 2019): show both.
    comparison : "match", "att", "overlap" or "entropy"
        Matched sets, or weights in their place. "overlap" answers for persons in equipoise, not for the treated.
    ratio, replace, order, caliper, on
        See :func:`~ssinfer.benchmarks.matched.scores.match.match_persons`; caliper in SD of `on`.
    adjustment : "did", "doubly robust" or "lagged"
        See :func:`~ssinfer.benchmarks.matched.growth.adjusted_outcome`.
    outcome_model : "linear", "two-part", "gamma" or "tweedie"
        Of the adjustments other than "did". Coefficients enter as fixed: their error is of second order when the
        comparison is balanced.
    scores : "maximum likelihood" or "bayesian"
        "bayesian" re-matches for each of `score_draws` posterior draws of the score and spreads the draws over them.
    score_draws : int
    classifier : scikit-learn classifier, optional
        In place of the logistic regression.
    confidence : "cluster", "abadie-imbens", "bootstrap-t" or None
    truncation : float or None
        Cap spending per insured-year at this quantile of the persons outside the treated units, per period (0.99, say).
        Benchmark and observed spending are then both of truncated spending.
    shock_prior : float
        Scale of the half-normal priors of both shocks' SDs, as a share of spending: 0.02 has its median at 1.35%, where
        Dutch municipalities are (1.2 to 1.3%), and is as wide as a true shock of 2% asks for. Placebo practices of few
        hundred persons say little about shocks of 1%, and then this number decides: raise it where practices are single
        physicians, or where their growth is known to differ by 3% and more.
    gates : BalanceGates, mapping or None
        Limits on balance, reported as PASS or FAIL in `diagnostics`; a study file writes them as a table,
        ``gates = { smd = 0.05, matched = 0.9 }``, so they are fixed before any effect is known.
    require_gates : bool
        Refuse the benchmark when a gate fails.
    draws : int

    Notes
    -----
    `inference["pairs"]` holds the pair table (persons' identifiers, round, distance, weight), `inference["balance"]`
    the balance table. Below 20 comparison practices the method refuses, below 40 it warns: so few practices do not tell
    how far practices differ.

    References
    ----------
    Stuart, E. A. (2010). Matching methods for causal inference: a review and a look forward. Statistical Science 25,
    1-21. doi:10.1214/09-STS313

    Daw, J. R. and Hatfield, L. A. (2018). Matching and regression to the mean in difference-in-differences analysis.
    Health Services Research 53, 4138-4156. doi:10.1111/1475-6773.12993

    Ding, P. and Li, F. (2019). A bracketing relationship between difference-in-differences and lagged-dependent-
    variable adjustment. Political Analysis 27, 605-615. doi:10.1017/pan.2019.25

    Cameron, A. C. and Miller, D. L. (2015). A practitioner's guide to cluster-robust inference. Journal of Human
    Resources 50, 317-372. doi:10.3368/jhr.50.2.317

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
    >>> cf = PropensityMatching(draws=200).fit(cohort, Design(["gp0"], baseline=[2018], performance=[2019]), seed=1)
    >>> cf.uncertainty, cf.benchmark.shape
    ('posterior', (1, 200, 1, 1))
    """

    needs: ClassVar[Literal["panel", "cohort"]] = "cohort"
    capabilities: ClassVar[Capabilities] = Capabilities(covariates=True, posterior=True, confidence=True)

    def __init__(
        self,
        covariates: Sequence[str] | None = None,
        exact: Sequence[str] = (),
        *,
        prior_spending: bool = False,
        comparison: Literal["match", "att", "overlap", "entropy"] = "match",
        ratio: int = 1,
        replace: bool = False,
        order: Order = "largest",
        caliper: float | None = 0.2,
        on: Distance = "logit",
        adjustment: Adjustment = "did",
        outcome_model: OutcomeModel = "linear",
        scores: Literal["maximum likelihood", "bayesian"] = "maximum likelihood",
        score_draws: int = 20,
        classifier: Any = None,
        confidence: Confidence | None = "cluster",
        truncation: float | None = None,
        shock_prior: float = 0.02,
        gates: BalanceGates | Mapping[str, float | bool | None] | None = BalanceGates(),  # noqa: B008  (frozen)
        require_gates: bool = False,
        draws: int = 2000,
    ) -> None:
        self.covariates = covariates
        self.exact = exact
        self.prior_spending = prior_spending
        self.comparison = comparison
        self.ratio = ratio
        self.replace = replace
        self.order = order
        self.caliper = caliper
        self.on = on
        self.adjustment = adjustment
        self.outcome_model = outcome_model
        self.scores = scores
        self.score_draws = score_draws
        self.classifier = classifier
        self.confidence = confidence
        self.truncation = truncation
        self.shock_prior = shock_prior
        self.gates = gates
        self.require_gates = require_gates
        self.draws = draws

    def check_parameters(self) -> None:
        """Refuse parameters that no data could make sense of."""
        check_matching(ratio=self.ratio, order=self.order, caliper=self.caliper, on=self.on)
        for name, allowed in (
            ("comparison", COMPARISONS),
            ("adjustment", ADJUSTMENTS),
            ("outcome_model", OUTCOME_MODELS),
            ("scores", ("maximum likelihood", "bayesian")),
            ("confidence", (*CONFIDENCES, None)),
        ):
            if getattr(self, name) not in allowed:
                raise DesignError(f"{name} is {getattr(self, name)!r}; allowed: {', '.join(map(repr, allowed))}.")
        as_gates(self.gates)
        if self.truncation is not None:
            check_level(self.truncation, "truncation")
        if not 0 < self.shock_prior < 1:
            raise DesignError(
                f"shock_prior is {self.shock_prior!r}; a share of spending between 0 and 1, such as 0.02."
            )
        if self.draws < 2:
            raise DesignError(f"draws is {self.draws}; at least two are needed, and 2,000 for stable tails.")
        if self.scores == "bayesian":
            if self.classifier is not None:
                raise NotSupportedError("scores='bayesian'", "a classifier", "Give one or the other.")
            if self.comparison == "entropy":
                raise NotSupportedError("scores='bayesian'", "entropy balancing, which uses no score")
            if not 1 <= self.score_draws <= self.draws:
                raise DesignError(f"score_draws is {self.score_draws}; allowed: 1 to draws ({self.draws}).")
        if self.confidence == "abadie-imbens" and self.comparison != "match":
            raise NotSupportedError("confidence='abadie-imbens'", f"comparison={self.comparison!r}", "Use 'cluster'.")

    def prepare(self, data: Any, design: Design) -> Problem:
        """Lay the design over the persons; a panel is refused."""
        name = type(self).__name__
        if not hasattr(data, "to_panel"):
            if hasattr(data, "units") and hasattr(data, "spending"):
                raise NotSupportedError(
                    "A panel", f"{name}, which needs persons", "Give the Cohort from which the panel was aggregated."
                )
            raise DataError(f"{name} got a {type(data).__name__}; a Cohort is needed.")
        if design.starts:
            raise NotSupportedError("A staggered start", name, "Give one design per start.")
        if design.standard is not None:
            raise NotSupportedError(
                "Design(standard=...)", f"{name}, which compares persons of like case mix", "Name it among covariates."
            )
        if self.truncation is not None:
            data = truncate(data, truncation_caps(data, design, self.truncation))
        return CohortProblem.over(data, design)

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Estimate one problem."""
        assert isinstance(problem, CohortProblem)  # noqa: S101  (for the type checker: prepare made it)
        comparison, checks = self.compare(problem)
        offset_and_growth, variants = self._posterior_growth(comparison, rng)
        posterior = posterior_draws(comparison, offset_and_growth, rng)
        sampling = None if self.confidence is None else sampling_draws(comparison, self.confidence, self.draws, rng)
        summary = MatchedSummary(comparison, checks, variants)
        return Estimate(
            benchmark=posterior.benchmark[None],
            expected=posterior.expected[None],
            confidence=None if sampling is None else sampling[None],
            uncertainty="posterior",
            weights=comparison.shocks.shares,
            solver=summary.solver(),
            components=summary.components(offset_and_growth),
            diagnostics=summary.diagnostics(posterior.benchmark, sampling),
            inference=summary.inference(),
        )

    def compare(self, problem: CohortProblem) -> tuple[Comparison, list[Row]]:
        """Return whom the comparison is made with, and the checks known before any effect is."""
        count = comparison_practices(problem)
        columns = score_covariates(problem, self.covariates, prior_spending=self.prior_spending)
        scores = propensity_scores(columns, problem.is_treated, classifier=self.classifier)
        lines, match, weights = self._lines(problem, scores, columns)
        table = balance_table({"distance": scores.logit, **columns}, problem.is_treated, weights)
        gates = as_gates(self.gates)
        checks = [
            *practice_rows(problem, count),
            *design_rows(
                prior_spending=self.prior_spending,
                adjustment=self.adjustment,
                comparison=self.comparison,
                truncation=self.truncation,
            ),
            *balance_rows(problem.is_treated, scores, weights, match),
            *gate_rows(gates, table, problem.is_treated, weights, scores, require=self.require_gates),
        ]
        matrix = np.column_stack(list(columns.values()))
        outcome = adjusted_outcome(problem, lines, matrix, self.adjustment, self.outcome_model)
        growth = measure_growth(problem, lines, outcome)
        shocks = Shocks.learn(
            problem, placebo_growth(problem, outcome), practice_shares(problem, lines), self.shock_prior
        )
        distance = scores.logit if self.on == "logit" else scores.score
        comparison = Comparison(
            problem, columns, matrix, distance, match, weights, table, lines, outcome, growth, shocks
        )
        return comparison, checks

    def _lines(
        self, problem: CohortProblem, scores: PropensityScores, columns: dict[str, Floats]
    ) -> tuple[Lines, Match | None, Floats]:
        """Return the lines of the comparison, the match if there is one, and weights of persons (n,)."""
        treated = problem.is_treated
        if self.comparison == "match":
            match = match_persons(
                scores,
                treated,
                ratio=self.ratio,
                replace=self.replace,
                order=self.order,
                caliper=self.caliper,
                on=self.on,
                exact=exact_strata(problem, self.exact),
                ids=person_ids(problem),
            )
            return matched_lines(problem, match, replace=self.replace), match, match.weights
        if self.comparison == "entropy":
            weights = entropy_weights(columns, treated)
        else:
            weights = propensity_weights(scores.score, treated, "att" if self.comparison == "att" else "overlap")
        late = entrants(problem)
        if not late[treated].any():
            weights = np.where(late, 0.0, weights)  # nobody treated entered: controls who did are like nobody
        return weighted_lines(problem, weights), None, weights

    def _posterior_growth(self, point: Comparison, rng: np.random.Generator) -> tuple[Floats, list[Match]]:
        """Return draws of offset + growth of the controls (D, I, P), and the match of each drawn score."""
        if self.scores != "bayesian":
            return bootstrapped_growth(point, point.lines, point.outcome, self.draws, rng), []
        problem, pieces, matches = point.problem, [], []
        drawn = bayesian_scores(point.columns, problem.is_treated, self.score_draws, rng)
        for place, scores in enumerate(drawn):
            lines, match, _ = self._lines(problem, scores, point.columns)
            outcome = adjusted_outcome(problem, lines, point.matrix, self.adjustment, self.outcome_model)
            count = self.draws // len(drawn) + (place < self.draws % len(drawn))
            pieces.append(bootstrapped_growth(point, lines, outcome, count, rng))
            if match is not None:
                matches.append(match)
        return np.concatenate(pieces), matches
