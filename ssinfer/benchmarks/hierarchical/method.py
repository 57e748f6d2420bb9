"""HierarchicalBenchmark: a Bayesian hierarchical model of all units with partial pooling."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from ssinfer.arguments import COUNT, MOST, Number, Optional, Rule, Several
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.hierarchical.breaks import BREAK, Break
from ssinfer.benchmarks.hierarchical.exact import FOLDS, estimate_joint, estimate_placebos, folds_of
from ssinfer.benchmarks.hierarchical.layout import Layout
from ssinfer.benchmarks.hierarchical.unit_effect import Choices, lay_out_chosen
from ssinfer.benchmarks.problem import Problem
from ssinfer.deprecation import renamed_parameters
from ssinfer.errors import SsinferError
from ssinfer.typing import Floats

MIN_BOOTSTRAP_PANELS = 50


@renamed_parameters(draws="n_draws")
@dataclass(eq=False, repr=False)
class HierarchicalBenchmark(BenchmarkMethod):
    r"""Bayesian hierarchical model of all units, in which all effects are integrated out exactly.

    For unit i in period t, with y the log of spending per insured-year (or spending relative to its mean),

    .. math:: y_{it} = m_t + a_i + b_i (t - \bar t) + v_t u_{it} + e_{it}

    m are period effects and v volatilities of periods, which all units share. a, b and u are the unit's level, trend
    and AR(1) shock. e is sampling noise of variance κ²/n (κ is estimated), or of known variance. Options add seasons,
    shocks that neighbours or regions share, and covariates that explain growth.
    :mod:`ssinfer.benchmarks.hierarchical.model` gives every term, docs/hierarchical.md every prior.

    Given the few standard deviations and persistences the model is Gaussian. The marginal likelihood and the predictive
    distribution of the treated units' performance cells are then exact. The posterior of these parameters is computed
    by importance sampling with Pareto-smoothed weights. Placebos in a fold (every eighth unit) share a proposal that is
    fitted without their performance cells; importance weights correct for the difference. A design gives the same draws
    in :meth:`fit` and in :meth:`fit_many`, to rounding error. With neighbours or covariates all placebos of a window
    share nodes, and these draws agree within Monte Carlo error. Fewer than three units or two baseline periods are
    refused.

    Parameters
    ----------
    scale : "log" or "identity", whether effects multiply spending or add to it; "identity" allows zero spending
    trend : bool, whether units have their own linear trends
    shock : "ar1" or None, autocorrelated shock of a unit, which does not shrink with its size
    volatility : bool
        Whether the size of all units' shocks differs between periods (one parameter each), or is the same. The controls
        show it, also in the performance period: intervals and thresholds are narrower in a calm year.
    season : int, optional, number of periods in a season cycle; units then have their own seasonal pattern
    spatial : None, "distance", "auto", the name of a covariate, or a table
        Whether neighbours share a level and a shock. "distance": correlated exp(-distance / `range_km`), from the
        panel's covariates latitude and longitude. A covariate: shared in the regions that it numbers. A table (pandas,
        units x units, by name): similarity, or adjacency or shares in common if its diagonal is zero. "auto":
        "distance" if the panel has coordinates and the marginal likelihood of the cells before the performance period
        prefers it, which a row of `diagnostics` tells.
    range_km, rank : float, int
        Range of the correlation in kilometres; number of leading eigenvectors to which the correlation is reduced.
    covariates : sequence of str, whose baseline means explain growth; their effects are shrunk towards zero
    n_draws, chains : int, total number of draws, and number of chains, which has to divide it
    nodes : int, least number of nodes of the importance sampling, a power of two; at most eight times as many are used
    bootstrap : int
        Number of panels in the parametric bootstrap behind `cf.confidence` (REML of the same model); 0 for none. 200
        are enough for 90% and 95% intervals.
    inference : "exact" or "nuts"
        "nuts" samples the written-out PyMC model with nutpie. It is slower by orders of magnitude. Use it to check the
        exact fit, or for a likelihood without closed form. Its last digits depend on the compiler and the machine.
    likelihood : "normal" or "student"
        Distribution of the shocks. "student" (4 degrees of freedom, same variance) needs ``inference="nuts"``.
    unit_effect : "auto", "own", "pooled" or "covariates", the prior of a unit's level
        "pooled": levels are drawn towards the mean of all units, so a small unit above the others is expected to spend
        too little. "own": an almost flat prior, so no lasting level is shrunk; small units pay with a larger error.
        "covariates": "pooled" towards the prediction by the means of `covariates`, which have to be given.
        "auto": "pooled" if its error does not depend on the lasting level in at most five windows before the start (the
        95% interval of the slope lies within ±0.067, one point at a level of 15%), else "own"; "own" with fewer than
        two windows. `diagnostics` has slope, standard error and choice; placebos of a window share the choice.
    history : "baseline" or "all"
        "all": also learn from all periods before the baseline in which all units are known. Masked periods, and those
        between the baseline and the start, stay out. A study on claims has "all" unless it states another.
    breaks : sequence of Break, declared changes of what spending holds; `diagnostics` have a row for each

    Examples
    --------
    >>> import numpy as np, pandas as pd, ssinfer as ss
    >>> from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
    >>> rng = np.random.default_rng(1)
    >>> level = 2000 * np.exp(rng.normal(0, 0.05, 30))
    >>> frame = pd.DataFrame([(f"p{i:02}", t, level[i] * 1.02**t * (1 + rng.normal(0, 0.02)), 9000.0)
    ...                       for i in range(30) for t in range(5)],
    ...                      columns=["unit", "period", "spending", "insured_years"])
    >>> panel = ss.Panel.from_frame(frame)
    >>> design = ss.Design(treated=["p00"], baseline=range(4), performance=[4])
    >>> cf = HierarchicalBenchmark(n_draws=1000, nodes=512).fit(panel, design, seed=1)
    >>> cf.uncertainty, cf.benchmark.shape, bool(abs(cf.savings().pooled().measured_rate.item()) < 0.06)
    ('posterior', (4, 250, 1, 1), True)

    References
    ----------
    Vehtari, A., Simpson, D., Gelman, A., Yao, Y., Gabry, J. (2024), Pareto smoothed importance sampling, Journal of
    Machine Learning Research 25(72), https://www.jmlr.org/papers/v25/19-556.html. Gelman, A. (2006), Prior
    distributions for variance parameters in hierarchical models, Bayesian Analysis 1(3), doi 10.1214/06-BA117A.
    """

    placebos_together: ClassVar[int] = 10_000
    placebo_folds: ClassVar[int] = FOLDS
    capabilities: ClassVar[Capabilities] = Capabilities(
        staggered_starts=True, covariates=True, posterior=True, confidence=True, level_dependent=True
    )
    on_claims: ClassVar[Mapping[str, Any]] = {"history": "all"}
    signed_before: ClassVar[Mapping[str, Any]] = {"unit_effect": "pooled", "history": "baseline"}
    rules: ClassVar[dict[str, Rule]] = {
        "season": Optional(Number(2, whole=True)),
        "range_km": Number(0, open=True),
        "rank": COUNT,
        "breaks": Several(BREAK),
        "n_draws": Number(2, MOST, whole=True),
        "nodes": Number(512, MOST, whole=True),
        "bootstrap": Number(0, MOST, whole=True),
    }

    scale: Literal["log", "identity"] = "log"
    trend: bool = True
    shock: Literal["ar1"] | None = "ar1"
    volatility: bool = True
    season: int | None = None
    spatial: str | pd.DataFrame | None = None
    range_km: float = 25.0
    rank: int = 60
    covariates: Sequence[str] = ()
    n_draws: int = 4000
    chains: int = 4
    nodes: int = 1024
    bootstrap: int = 0
    inference: Literal["exact", "nuts"] = "exact"
    likelihood: Literal["normal", "student"] = "normal"
    unit_effect: Literal["auto", "own", "pooled", "covariates"] = "auto"
    history: Literal["baseline", "all"] = "baseline"
    breaks: Sequence[Break] = ()

    @property
    def needs_positive_spending(self) -> bool:  # type: ignore[override]
        """True on the log scale."""
        return self.scale == "log"

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        super().check_parameters()
        if self.likelihood == "student" and self.inference == "exact":
            raise self.parameter_error("likelihood", "It has no closed form: add inference='nuts', or keep 'normal'.")
        if self.bootstrap and self.inference == "nuts":
            raise self.parameter_error("bootstrap", "The bootstrap belongs to inference='exact': set bootstrap=0.")
        if self.unit_effect == "covariates" and not self.covariates:
            raise self.parameter_error("unit_effect", "Name covariates, or give 'own' or 'pooled'.")
        self.require_equal_chains(self.n_draws, self.chains)
        if 0 < self.bootstrap < MIN_BOOTSTRAP_PANELS:
            raise self.parameter_error(
                "bootstrap", f"Give 0 for no confidence distribution, or at least {MIN_BOOTSTRAP_PANELS} panels."
            )

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Estimate one problem."""
        layout = lay_out_chosen(problem, self, {})
        if self.inference == "nuts":
            return self._nuts(layout, rng)
        if len(problem.treated) > 1:
            return estimate_joint(problem, layout, rng, self)
        return next(iter(estimate_placebos([problem], [layout], [rng], (layout.y, layout.seen), self)))

    def estimate_many(
        self, problems: Sequence[Problem], generators: Sequence[np.random.Generator]
    ) -> Iterable[Estimate | SsinferError]:
        """Estimate several problems. Placebos of one window share the passes over the panel."""
        results: dict[int, Estimate | SsinferError] = {}
        shared: dict[tuple[Any, ...], list[tuple[int, Layout]]] = {}
        choices: Choices = {}
        for number, problem in enumerate(problems):
            try:
                layout = lay_out_chosen(problem, self, choices)
            except SsinferError as error:
                results[number] = error
                continue
            complete = np.isfinite(problem.panel.spending[np.ix_(layout.rows, layout.columns)]).all()
            if self.inference == "nuts" or len(problem.treated) > 1 or not complete:
                results[number] = self.estimate(problem, generators[number])
                continue
            window = (id(problem.panel), layout.rows.tobytes(), layout.columns.tobytes(), layout.ahead.tobytes())
            shared.setdefault((*window, problem.design.standard, folds_of(layout, self)[layout.treated[0]]), []).append(
                (number, layout)
            )
        for group in shared.values():
            numbers, layouts = zip(*group, strict=True)
            group_problems = [problems[number] for number in numbers]
            rngs = [generators[number] for number in numbers]
            data = _complete_cells(group_problems[0], layouts[0])
            estimates = estimate_placebos(group_problems, layouts, rngs, data, self)
            results.update(zip(numbers, estimates, strict=True))
        return [results[number] for number in range(len(problems))]

    def _nuts(self, layout: Layout, rng: np.random.Generator) -> Estimate:
        """Sample the written-out PyMC model."""
        from ssinfer.benchmarks.hierarchical import reference  # noqa: PLC0415  (heavy)

        seed, draws = int(rng.integers(0, 2**31)), self.n_draws // self.chains
        tree = reference.sample_reference(
            layout, draws=draws, chains=self.chains, seed=seed, likelihood=self.likelihood
        )
        names = [parameter.name for parameter in layout.model.parameters]
        checks, failures = reference.nuts_checks(tree, [*names, "y_ahead"], layout.checks())
        return Estimate(
            benchmark=layout.spending(tree["posterior"]["y_ahead"].values),
            expected=layout.spending(tree["posterior"]["expected_ahead"].values),
            uncertainty="posterior",
            diagnostics=checks,
            failures=failures,
            inference=reference.nuts_groups(tree, names),
        )


def _complete_cells(problem: Problem, layout: Layout) -> tuple[Floats, Floats]:
    """Return y and seen with the sealed cells of each placebo, as the other placebos see them."""
    box = np.ix_(layout.rows, layout.columns)
    spending = problem.panel.spending[box] / problem.factor[box]
    y = np.log(spending) if layout.scale == "log" else spending / layout.unit
    return y - layout.centre, np.ones(spending.shape)
