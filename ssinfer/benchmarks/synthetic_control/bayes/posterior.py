"""WeightModel and its posterior: weights, shocks and sampling noise of a Bayesian synthetic control."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ssinfer.benchmarks.synthetic_control.bayes.placebo_paths import donor_features
from ssinfer.benchmarks.synthetic_control.bayes.shock_prior import ShockPrior
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import Baseline, donor_weights, sample_chain
from ssinfer.benchmarks.synthetic_control.kernels.simplex_prediction import Performance, predict_paths
from ssinfer.check import Check
from ssinfer.convergence import convergence_checks, convergence_failures
from ssinfer.typing import Floats, Positions

CHAINS = 4
FIRST_WARMUP = 400  # transitions in which the first chain learns the metric
LATER_WARMUP = 150  # of a chain that is given a metric
FIRST_STEP = 0.05
MIN_TRANSITIONS = 1000  # of a chain: with fewer, chains that agree often have an R-hat above the limit by chance
ATTEMPTS = (1, 2, 6)  # transitions of each attempt, as multiples of those of the first
STRENGTH = (0.0, 0.75)  # mean and SD of log tau: neither equal weights nor a single donor are ruled out
LEVEL_SD = 1.0  # of the intercept, in units of the treated unit's level
QUANTITIES = ("pooled", "tau", "omega", "rho", "effective_donors")  # whose convergence is checked


@dataclass(frozen=True, eq=False)
class WeightModel:
    r"""Model of one treated unit, in units of its own root mean squared baseline spending, which is `level`.

    .. math::
        y_{1t} = \mu + \sum_j w_j y_{jt} + v_t u_t + e_t, \quad w = \mathrm{softmax}(A b + \tau z), \quad
        u_t = \rho u_{t-1} + \omega \epsilon_t

    z, b and epsilon are standard normal. A holds the donors' standardised level and main loading, and
    log tau ~ N(0, 0.75^2). The normal prior of (log omega, logit rho, log k, log v) is learned from the donors
    (`ShockPrior`). mu is 0, or N(0, 1) with an intercept. e_t has variance k^2 (noise_1t + sum_j w_j^2 noise_jt).
    """

    baseline: Baseline
    performance: Performance
    prior: ShockPrior
    level: float

    @classmethod
    def of(cls, window: FitWindow, *, intercept: bool) -> "WeightModel":
        """Return the model of a window's treated unit."""
        pre, post, treated, others = window.pre, window.post, window.treated, window.others
        level = float(np.sqrt((window.Y[pre, treated] ** 2).mean()))
        Y = window.Y / level
        noise = np.zeros_like(Y) if window.noise is None else window.noise / level**2
        prior = ShockPrior.learned(window)

        def known(periods: Positions) -> dict[str, Floats]:
            donors, own_noise = np.ix_(periods, others), noise[periods, treated]
            X, donor_noise = np.ascontiguousarray(Y[donors]), np.ascontiguousarray(noise[donors])
            return {"X": X, "times": periods.astype(np.float64), "noise": own_noise, "donor_noise": donor_noise}

        baseline = Baseline(
            **known(pre),
            y=Y[pre, treated],
            kappa=LEVEL_SD if intercept else 0.0,
            features=donor_features(window.Y[np.ix_(pre, others)]),
            mean=prior.mean,
            factor=prior.factor,
            strength=np.array(STRENGTH),
        )
        return cls(baseline, Performance(**known(post), pooling=window.pooling), prior, level)

    @property
    def size(self) -> int:
        """Number of unknowns, J + F + 4 + T."""
        return int(sum(self.baseline.features.shape)) + 1 + self.baseline.mean.size

    def prior_effective_donors(self, rng: np.random.Generator, n_draws: int = 1000) -> Floats:
        """Return draws of 1 / sum w^2 from the prior."""
        w = donor_weights(rng.standard_normal((n_draws, self.size)), self.baseline)
        return np.asarray(1.0 / (w**2).sum(axis=1))


@dataclass(frozen=True, eq=False)
class WeightPosterior:
    """Draws of the posterior, in observed units of spending. P performance periods, J donors.

    q : (chain, draw, J + F + 4 + T), unknowns of kernel ``simplex_posterior``. weights : (chain, draw, J).
    expected, paths : (chain, draw, P), benchmark without and with shocks and sampling noise.
    quantities : (chain, draw), pooled (expected benchmark over performance), tau, omega, rho, k, effective_donors, and
    the variances shock and sampling of the pooled benchmark, in units of squared level.
    r_hat, ess : rank-normalised split R-hat and bulk effective sample size by quantity.
    """

    q: Floats
    weights: Floats
    expected: Floats
    paths: Floats
    quantities: dict[str, Floats]
    r_hat: dict[str, float]
    ess: dict[str, float]
    convergence: tuple[Check, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence per limit that was missed."""
        return convergence_failures(self.convergence)


def sample_posterior(
    model: WeightModel, draws_per_chain: int, rng: np.random.Generator, min_transitions: int = MIN_TRANSITIONS
) -> WeightPosterior:
    """Draw from the posterior with four chains, again and longer if they do not agree.

    The first chain learns the metric. Each further attempt takes the metric from the variance of all earlier draws, and
    every chain continues where it ended. The draws that are kept are evenly spaced. A chain's first attempt has
    `min_transitions`.
    """
    starts, metric = rng.standard_normal((CHAINS, model.size)), np.empty(0)
    for attempt in ATTEMPTS:
        thin = attempt * max(1, round(min_transitions / draws_per_chain))
        q = np.empty((CHAINS, draws_per_chain, model.size))
        divergent, step = 0, FIRST_STEP
        for chain, start in enumerate(starts):
            warmup = FIRST_WARMUP if metric.size == 0 else min(attempt, 2) * LATER_WARMUP
            states, n_divergent, metric, step = sample_chain(
                rng, start, metric, step, warmup, thin * draws_per_chain, model.baseline
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
    from arviz_stats.base.array import array_stats  # noqa: PLC0415  (heavy)

    flat, pooling = q.reshape(-1, model.size), model.performance.pooling
    normal, sampling_normal = rng.standard_normal((2, len(flat), pooling.size))
    expected, paths, parts = predict_paths(flat, normal, sampling_normal, model.baseline, model.performance)
    weights = donor_weights(flat, model.baseline)
    columns = {
        "pooled": expected @ pooling * model.level,
        **dict(zip(("tau", "omega", "rho", "k", "shock", "sampling"), parts.T, strict=True)),
        "effective_donors": 1.0 / (weights**2).sum(axis=1),
    }
    quantities = {name: np.ascontiguousarray(column.reshape(CHAINS, -1)) for name, column in columns.items()}
    stats: Any = array_stats
    r_hat, ess = (
        {name: float(function(quantities[name], chain_axis=0, draw_axis=1, method=kind)) for name in QUANTITIES}
        for function, kind in ((stats.rhat, "rank"), (stats.ess, "bulk"))
    )
    shape = (*q.shape[:2], -1)
    return WeightPosterior(
        q=q,
        weights=weights.reshape(shape),
        expected=expected.reshape(shape) * model.level,
        paths=paths.reshape(shape) * model.level,
        quantities=quantities,
        r_hat=r_hat,
        ess=ess,
        convergence=convergence_checks(r_hat, ess, divergent, transitions),
    )
