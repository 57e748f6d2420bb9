"""Synthetic control: donors weighted to reproduce the treated unit's baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ssinfer.benchmarks.base import Capabilities, Estimate
from ssinfer.benchmarks.synthetic_control.bayes.estimate import posterior_estimate
from ssinfer.benchmarks.synthetic_control.donor_weighting import WeightingMethod
from ssinfer.benchmarks.synthetic_control.fit_window import Fits, Window
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_batch
from ssinfer.benchmarks.synthetic_control.matched_periods import Season, matching_rows
from ssinfer.benchmarks.synthetic_control.predictors import Predictors, PredictorSpec, fit_predictors
from ssinfer.errors import DesignError, RefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Booleans, Floats, Integers


class SyntheticControl(WeightingMethod):
    r"""Synthetic control with weights on the simplex, at the exact optimum.

    .. math::
        \hat w = \arg\min_{w \ge 0,\ \sum_j w_j = 1} \sum_{t \in \text{baseline}} (y_{1t} - \mu - \sum_j w_j y_{jt})^2
        + \kappa \sum_j \Bigl(\sum_t s_{jt}^2\Bigr) w_j^2, \qquad
        B_t = \mu + \sum_j \hat w_j y_{jt},

    with :math:`\mu = 0` unless `intercept`. The draws of the benchmark, which are a sampling (confidence)
    distribution, take their error from placebos: each donor in the treated unit's place.

    Parameters
    ----------
    intercept : bool
        Match deviations from the baseline mean (the demeaned form of Doudchenko and Imbens 2016).
    predictors : sequence, optional
        Match these instead of every baseline period: names of covariates, ``"spending"``, or pairs
        ``(name, periods)``; each is averaged over its periods (the baseline by default). Without covariates, leave
        it None.
    v : "nested", "equal", "regression" or sequence of float
        Weights of the predictors: minimising the baseline error of spending, equal, from a regression, or given.
    noise_penalty : float
        :math:`\kappa`: 1 counts the donors' sampling variance of all matched periods once more, so that small, noisy
        donors get less weight. Needs the panel's `cv` or `sampling_variance`. 0 is the plain form.
    max_donors : int, optional
        Donor screening: only the donors nearest to each unit in the baseline.
    season : None, "same-quarter" or "whole-year"
        With several periods a year, what is compared; see `ssinfer.benchmarks.synthetic_control.matched_periods`.
    periods_per_year : int
        4 for quarterly data; counts the panel's columns.
    inference : "placebo", "bayes" or "none"
        "placebo" needs 19 donors and more donors than treated units; where it does not exist the
        counterfactual is a point with uncertainty "none", and `cf.diagnostics` gives the reason. "bayes" draws from
        the posterior of ``bayes.posterior.WeightModel``, whose weights follow the donors' level and
        main loading and are otherwise shrunk towards equal ones with learned strength; the placebo law, where it
        exists, stays beside it as ``cf.confidence``.
    draws : int
        Number of draws, even. Of a posterior they come from four chains; 4,000 give an effective sample
        size above 1,000 as a rule.

    Notes
    -----
    With more donors than matched periods a unit is often reproduced exactly, by many weights; those with
    the least sum of squares are taken, and ``cf.solver.status`` says "exact fit". A baseline fit of zero is then no
    sign of quality: look at the held-out fit in `ssinfer.diagnostics`.

    ``inference="bayes"`` takes no `predictors`, `noise_penalty`, `max_donors` or `season`: sampling noise is part of
    the likelihood, and weights are shrunk instead of screened. ``cf.weights`` are then posterior means.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746. Doudchenko and Imbens (2016),
    doi:10.3386/w22791.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ssinfer.panel import Panel
    >>> from ssinfer.design import Design
    >>> from ssinfer.benchmarks.synthetic_control.synthetic_control import SyntheticControl
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame([(f"gp{j:02d}", 2010 + t, 2000 + 10 * j + 40 * t + rng.normal(0, 10))
    ...                       for j in range(25) for t in range(8)], columns=["unit", "period", "spending"])
    >>> panel = Panel.from_frame(frame, insured_years=None)
    >>> design = Design(treated=["gp07"], baseline=range(2010, 2016), performance=[2016, 2017])
    >>> cf = SyntheticControl().fit(panel, design, seed=1)
    >>> bool(cf.solver["kkt_gap"].max() < 1e-9), cf.uncertainty, round(float(cf.weights.sum(axis=1).item()), 6)
    (True, 'sampling', 1.0)
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        staggered_starts=True, covariates=True, posterior=True, confidence=True
    )

    def __init__(
        self,
        *,
        intercept: bool = False,
        predictors: Sequence[PredictorSpec] | None = None,
        v: str | Sequence[float] = "nested",
        noise_penalty: float = 0.0,
        max_donors: int | None = None,
        season: Season | None = None,
        periods_per_year: int = 1,
        inference: str = "placebo",
        draws: int = 2000,
    ) -> None:
        self.intercept = intercept
        self.predictors = predictors
        self.v = v
        self.noise_penalty = noise_penalty
        self.max_donors = max_donors
        self.season = season
        self.periods_per_year = periods_per_year
        self.inference = inference
        self.draws = draws

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        super().check_parameters()
        if self.season not in (None, "same-quarter", "whole-year"):
            raise RefusalError(f"season is {self.season!r}; allowed: None, 'same-quarter', 'whole-year'.")
        if self.periods_per_year < 1 or (self.season is not None and self.periods_per_year < 2):
            raise RefusalError(
                f"periods_per_year is {self.periods_per_year} with season {self.season!r}; give 4 for quarterly data."
            )
        if not self.noise_penalty >= 0:
            raise RefusalError(f"noise_penalty is {self.noise_penalty!r}; a number >= 0 is needed.")
        if self.max_donors is not None and self.max_donors < 2:
            raise RefusalError(f"max_donors is {self.max_donors}; at least 2 are needed to weight.")
        if isinstance(self.v, str) and self.v not in ("nested", "equal", "regression"):
            raise RefusalError(f"v is {self.v!r}; allowed: 'nested', 'equal', 'regression', or a weight per predictor.")
        if self.predictors is not None and (self.noise_penalty or self.season or self.max_donors):
            raise RefusalError(
                "predictors cannot be combined with noise_penalty, season or max_donors. Use one or the other."
            )

        if self.inference == "bayes":
            for name in ("predictors", "noise_penalty", "season", "max_donors"):
                if getattr(self, name):
                    raise RefusalError(
                        f"{name} is {getattr(self, name)!r} with inference='bayes', whose model has no place for it. "
                        "Leave it out, or use inference='placebo'."
                    )

    @classmethod
    def inferences(cls) -> tuple[str, ...]:
        """Return the kinds of inference that the method offers."""
        return ("placebo", "bayes", "none")

    def _estimate(self, problem: Problem, rng: np.random.Generator, shared: dict[Any, Fits]) -> Estimate:
        placebo = super()._estimate(problem, rng, shared)
        if self.inference != "bayes":
            return placebo
        return posterior_estimate(problem, placebo, rng, intercept=bool(self.intercept), draws=self.draws)

    def drops_are_free(self) -> bool:
        """Return True unless screening or a search of V follows: a donor without weight moves no optimum."""
        return self.max_donors is None and (
            self.predictors is None or not isinstance(self.v, str) or self.v != "nested"
        )

    def solve(self, window: Window, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each target by the donors allowed to it."""
        T = window.Y.shape[0]
        match, level = matching_rows(
            window.pre, window.post, T, self.periods_per_year, self.season, bool(self.intercept)
        )
        matched = match @ window.Y
        if self.predictors is not None:
            spec = Predictors.of(self.predictors, self.v, window)
            weights, gap, status, iterations, notes = fit_predictors(spec, matched, targets, donors)
        else:
            F = np.ascontiguousarray(matched - matched.mean(axis=1, keepdims=True))
            K = F.T @ F
            allowed = self._screened(K, targets, donors)
            start = np.zeros(donors.shape) if warm is None else warm
            weights, gap, status, iterations = simplex_batch(
                K, F, targets, allowed, self._penalty(window, match), start
            )
            notes = ()
        residual = window.Y[:, targets] - window.Y @ weights.T  # (T, M)
        return Fits(weights, (level @ residual).T, gap, status, iterations, notes)

    def _penalty(self, window: Window, match: Floats) -> Floats:
        """Return the ridge term of each donor (N,)."""
        if not self.noise_penalty:
            return np.zeros(window.rows.size)
        if window.noise is None or not window.noise_is_known:
            raise DesignError(
                "noise_penalty needs the variance of each mean, which the panel does not know. Give it cv or "
                "sampling_variance, or leave noise_penalty at 0."
            )
        return np.asarray(self.noise_penalty * (match**2 @ window.noise).sum(axis=0))

    def _screened(self, K: Floats, targets: Integers, donors: Booleans) -> Booleans:
        """Return the donors (M, N) that are near enough."""
        if self.max_donors is None:
            return donors
        diagonal = np.diag(K)
        allowed = np.zeros_like(donors)
        for m, target in enumerate(targets):
            distance = np.where(donors[m], diagonal - 2 * K[target], np.inf)
            distance[target] = np.inf
            nearest = np.argsort(distance, kind="stable")[: self.max_donors]
            allowed[m, nearest] = np.isfinite(distance[nearest])
        return allowed
