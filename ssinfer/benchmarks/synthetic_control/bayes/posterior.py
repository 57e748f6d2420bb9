"""WeightModel and its posterior: weights, shocks and sampling noise of a Bayesian synthetic control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.benchmarks.synthetic_control.bayes.placebo_paths import donor_features
from ssinfer.benchmarks.synthetic_control.bayes.shock_prior import ShockPrior
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import Baseline, donor_weights, sample_chain
from ssinfer.benchmarks.synthetic_control.kernels.simplex_prediction import Performance, predict_paths
from ssinfer.convergence import ConvergenceFigure, convergence_failures, convergence_figures

if TYPE_CHECKING:
    from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
    from ssinfer.typing import Floats, Positions

CHAINS = 4  # of every posterior; their draws are put together
FIRST_STEP = 0.05
STRENGTH = (0.0, 0.75)  # mean and SD of log tau: neither equal weights nor a single donor are ruled out
LEVEL_SD = 1.0  # of the intercept, in units of the treated unit's level
QUANTITIES = ("pooled", "tau", "omega", "rho", "effective_donors")  # whose convergence is checked


@dataclass(frozen=True)
class SamplerSettings:
    """How long chains run.

    Attributes
    ----------
    warmup : int
        Transitions in which the first chain learns the metric.
    later_warmup : int
        Warm-up of a chain that is given a metric.
    min_transitions : int
        Transitions of a chain. With fewer, chains that agree often have an R-hat above the limit by chance.
    lengths : tuple of int
        Transitions of each attempt, as multiples of those of the first.
    """

    warmup: int = 400
    later_warmup: int = 150
    min_transitions: int = 1000
    lengths: tuple[int, ...] = (1, 2, 6)


DEFAULT_SETTINGS = SamplerSettings()


@dataclass(frozen=True, eq=False)
class WeightModel:
    r"""Model of one treated unit, in units of its own root mean squared baseline spending.

    .. math::
        y_{1t} = \mu + \sum_j w_j y_{jt} + v_t u_t + e_t, \quad w = \mathrm{softmax}(A b + \tau z), \quad
        u_t = \rho u_{t-1} + \omega \epsilon_t

    z, b and epsilon are standard normal. A holds the donors' standardised level and main loading, and
    log tau ~ N(0, 0.75^2). The normal prior of (log omega, logit rho, log k, log v) is learned from the donors
    (`ShockPrior`). mu is 0, or N(0, 1) with an intercept. e_t has variance k^2 (noise_1t + sum_j w_j^2 noise_jt).

    Attributes
    ----------
    y, X, times, noise, donor_noise : arrays (T0,), (T0, J), (T0,), (T0,), (T0, J)
        Baseline: the unit and its donors, positions of the periods, sampling variances up to k^2.
    X_ahead, times_ahead, noise_ahead, donor_noise_ahead : arrays (P, J), (P,), (P,), (P, J)
        The same over the performance periods.
    kappa : float
        SD of mu; 0 without an intercept.
    features : array (J, F)
        A.
    strength : array (2,)
        Mean and SD of log tau.
    prior : ShockPrior
    pooling : array (P,)
        Weights of the periods in the pooled benchmark; sum one.
    level : float
        Spending per unit of y.
    """

    y: Floats
    X: Floats
    times: Floats
    noise: Floats
    donor_noise: Floats
    X_ahead: Floats
    times_ahead: Floats
    noise_ahead: Floats
    donor_noise_ahead: Floats
    kappa: float
    features: Floats
    strength: Floats
    prior: ShockPrior
    pooling: Floats
    level: float

    @classmethod
    def of(cls, window: FitWindow, *, intercept: bool) -> WeightModel:
        """Return the model of a window's treated unit."""
        spending = window.Y[window.pre, window.treated]
        level = float(np.sqrt((spending**2).mean()))
        noise = np.zeros_like(window.Y) if window.noise is None else window.noise / level**2

        def donors(array: Floats, columns: Positions) -> Floats:
            return np.ascontiguousarray(array[np.ix_(columns, window.others)])

        return cls(
            y=spending / level,
            X=donors(window.Y, window.pre) / level,
            times=window.pre.astype(np.float64),
            noise=np.ascontiguousarray(noise[window.pre, window.treated]),
            donor_noise=donors(noise, window.pre),
            X_ahead=donors(window.Y, window.post) / level,
            times_ahead=window.post.astype(np.float64),
            noise_ahead=np.ascontiguousarray(noise[window.post, window.treated]),
            donor_noise_ahead=donors(noise, window.post),
            kappa=LEVEL_SD if intercept else 0.0,
            features=donor_features(window.Y[np.ix_(window.pre, window.others)]),
            strength=np.array(STRENGTH),
            prior=ShockPrior.learned(window),
            pooling=np.ascontiguousarray(window.pooling),
            level=level,
        )

    @property
    def baseline(self) -> Baseline:
        """Baseline data and prior constants, for the kernels."""
        return Baseline(
            self.y, self.X, self.times, self.noise, self.donor_noise, self.kappa, self.features,
            self.prior.mean, self.prior.factor, self.strength,
        )  # fmt: skip

    @property
    def performance(self) -> Performance:
        """Performance data, for the kernels."""
        return Performance(self.X_ahead, self.times_ahead, self.noise_ahead, self.donor_noise_ahead, self.pooling)

    @property
    def size(self) -> int:
        """Number of unknowns, J + F + 4 + T."""
        return int(sum(self.features.shape)) + 1 + self.prior.mean.size

    def prior_effective_donors(self, rng: np.random.Generator, n_draws: int = 1000) -> Floats:
        """Return draws of 1 / sum w^2 from the prior."""
        w = donor_weights(rng.standard_normal((n_draws, self.size)), self.baseline)
        return np.asarray(1.0 / (w**2).sum(axis=1))


