"""SyntheticControl: donors weighted to reproduce the treated unit's baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ssinfer.arguments import Number, Optional, Rule
from ssinfer.benchmarks.base import Capabilities, Estimate
from ssinfer.benchmarks.problem import Problem
from ssinfer.benchmarks.synthetic_control.bayes.estimate import posterior_estimate
from ssinfer.benchmarks.synthetic_control.donor_weighting import DonorWeighting
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_batch
from ssinfer.benchmarks.synthetic_control.matched_periods import Season, match_periods
from ssinfer.benchmarks.synthetic_control.predictors import Predictors, PredictorSpec, fit_predictors
from ssinfer.deprecation import renamed_parameters
from ssinfer.errors import DesignError
from ssinfer.typing import Booleans, Floats, Integers


@renamed_parameters(draws="n_draws")
@dataclass(eq=False, repr=False, kw_only=True)
class SyntheticControl(DonorWeighting):
    r"""Synthetic control with weights on the simplex, at the exact optimum.

    .. math::
        \hat w = \arg\min_{w \ge 0,\ \sum_j w_j = 1} \sum_{t \in \text{baseline}} (y_{1t} - \mu - \sum_j w_j y_{jt})^2
        + \kappa \sum_j \Bigl(\sum_t s_{jt}^2\Bigr) w_j^2, \qquad
        B_t = \mu + \sum_j \hat w_j y_{jt},

    with :math:`\mu = 0` unless `intercept`.

    Parameters
    ----------
    intercept : bool, match deviations from the baseline mean (the demeaned form of Doudchenko and Imbens 2016)
    predictors : sequence, optional
        Match these instead of every baseline period. Each is a covariate's name, ``"spending"``, or a pair
        ``(name, periods)``, and is averaged over its periods (the baseline by default).
    v : "nested", "equal", "regression" or sequence of float
        Weights of the predictors: minimising the baseline error of spending, equal, from a regression, or given.
    noise_penalty : float
        :math:`\kappa`, at least 0. With 1 the donors' sampling variance of all matched periods counts once more, so
        small and noisy donors get less weight. Needs the panel's `cv` or `sampling_variance`.
    max_donors : int, optional; use only this many donors, the nearest to each unit in the baseline
    season : None, "same-quarter" or "whole-year": the periods that are compared, see `matched_periods.match_periods`
    periods_per_year : int, 4 for quarterly data
    inference : "placebo", "bayes" or "none"
        "placebo" takes each donor in turn as if it were treated, and learns the benchmark's error from these fits.
        Its draws are a sampling (confidence) distribution. It needs 19 donors, and more donors than treated units;
        otherwise the counterfactual is a point with uncertainty "none", and ``cf.diagnostics`` gives the reason.
        There is no distribution, and no threshold, for a unit outside the hull of its donors whose baseline is missed
        by more than the placebos' own; `cf.diagnostics` then has a row "convex hull" that fails.
        "bayes" draws from the posterior of ``bayes.posterior.WeightModel``, and keeps the placebo distribution,
        if there is one, as ``cf.confidence``. It takes no `predictors`, `noise_penalty`, `max_donors` or `season`;
        ``cf.weights`` are posterior means.
    n_draws : int
        Total number of draws, even and at least 100. With "bayes" they come from four chains; 4,000 draws usually
        have an effective sample size above 1,000.

    Notes
    -----
    With more donors than matched periods many weights often reproduce a unit exactly. Those with the smallest sum of
    squares are taken, and ``cf.solver.status`` is "exact fit". Judge quality by `ssinfer.diagnostics.held_out_fit`.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746. Doudchenko and Imbens (2016),
    doi:10.3386/w22791.

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(24, range(2010, 2018), start=2016, seed=1)
    >>> cf = ss.SyntheticControl().fit(simulated.panel, simulated.design(), seed=1)
    >>> bool(cf.solver["kkt_gap"].max() < 1e-9), cf.uncertainty, round(float(cf.weights.sum(axis=1).item()), 6)
    (True, 'sampling', 1.0)
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        staggered_starts=True, covariates=True, posterior=True, confidence=True, level_dependent=True
    )
    inferences: ClassVar[tuple[str, ...]] = ("placebo", "bayes", "none")
    rules: ClassVar[dict[str, Rule]] = {"max_donors": Optional(Number(2, whole=True)), "noise_penalty": Number(0.0)}

    intercept: bool = False
    predictors: Sequence[PredictorSpec] | None = None
    v: str | Sequence[float] = "nested"
    noise_penalty: float = 0.0
    max_donors: int | None = None
    season: Season | None = None
    periods_per_year: int = 1
    inference: str = "placebo"
    n_draws: int = 2000

    @property
    def needs_positive_spending(self) -> bool:  # type: ignore[override]
        """True for "bayes": its shocks are relative to each donor's level."""
        return self.inference == "bayes"

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        super().check_parameters()
        if self.season is not None and self.periods_per_year < 2:
            raise self.parameter_error("periods_per_year", "A season needs at least 2, such as 4 for quarters.")
        if isinstance(self.v, str) and self.v not in ("nested", "equal", "regression"):
            raise self.parameter_error("v", "Allowed: 'nested', 'equal', 'regression', or one weight per predictor.")
        excluded = ("noise_penalty", "season", "max_donors")
        if self.inference == "bayes":
            for name in ("predictors", *excluded):
                if getattr(self, name):
                    advice = "The model of inference='bayes' has no such option. Leave it out, or use 'placebo'."
                    raise self.parameter_error(name, advice)
        if self.predictors is not None:
            for name in excluded:
                if getattr(self, name):
                    raise self.parameter_error(name, "It cannot be combined with predictors. Leave out one of them.")

    def dropping_unused_donors_changes_nothing(self) -> bool:
        """Return True unless donors are screened or V is searched: other fits have one optimum over all donors."""
        searches_v = self.predictors is not None and isinstance(self.v, str) and self.v == "nested"
        return self.max_donors is None and not searches_v

    def estimate(self, problem: Problem, rng: np.random.Generator, shared: dict[Any, Fits] | None = None) -> Estimate:
        """Estimate one problem; `shared` holds leave-one-out fits that other problems may use."""
        placebo = super().estimate(problem, rng, shared)
        if self.inference != "bayes":
            return placebo
        return posterior_estimate(problem, placebo, rng, intercept=self.intercept, n_draws=self.n_draws)

    def solve(self, window: FitWindow, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each target by the donors allowed to it."""
        match, offset = match_periods(
            window.pre, window.post, len(window.Y), self.periods_per_year, self.season, self.intercept
        )
        matched = match @ window.Y
        if self.predictors is not None:
            predictors = Predictors.of(self.predictors, self.v, window)
            weights, gap, status, iterations, notes = fit_predictors(predictors, matched, targets, donors)
        else:
            F = np.ascontiguousarray(matched - matched.mean(axis=1, keepdims=True))
            K = F.T @ F
            nearest = self._nearest(K, targets, donors)
            start = np.zeros(donors.shape) if warm is None else warm
            penalty = self._penalty(window, match)
            weights, gap, status, iterations = simplex_batch(K, F, targets, nearest, penalty, start)
            notes = ()
        residual = window.Y[:, targets] - window.Y @ weights.T  # (T, M)
        return Fits(weights, (offset @ residual).T, gap, status, iterations, notes)

    def _penalty(self, window: FitWindow, match: Floats) -> Floats:
        """Return the ridge term of each donor (N,)."""
        if not self.noise_penalty:
            return np.zeros(window.rows.size)
        if window.noise is None or not window.noise_is_known:
            raise DesignError(
                "noise_penalty needs the variance of each mean, which the panel does not have. Give the panel cv or "
                "sampling_variance, or leave noise_penalty at 0."
            )
        return np.asarray(self.noise_penalty * (match**2 @ window.noise).sum(axis=0))

    def _nearest(self, K: Floats, targets: Integers, donors: Booleans) -> Booleans:
        """Return the donors (M, N) that screening keeps, given the Gram matrix K (N, N)."""
        if self.max_donors is None:
            return donors
        kept = np.zeros_like(donors)
        for m, target in enumerate(targets):
            distance = np.where(donors[m], np.diag(K) - 2 * K[target], np.inf)
            distance[target] = np.inf
            nearest = np.argsort(distance, kind="stable")[: self.max_donors]
            kept[m, nearest] = np.isfinite(distance[nearest])
        return kept
