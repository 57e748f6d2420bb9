"""RiskAdjustedBenchmark: benchmark from the history of each insured person."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from ssinfer.arguments import MOST, Number, Optional, Rule
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.persons import practice_check, require_cohort
from ssinfer.benchmarks.problem import Problem
from ssinfer.benchmarks.risk_adjusted.blocks import blocks_of
from ssinfer.benchmarks.risk_adjusted.draws import posterior_draws, sampling_draws
from ssinfer.benchmarks.risk_adjusted.fit import Fit
from ssinfer.benchmarks.risk_adjusted.kernels.growth import growth_draws
from ssinfer.benchmarks.risk_adjusted.person_problem import PersonProblem
from ssinfer.benchmarks.risk_adjusted.regression import REGRESSOR, seeded
from ssinfer.benchmarks.risk_adjusted.signing import SignedProblem
from ssinfer.benchmarks.risk_adjusted.summary import components, diagnostics, growth_check
from ssinfer.benchmarks.risk_adjusted.window import Window
from ssinfer.design import Design
from ssinfer.errors import RefusalError
from ssinfer.later import Later
from ssinfer.typing import Floats


@dataclass(eq=False, repr=False)
class RiskAdjustedBenchmark(BenchmarkMethod):
    r"""Benchmark from the history of each insured person, and a lasting effect of the unit.

    With predictions :math:`\mu_i` of the spending per insured-year of the unit's persons i, by a model of persons
    outside its region, and insured-years w,

    .. math:: B_t = \frac{\sum_i w_{it} \mu_{it}}{\sum_i w_{it}} e^{\lambda u + s_t / \epsilon} + \text{model error} +
              \text{noise}.

    **Estimand** Mean spending per insured-year of the persons insured with the unit in t, without the contract; of all
    spending or of truncated spending (`estimand`).

    **Assumptions** Given history before the start, age, sex and the other covariates, the unit's persons would have
    spent as the persons of others do, up to a lasting effect u of the unit that was visible in earlier years, and
    shocks s like those of other units. The contract affects no other unit.

    **Model of risk** Ridge regression (or a `regressor`) on :func:`~ssinfer.cohort.person_features.person_features`.
    The unit's persons are predicted by persons of other regions; if that would leave fewer than 20 practices, of nine
    tenths of the practices. Persons who were with the unit in a performance period are left out, wherever else they
    were.

    **Effect of the unit** In every earlier block of the same length and season the same model is fitted. The residuals
    of spending truncated at a quantile of the year before (`truncation`) show u, with less noise than those of all
    spending. Those of blocks with a shorter history count for less, because there persons explain less of a lasting
    level. The elasticity :math:`\epsilon` of truncated spending carries shocks to all spending; :math:`\lambda` carries
    the effect and is :math:`1 / \epsilon` if histories explain as much of a level in both. Variances of u and s and the
    persistence of s have a joint posterior, from the donors' residuals in all blocks. If the estimand is of truncated
    spending, :math:`\epsilon` is 1.

    **Posterior** Each source of error enters once. Noise of the unit's persons has the variance and skewness of
    the donors' residuals by class of risk, and the correlation of the same persons over blocks and periods.
    Coefficients have the covariance clustered by practice, which holds the donors' noise and shocks as well.

    **Sampling distribution** (`confidence`) The same quantity, by a cluster bootstrap of the benchmark's error. With
    practice g drawn :math:`m_g` times, and :math:`s_{gt}` the influence of its persons on the predicted spending,

    .. math:: B_t^* = \hat\mu_t e^{\lambda \hat u^* + s_t^* / \epsilon} +
              \sqrt{G / (G - 1)} \sum_g (m_g - 1) s_{gt} + \text{noise}^*.

    It has, each once: the practices of the model (their persons' noise and shocks); shocks of the unit and its region;
    the noise of the unit's persons; and the error of the estimated effect, from the same noise and shocks in the
    earlier blocks, and from the part of u that the estimate does not keep. Variances are estimates, not drawn; the
    prior that `level_response` raises weights the estimate and is in no draw.

    **At signing** (`information`) Nothing after the history enters. Persons who are with the unit at its end are moved
    back by k years to the latest block that is known, at its prices. There all is as above. With G the growth since,

    .. math:: B_t = e^{G} B_{t-k}, \quad G \sim N(k m, k \sigma^2), \quad g_j \sim N(m, \sigma^2 + v).

    Each :math:`g_j` is the log of what all units' persons spent in an earlier block over their prediction, in the same
    way, from the block a year before; so it holds who joined and who left. Its noise v, clustered by unit, is no part
    of G, because the error of the block that is carried forward is in the model error. m has a flat prior, and
    :math:`\sigma` a half-normal one. It is assumed that growths of years are alike and independent. The sampling
    distribution has the same G.

    Parameters
    ----------
    covariates : sequence of str or None. Baseline covariates beside the history; None: all.
    level_response : float or None
        Least response of the benchmark to a lasting level of spending that persons do not explain. At 0.95 a contract
        that lies 15% above the others is paid about 0.7 points too little (1.0 was measured). It works as a prior of u:
        where the learned variance would keep less, it is raised. The raised prior depends on the unit's own size. 1: a
        flat prior. None: the learned variance alone, with the smallest error and the largest bias.
    history : "baseline" or "all"
        Histories end with the baseline and leave out masked periods. "all": they have every period before the start.
        Each model is fitted to persons of others in the same periods, so what a masked period did to all is in it.
    confidence : "cluster" or None, the sampling distribution
    information : "settlement" or "signing"
        "settlement": the model is of the performance periods of others. "signing": the benchmark is known before the
        start, and nobody's later spending changes it. It has the error of growth too, and an `estimand` of "all" only.
        Three pairs of earlier blocks a year apart are needed, the earliest with a year of history: five years.
    regressor : None (ridge), or a scikit-learn regressor whose `fit` takes `sample_weight`
        It is trained on the same features, with spending per insured-year as y and insured-years as weight, and scaled
        by one factor so that the sum of its training persons is right. Donors' residuals are of persons who were not in
        the model. The error of a prediction is a delete-a-group jackknife over ten groups of practices. Noise of
        earlier blocks stays that of the ridge. With Q earlier blocks and P performance periods one fit takes at most
        11 (Q + 1 + P) regressions. Random states that are None are drawn from the seed, and then no regression serves
        two designs of a backtest: give one.
    penalty : float, ridge penalty of standardised features, insured-years
    effect_prior, shock_prior : float
        Scales of the half-normal priors of the SDs of u and s, as fractions of spending; half of that for the parts
        that units of a region share.
    growth_prior : float, scale of the half-normal prior of the SD of a year's growth, which counts at signing
    n_draws : int, number of draws
    estimand : "all", "truncated" or "truncated_plus_excess"
        Spending of which benchmark and observed spending are. "truncated": of a person's spending in a contract year,
        what exceeds the cap times insured-years is cut, in proportion to that of the periods. "truncated_plus_excess":
        the excess that others lead to expect of the unit's persons is added to both. The saving in money is then that
        of truncated spending, and the rate is one of all. `inference["estimand"]` has the cap, the excess, and the
        elasticity: a saving spread evenly over all spending lowers truncated spending by that part of its size.
    truncation : float
        Quantile of persons' spending per insured-year in the year before each block, the cap of the estimand and of the
        residuals of the effect

    Notes
    -----
    Spending that was truncated by the extraction is predicted as it is. Without an earlier block there is no effect of
    the unit, and `diagnostics` say so. Fewer than 20 practices are refused, and fewer than 40 warned: by so few
    clusters intervals are too short. With a regressor the clusters are its ten groups, and growth is by the ridge.

    References
    ----------
    Risk adjustment: Ellis, Martins and Rose (2018), doi:10.1016/B978-0-12-811325-7.00003-8. Clusters: Cameron and
    Miller (2015), doi:10.3368/jhr.50.2.317. docs/risk_adjusted.md has traps, figures and limits.

    Examples
    --------
    >>> from ssinfer.design import Design
    >>> from ssinfer.simulation import simulate_cohort
    >>> cohort = simulate_cohort(40, persons=(60, 90), seed=1)
    >>> design = Design(["practice 01"], baseline=[2015, 2016, 2017], performance=[2018])
    >>> cf = RiskAdjustedBenchmark(n_draws=200).fit(cohort, design, seed=1)
    >>> cf.uncertainty, cf.benchmark.shape
    ('posterior', (1, 200, 1, 1))
    """

    needs: ClassVar[Literal["panel", "cohort"]] = "cohort"
    shares_work: ClassVar[bool] = True
    placebos_together: ClassVar[int] = 128
    capabilities: ClassVar[Capabilities] = Capabilities(
        covariates=True, posterior=True, confidence=True, level_dependent=True
    )
    rules: ClassVar[dict[str, Rule]] = {
        "level_response": Optional(Number(0, 1)),
        "regressor": Optional(REGRESSOR),
        "penalty": Number(0, open="low"),
        "effect_prior": Number(0, 1, open=True),
        "shock_prior": Number(0, 1, open=True),
        "growth_prior": Number(0, 1, open=True),
        "n_draws": Number(2, MOST, whole=True),
        "truncation": Number(0.5, 1, open="high"),
    }

    covariates: Sequence[str] | None = None
    _: KW_ONLY
    level_response: float | None = 0.95
    history: Literal["baseline", "all"] = "baseline"
    confidence: Literal["cluster"] | None = "cluster"
    information: Literal["settlement", "signing"] = "settlement"
    regressor: Any = None
    penalty: float = 2000.0
    effect_prior: float = 0.1
    shock_prior: float = 0.02
    growth_prior: float = 0.05
    n_draws: int = 2000
    estimand: Literal["all", "truncated", "truncated_plus_excess"] = "all"
    truncation: float = 0.99

    @property
    def offered(self) -> Capabilities:
        """Capabilities, without a sampling distribution if none was asked for."""
        return replace(self.capabilities, confidence=self.confidence is not None)

    def check_parameters(self) -> None:
        """Refuse truncated spending at signing."""
        super().check_parameters()
        if self.information == "signing" and self.estimand != "all":
            allowed = "With information='signing' the benchmark is of all spending: give estimand='all'"
            raise self.parameter_error("estimand", f"{allowed}, and truncate spending in the extraction.")

    def prepare(self, data: Any, design: Design) -> Problem:
        """Apply the design to the persons; a panel is refused."""
        require_cohort(data, design, type(self).__name__)
        if self.information == "signing":
            return SignedProblem.over(data, design, type(self).__name__, everything=self.history == "all")
        return PersonProblem.over(data, design)

    def estimate(self, problem: Problem, rng: np.random.Generator, shared: dict[Any, Any] | None = None) -> Estimate:
        """Estimate one problem; `shared` holds the passes over the persons of each window."""
        windows, signed = {} if shared is None else shared, problem
        if isinstance(problem, SignedProblem):  # its persons are its own, and so is their window
            problem, growths = problem.moved_back(windows, self.covariates, self.penalty, self.truncation)
            windows = {}
        assert isinstance(problem, PersonProblem)  # noqa: S101  (for the type checker: prepare made it)
        practices = practice_check(problem.labels(np.flatnonzero(problem.donor_units)), len(problem.treated))
        blocks = blocks_of(problem, type(self).__name__, everything=self.history == "all")
        key = id(problem.cohort), blocks
        if key not in windows:
            given = problem.cohort, blocks, self.covariates, self.penalty, self.truncation
            windows[key] = Window.of(*given, truncated=self.estimand != "all", keep=self.regressor is not None)
        regressor = None if self.regressor is None else seeded(self.regressor, rng)
        priors = self.penalty, self.effect_prior, self.shock_prior, self.level_response
        fit = Fit(problem, windows[key], *priors, regressor)
        spending, added, group = self._estimand(fit)
        draws = posterior_draws(fit, self.n_draws, rng)
        sampling = None if self.confidence is None else sampling_draws(fit, self.n_draws, rng)
        for model in fit.models:
            model.sums.clear()  # a backtest keeps many fits for their diagnostics
        factor, checks = np.ones((1, 1, 1)), [practices]
        if isinstance(signed, SignedProblem):
            draws_ahead = growth_draws(*growths, self.growth_prior, signed.years, self.n_draws, rng)
            factor = np.exp(draws_ahead)[:, None, None]
            checks.append(growth_check(*growths, signed.years, factor))
        return Estimate(
            benchmark=(factor * draws.benchmark)[None] + added,
            expected=(factor * draws.expected)[None] + added,
            confidence=None if sampling is None else (factor * sampling)[None] + added,
            spending=spending,
            information=self.information,
            uncertainty="posterior",
            components=Later(lambda: components(fit, draws.level, draws.effects.noise, added, factor)),
            diagnostics=Later(lambda: diagnostics(fit, draws.effects, checks)),
            inference={"estimand": group},
        )

    def _estimand(self, fit: Fit) -> tuple[Floats | None, Floats, xr.Dataset]:
        """Return observed spending (I, P; None: the panel's), the excess that is added back, and both by name."""
        problem, block = fit.problem, fit.window.performance
        if self.estimand == "all":
            return None, np.zeros(fit.rate.shape), xr.Dataset({"estimand": self.estimand})
        donors = problem.donor_units[block.unit]
        if not (block.money[donors, -1] < block.cap * block.weights[donors, -1]).any():
            raise RefusalError(
                f"truncation is {self.truncation}, which caps persons at {block.cap:,.2f} per insured-year, the "
                "quantile of the year before the performance period. No person of the comparison spent less, so "
                "truncated spending tells nothing of a saving. Give a higher quantile, or estimand='all'."
            )
        added = fit.excess if self.estimand == "truncated_plus_excess" else np.zeros(fit.rate.shape)
        cells = np.ix_(problem.treated, problem.performance_columns)
        money, years = block.cross[:-1, problem.treated, 0].T, block.moments[:-1, problem.treated, 0, 0].T
        observed = np.where(np.isfinite(problem.panel.spending[cells]), money / years + added, np.nan)
        coords = {"unit": problem.labels(problem.treated), "period": problem.periods(problem.performance_columns)}
        facts = {"truncation": self.truncation, "cap": block.cap, "elasticity": fit.window.elasticity}
        group = xr.Dataset({"estimand": self.estimand, **facts, "excess": (("unit", "period"), added)}, coords)
        return observed, added, group