@dataclass(frozen=True, eq=False)
class WeightPosterior:
    """Draws of the posterior, in observed units of spending. P performance periods, J donors.

    Attributes
    ----------
    q : array (chain, draw, J + F + 4 + T)
        Unknowns of kernel ``simplex_posterior``.
    weights : array (chain, draw, J)
    expected, paths : arrays (chain, draw, P)
        Benchmark without and with shocks and sampling noise of the performance periods.
    quantities : dict of arrays (chain, draw)
        pooled (expected benchmark, pooled over performance), tau, omega, rho, k, effective_donors, and the variances
        shock and sampling of the pooled benchmark, in units of squared level.
    r_hat, ess : dict of float
        Rank-normalised split R-hat and bulk effective sample size by quantity.
    convergence : tuple of ConvergenceFigure
    """

    q: Floats
    weights: Floats
    expected: Floats
    paths: Floats
    quantities: dict[str, Floats]
    r_hat: dict[str, float]
    ess: dict[str, float]
    convergence: tuple[ConvergenceFigure, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence per limit that was missed."""
        return convergence_failures(self.convergence)


def sample_posterior(
    model: WeightModel,
    draws_per_chain: int,
    rng: np.random.Generator,
    settings: SamplerSettings = DEFAULT_SETTINGS,
) -> WeightPosterior:
    """Draw from the posterior with four chains, again and longer if they do not agree.

    The first chain learns the metric. Each further attempt takes the metric from the variance of all earlier draws,
    and every chain continues where it ended.

    Parameters
    ----------
    model : WeightModel
    draws_per_chain : int
        Draws that are kept. Of longer chains every n-th state is kept.
    rng : numpy.random.Generator
    settings : SamplerSettings
    """
    starts, metric = rng.standard_normal((CHAINS, model.size)), np.empty(0)
    data = model.baseline
    for attempt in settings.lengths:
        thin = attempt * max(1, round(settings.min_transitions / draws_per_chain))
        q = np.empty((CHAINS, draws_per_chain, model.size))
        divergent, step = 0, FIRST_STEP
        for chain, start in enumerate(starts):
            warmup = settings.warmup if metric.size == 0 else min(attempt, 2) * settings.later_warmup
            states, n_divergent, metric, step = sample_chain(
                rng, start, metric, step, warmup, thin * draws_per_chain, data
            )
            q[chain] = states[thin - 1 :: thin]
            divergent += n_divergent
        posterior = _summary(model, q, divergent, thin * draws_per_chain * CHAINS, rng)
        if not posterior.failures:
            break
        starts, metric = q[:, -1].copy(), q.reshape(-1, model.size).var(axis=0)
    return posterior


def _summary(
    model: WeightModel, q: Floats, divergent: int, transitions: int, rng: np.random.Generator
) -> WeightPosterior:
    """Return predictions and convergence of draws q (chain, draw, d)."""
    data, ahead = model.baseline, model.performance
    flat, P = q.reshape(-1, model.size), len(ahead.X)
    normal, sampling_normal = rng.standard_normal((2, len(flat), P))
    expected, paths, parts = predict_paths(flat, normal, sampling_normal, data, ahead)
    weights = donor_weights(flat, data)
    columns = {
        "pooled": expected @ model.pooling * model.level,
        **dict(zip(("tau", "omega", "rho", "k", "shock", "sampling"), parts.T, strict=True)),
        "effective_donors": 1.0 / (weights**2).sum(axis=1),
    }
    quantities = {name: np.ascontiguousarray(column.reshape(CHAINS, -1)) for name, column in columns.items()}
    r_hat, ess = _r_hat_and_ess(quantities)
    shape = q.shape[:2]
    return WeightPosterior(
        q=q,
        weights=weights.reshape(*shape, -1),
        expected=expected.reshape(*shape, P) * model.level,
        paths=paths.reshape(*shape, P) * model.level,
        quantities=quantities,
        r_hat=r_hat,
        ess=ess,
        convergence=convergence_figures(r_hat, ess, divergent, transitions),
    )


def _r_hat_and_ess(quantities: dict[str, Floats]) -> tuple[dict[str, float], dict[str, float]]:
    """Return rank-normalised split R-hat and bulk effective sample size by quantity."""
    from arviz_stats.base.array import array_stats  # noqa: PLC0415  (heavy)

    stats: Any = array_stats
    r_hat, ess = {}, {}
    for name in QUANTITIES:
        r_hat[name] = float(stats.rhat(quantities[name], chain_axis=0, draw_axis=1, method="rank"))
        ess[name] = float(stats.ess(quantities[name], chain_axis=0, draw_axis=1, method="bulk"))
    return r_hat, ess
