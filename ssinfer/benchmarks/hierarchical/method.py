"""HierarchicalBenchmark: partial pooling over units, exact and fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd

from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.hierarchical.arviz_groups import PanelGroups
from ssinfer.benchmarks.hierarchical.layout import Layout, Options, lay_out
from ssinfer.benchmarks.hierarchical.posterior import (
    draw_joint,
    draw_one,
    predict_placebos,
    propose,
    settle,
    settle_placebo,
)
from ssinfer.benchmarks.hierarchical.reml import bootstrap_errors, confidence_draws, flatten, restricted_maximum
from ssinfer.deprecation import Renamed, renamed_parameters
from ssinfer.errors import SsinferError
from ssinfer.kernels.adaptive_importance import MAX_PARETO_K, MIN_ESS, Posterior, resample_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.hierarchical.model import PanelModel
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

FOLDS = 8  # of the units; see HierarchicalBenchmark
MIN_BOOTSTRAP_PANELS = 50
ALLOWED: dict[str, tuple[str | None, ...]] = {
    "scale": ("log", "identity"),
    "shock": ("ar1", None),
    "inference": ("exact", "nuts"),
    "likelihood": ("normal", "student"),
}


@renamed_parameters(Renamed("draws", "n_draws", per_chain=True))
class HierarchicalBenchmark(BenchmarkMethod):
    r"""Bayesian hierarchical model of all units, all effects integrated out exactly.

    For unit i in period t, with y the log of spending per insured-year (or spending relative to its mean),

    .. math:: y_{it} = m_t + a_i + b_i (t - \bar t) + v_t u_{it} + e_{it}

    period effects m common to all; level a, trend b and an AR(1) shock u of the unit; volatility v of the period,
    common to all; sampling noise e of variance κ²/n (κ learned), or known. Options add seasons, shocks shared by
    neighbours or regions, covariates as growth.
    See :mod:`ssinfer.benchmarks.hierarchical.model` for every term and prior.

    Given the few standard deviations and persistences the model is Gaussian: the marginal likelihood and the predictive
    distribution of the treated units' performance cells are exact. The posterior of these few parameters is taken by
    importance sampling with Pareto-smoothed weights. Its proposal, a mixture of Student-t distributions, is fitted to
    the posterior without the performance cells of the treated unit and of every eighth other unit with it: so the
    placebos of one such fold share a proposal that has seen no placebo's own sealed cells, and the weights put right
    what the proposal did not see.

    Parameters
    ----------
    scale : "log" or "identity"
        Effects multiply spending, or add to it. "identity" admits zero spending.
    trend : bool
        Whether units have their own linear trends.
    shock : "ar1" or None
        Autocorrelated shock particular to a unit, which does not shrink with its size.
    volatility : bool
        Whether periods differ in how large the shocks of all units are. The controls show it, also in the performance
        period: after a calm year intervals and thresholds are narrower than the baseline alone would have them, after a
        turbulent one wider. Adds a parameter a period; False: one shock SD for all periods.
    season : int, optional
        Periods in a season cycle: units then have their own seasonal pattern. (A common one is in the period effects.)
    spatial : None, "distance" or the name of a covariate
        Level and shock shared with neighbours: correlated exp(-distance / `range_km`), from the panel's covariates
        latitude and longitude, kept to the `rank` leading eigenvectors; or shared within the regions that a covariate
        numbers.
    range_km, rank : float, int
    covariates : sequence of str
        Their baseline means explain growth, shrunk towards none.
    n_draws : int
        Total number of draws, over all chains together.
    chains : int
        Number of chains into which the draws are split; it has to divide `n_draws`.
    nodes : int
        Least number of nodes of the importance sampling, a power of two; up to eight times as many where the weights
        would not be dependable.
    bootstrap : int
        Panels of the parametric bootstrap behind `cf.confidence`, the frequentist twin (REML of the same model); 0 for
        none. 200 is enough for 90% and 95% intervals.
    inference : "exact" or "nuts"
        "nuts" samples the written-out PyMC model with nutpie: slower by orders of magnitude, for checking the exact fit
        and for what has no closed form. Its digits depend on the compiler: PyTensor's functions differ in their last
        digits between a first compilation and a later load from its cache, and the chains then part.
    likelihood : "normal" or "student"
        Law of the shocks: "student" (4 degrees of freedom, same variance) needs ``inference="nuts"``.

    Notes
    -----
    :meth:`fit_many` shares the passes over the panel between placebos of one window; a design gives the same draws
    alone or among others, to rounding. Refused: fewer than three units or two baseline periods.

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
    Machine Learning Research 25(72). Gelman, A. (2006), Prior distributions for variance parameters in hierarchical
    models, Bayesian Analysis 1(3), doi 10.1214/06-BA117A.
    """

    placebos_together: ClassVar[int] = 10_000
    needs: ClassVar[Literal["panel", "cohort"]] = "panel"
    capabilities: ClassVar[Capabilities] = Capabilities(
        staggered_starts=True, covariates=True, posterior=True, confidence=True
    )

    def __init__(
        self,
        scale: Literal["log", "identity"] = "log",
        trend: bool = True,
        shock: Literal["ar1"] | None = "ar1",
        volatility: bool = True,
        season: int | None = None,
        spatial: str | None = None,
        range_km: float = 25.0,
        rank: int = 60,
        covariates: Sequence[str] = (),
        n_draws: int = 4000,
        chains: int = 4,
        nodes: int = 1024,
        bootstrap: int = 0,
        inference: Literal["exact", "nuts"] = "exact",
        likelihood: Literal["normal", "student"] = "normal",
    ) -> None:
        self.scale = scale
        self.trend = trend
        self.shock = shock
        self.volatility = volatility
        self.season = season
        self.spatial = spatial
        self.range_km = range_km
        self.rank = rank
        self.covariates = covariates
        self.n_draws = n_draws
        self.chains = chains
        self.nodes = nodes
        self.bootstrap = bootstrap
        self.inference = inference
        self.likelihood = likelihood

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        for name, allowed in ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise self.parameter_error(name, f"Allowed: {', '.join(map(repr, allowed))}.")
        if self.likelihood == "student" and self.inference == "exact":
            raise self.parameter_error("likelihood", "It has no closed form: add inference='nuts', or keep 'normal'.")
        if self.bootstrap and self.inference == "nuts":
            raise self.parameter_error("bootstrap", "The bootstrap belongs to inference='exact': set bootstrap=0.")
        self.require_draws(self.n_draws, self.chains)
        self.require_integers(nodes=512, rank=1, bootstrap=0)
        if 0 < self.bootstrap < MIN_BOOTSTRAP_PANELS:
            raise self.parameter_error(
                "bootstrap", f"Give 0 for no confidence distribution, or at least {MIN_BOOTSTRAP_PANELS} panels."
            )
        if self.season is not None:
            self.require_integers(season=2)
        if not self.range_km > 0:
            raise self.parameter_error("range_km", "Give a distance in kilometres above 0.")

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Estimate one problem."""
        layout = lay_out(problem, self._options())
        if self.inference == "nuts":
            return self._nuts(layout, rng)
        if len(problem.treated) > 1:
            return self._joint(problem, layout, rng)
        return next(iter(self._placebos([problem], [layout], [rng], layout.y, layout.seen)))

    def estimate_many(
        self, problems: Sequence[Problem], generators: Sequence[np.random.Generator]
    ) -> Iterable[Estimate | SsinferError]:
        """Estimate many problems; placebos of one window share the passes over the panel."""
        results: list[Estimate | SsinferError | None] = [None] * len(problems)
        shared: dict[tuple[Any, ...], list[tuple[int, Layout]]] = {}
        for place, problem in enumerate(problems):
            try:
                layout = lay_out(problem, self._options())
            except SsinferError as error:
                results[place] = error
                continue
            if (
                self.inference == "nuts"
                or len(problem.treated) > 1
                or not np.isfinite(problem.panel.spending[np.ix_(layout.rows, layout.columns)]).all()
            ):
                results[place] = self.estimate(problem, generators[place])
                continue
            window = (id(problem.panel), layout.rows.tobytes(), layout.columns.tobytes(), layout.ahead.tobytes())
            key = (*window, problem.design.standard, layout.treated[0] % FOLDS)
            shared.setdefault(key, []).append((place, layout))
        for members in shared.values():
            layouts = [layout for _, layout in members]
            own = [problems[place] for place, _ in members]
            y, seen = _all_cells(own[0], layouts[0])
            rngs = [generators[place] for place, _ in members]
            for (place, _), estimate in zip(members, self._placebos(own, layouts, rngs, y, seen), strict=True):
                results[place] = estimate
        return [result for result in results if result is not None]

    def _options(self) -> Options:
        return Options(
            scale=self.scale,
            trend=self.trend,
            shock=self.shock,
            volatility=bool(self.volatility),
            season=self.season,
            spatial=self.spatial,
            range_km=float(self.range_km),
            rank=int(self.rank),
            covariates=tuple(self.covariates),
        )

    def _placebos(
        self,
        problems: Sequence[Problem],
        layouts: Sequence[Layout],
        generators: Sequence[np.random.Generator],
        y: Floats,
        seen: Floats,
    ) -> Iterable[Estimate]:
        """Estimate designs with one treated unit each, of one window and fold; y and seen hold all that any may see."""
        first = layouts[0]
        fold = np.arange(len(y)) % FOLDS == first.treated[0] % FOLDS
        sealed = np.where(fold[:, None], first.before, first.seen)
        proposal = propose(first.model, y * sealed, sealed, int(self.nodes))
        rows = np.array([layout.treated[0] for layout in layouts])
        found = predict_placebos(first.model, proposal.nodes, y, seen, rows, first.ahead)
        twin = None
        if self.bootstrap:
            flat = flatten(first.model)
            at = restricted_maximum(flat, y * sealed, sealed)
            twin = (flat, at, bootstrap_errors(flat, at, sealed, seen, rows, first.ahead, self.bootstrap))
        for place, (problem, layout, rng) in enumerate(zip(problems, layouts, generators, strict=True)):
            data = (layout.y, layout.seen, layout.treated, layout.ahead)
            posterior, mean, covariance = settle_placebo(layout.model, proposal, found, place, data, int(self.nodes))
            picked = resample_nodes(posterior, self.n_draws, rng)
            draws = draw_one(mean, covariance, picked, rng)
            own_twin = None if twin is None else (twin[0], twin[1], twin[2][:, [place]])
            yield self._estimate(problem, layout, (posterior, picked), draws[:, None, :], own_twin, rng)

    def _joint(self, problem: Problem, layout: Layout, rng: np.random.Generator) -> Estimate:
        """Estimate a design with several treated units."""
        data = (layout.y, layout.seen)
        proposal = propose(layout.model, *data, int(self.nodes))
        posterior = settle(layout.model, proposal, *data, int(self.nodes))
        picked = resample_nodes(posterior, self.n_draws, rng)
        draws = draw_joint(layout.model, posterior, picked, data, layout.treated, layout.ahead, rng)
        twin = None
        if self.bootstrap:
            flat = flatten(layout.model)
            at = restricted_maximum(flat, *data)
            places = (layout.treated, layout.ahead)
            twin = (flat, at, bootstrap_errors(flat, at, layout.seen, layout.seen, *places, self.bootstrap))
        return self._estimate(problem, layout, (posterior, picked), draws, twin, rng)

    def _nuts(self, layout: Layout, rng: np.random.Generator) -> Estimate:
        """Sample the written-out model."""
        from ssinfer.benchmarks.hierarchical.reference import (  # noqa: PLC0415  (heavy)
            nuts_checks,
            nuts_groups,
            sample_reference,
        )

        seed = int(rng.integers(0, 2**31))
        tree = sample_reference(
            layout, draws=self.n_draws // self.chains, chains=self.chains, seed=seed, likelihood=self.likelihood
        )
        names = [parameter.name for parameter in layout.model.parameters]
        checks, failures = nuts_checks(tree, [*names, "y_ahead"])
        return Estimate(
            benchmark=layout.spending(tree["posterior"]["y_ahead"].values),
            expected=layout.spending(tree["posterior"]["expected_ahead"].values),
            uncertainty="posterior",
            information="settlement",
            diagnostics=checks,
            failures=failures,
            inference=nuts_groups(tree, names),
        )

    def _estimate(
        self,
        problem: Problem,
        layout: Layout,
        fitted: tuple[Posterior, Places],
        draws: Floats,
        twin: tuple[PanelModel, Floats, Floats] | None,
        rng: np.random.Generator,
    ) -> Estimate:
        """Return draws (S, I, 2 P) on the model's scale, and those of the twin, as an Estimate."""
        posterior, picked = fitted
        ahead = len(layout.ahead)
        shape = (self.chains, self.n_draws // self.chains, len(layout.treated), ahead)
        spending = layout.spending(draws)
        labels = (problem.labels(layout.rows), problem.periods(layout.columns))
        # an independent stream: no draw of the benchmark depends on whether the groups are looked at
        later = np.random.SeedSequence(int(rng.spawn(1)[0].integers(0, 2**63)))
        confidence = None
        if twin is not None:
            places = (layout.treated, layout.ahead, self.n_draws)
            confidence = layout.spending(confidence_draws(*twin, (layout.y, layout.seen), *places, rng)).reshape(shape)
        return Estimate(
            benchmark=spending[:, :, ahead:].reshape(shape),
            expected=spending[:, :, :ahead].reshape(shape),
            confidence=confidence,
            uncertainty="posterior",
            information="settlement",
            diagnostics=_diagnostics(posterior),
            failures=posterior.failures,
            inference=PanelGroups(layout, posterior, picked, self.chains, labels, later),
        )


def _all_cells(problem: Problem, first: Layout) -> tuple[Floats, Floats]:
    """Return y and seen with each placebo's sealed cells filled in, as the other placebos see them."""
    box = np.ix_(first.rows, first.columns)
    spending = problem.panel.spending[box] / problem.factor[box]
    y = np.log(spending) if first.scale == "log" else spending / first.unit
    return y - first.centre, np.ones(spending.shape)


def _diagnostics(posterior: Posterior) -> pd.DataFrame:
    rows = [
        (
            "pareto_k",
            posterior.pareto_k <= MAX_PARETO_K,
            posterior.pareto_k,
            f"importance weights; at most {MAX_PARETO_K}",
        ),
        (
            "effective_sample_size",
            posterior.effective >= MIN_ESS,
            posterior.effective,
            f"of the importance weights; at least {MIN_ESS:.0f}",
        ),
    ]
    frame = pd.DataFrame(rows, columns=["check", "status", "figure", "message"])
    frame["status"] = np.where(frame["status"], "PASS", "FAIL")
    return frame
