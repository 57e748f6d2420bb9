"""The posterior of a synthetic control: weights, shocks and sampling noise, and the law of its benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.benchmarks.synthetic_control.bayes.donor_paths import donor_features
from ssinfer.benchmarks.synthetic_control.bayes.shock_prior import ShockPrior
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import sample_chain, unpack
from ssinfer.benchmarks.synthetic_control.kernels.simplex_prediction import predict_paths
from ssinfer.convergence import convergence_failures, convergence_figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.synthetic_control.fit_window import Window
    from ssinfer.typing import Floats


CHAINS = 4
WARMUP = 400  # of the first chain, which learns the metric
LATER_WARMUP = 150  # of a chain that is given one
FIRST_STEP = 0.05
STRENGTH = (0.0, 0.75)  # mean and SD of log tau: neither equal weights nor a single donor are ruled out
LEVEL_SD = 1.0  # of the intercept, in units of the treated unit's level
SHORTEST = 1000  # transitions of a chain: with fewer, chains that agree often have an R-hat above the limit by chance
LONGER = (1, 2, 6)  # transitions of the attempts, as multiples of the first's
QUANTITIES = ("pooled", "tau", "omega", "rho", "effective_donors")


@dataclass(frozen=True, eq=False)
class WeightModel:
    r"""Model of one treated unit, in units of its own root mean squared baseline spending.

    .. math::
        y_{1t} = \mu + \sum_j w_j y_{jt} + v_t u_t + e_t, \quad w = \mathrm{softmax}(A b + \tau z), \quad
        u_t = \rho u_{t-1} + \omega \epsilon_t

    with z, b, epsilon standard normal, A the donors' standardised level and main loading, log tau ~ N(0, 0.75^2), the
    normal prior of (log omega, logit rho, log k, log v) learned from the donors (`ShockPrior`), mu = 0 or N(0, 1), and
    e_t of variance k^2 (noise_1t + sum_j w_j^2 noise_jt).

    Attributes
    ----------
    y, X, times, noise, donor_noise : (T0,), (T0, J), (T0,), (T0,), (T0, J) over the baseline
    X_ahead, times_ahead, noise_ahead, donor_noise_ahead : the same over the P performance periods
    kappa : SD of mu; 0 without an intercept
    features : (J, F), A
    strength : (2,) mean and SD of log tau
    prior : ShockPrior
    pooling : (P,)
    level : spending per unit of y
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
    def of(cls, window: Window, *, intercept: bool) -> WeightModel:
        """Lay the model over a window."""
        own = window.Y[window.pre, window.treated]
        level = float(np.sqrt((own**2).mean()))
        kappa = LEVEL_SD if intercept else 0.0
        noise = np.zeros_like(window.Y) if window.noise is None else window.noise / level**2

        def donors(array: Floats, rows: NDArray[np.intp]) -> Floats:
            return np.ascontiguousarray(array[np.ix_(rows, window.others)])

        return cls(
            y=own / level,
            X=donors(window.Y, window.pre) / level,
            times=window.pre.astype(np.float64),
            noise=np.ascontiguousarray(noise[window.pre, window.treated]),
            donor_noise=donors(noise, window.pre),
            X_ahead=donors(window.Y, window.post) / level,
            times_ahead=window.post.astype(np.float64),
            noise_ahead=np.ascontiguousarray(noise[window.post, window.treated]),
            donor_noise_ahead=donors(noise, window.post),
            kappa=kappa,
            features=donor_features(window.Y[np.ix_(window.pre, window.others)]),
            strength=np.array(STRENGTH),
            prior=ShockPrior.learned(window),
            pooling=np.ascontiguousarray(window.pooling),
            level=level,
        )

    @property
    def data(self) -> tuple[Floats, Floats, Floats, Floats, Floats, float, Floats, Floats, Floats, Floats]:
        """What the kernels read of the baseline."""
        return (
            self.y, self.X, self.times, self.noise, self.donor_noise, self.kappa, self.features,
            self.prior.mean, self.prior.factor, self.strength,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Number of unknowns, J + F + 4 + T."""
        return int(sum(self.features.shape)) + 1 + self.prior.mean.size

    def weights(self, q: Floats) -> Floats:
        """Return donor weights (S, J) of draws q (S, J + F + 4 + T)."""
        out = np.empty((len(q), self.X.shape[1]))
        data, unused = self.data, np.empty(self.prior.mean.size - 3)
        for row, point in zip(out, q, strict=True):
            unpack(point, *data[6:], row, unused)
        return out

    def prior_effective_donors(self, rng: np.random.Generator, draws: int = 1000) -> Floats:
        """Return draws of 1 / sum w^2 before the data."""
        w = self.weights(rng.standard_normal((draws, self.size)))
        return np.asarray(1.0 / (w**2).sum(axis=1))


@dataclass(frozen=True, eq=False)
class WeightPosterior:
    """Draws: chains x draws first. P performance periods, J donors; spending in observed units.

    Attributes
    ----------
    q : (chain, draw, J + F + 4 + T)
    weights : (chain, draw, J)
    expected, paths : (chain, draw, P)
    quantities : name -> (chain, draw)
        pooled (expected benchmark, pooled over performance), tau, omega, rho, k, effective_donors, and the variances
        shock and sampling of the pooled benchmark, in units of squared level.
    r_hat, ess : name -> figure
    failures : tuple of str
    transitions : int
    """

    q: Floats
    weights: Floats
    expected: Floats
    paths: Floats
    quantities: dict[str, Floats]
    r_hat: dict[str, float]
    ess: dict[str, float]
    divergent: int
    failures: tuple[str, ...]


def sample_posterior(model: WeightModel, draws: int, rng: np.random.Generator) -> WeightPosterior:
    """Draw from the posterior with four chains, `draws` each; again and longer where they do not agree.

    Of chains that are longer than `draws` every n-th state is kept. The first chain learns the metric. Each further
    attempt takes the metric from the variance of all earlier draws, and every chain goes on from where it ended.
    """
    starts, metric = rng.standard_normal((CHAINS, model.size)), np.empty(0)
    for attempt in LONGER:
        longer = attempt * max(1, round(SHORTEST / draws))
        q = np.empty((CHAINS, draws, model.size))
        divergent, step = 0, FIRST_STEP
        for chain, start in enumerate(starts):
            warmup = WARMUP if metric.size == 0 else min(attempt, 2) * LATER_WARMUP
            drawn, wrong, metric, step = sample_chain(rng, start, metric, step, warmup, longer * draws, *model.data)
            q[chain] = drawn[longer - 1 :: longer]
            divergent += wrong
        found = _summary(model, q, divergent, longer * draws * CHAINS, rng)
        if not found.failures:
            break
        starts, metric = q[:, -1].copy(), q.reshape(-1, model.size).var(axis=0)
    return found


def _summary(
    model: WeightModel, q: Floats, divergent: int, transitions: int, rng: np.random.Generator
) -> WeightPosterior:
    draws, (P, J) = q.shape[1], model.X_ahead.shape
    flat = q.reshape(-1, model.size)
    normal, sampling_normal = rng.standard_normal((2, len(flat), P))
    expected, paths, parts = predict_paths(
        flat, normal, sampling_normal, *model.data, model.X_ahead, model.times_ahead, model.noise_ahead,
        model.donor_noise_ahead, model.pooling,
    )  # fmt: skip
    weights = model.weights(flat)
    columns = {
        "pooled": expected @ model.pooling * model.level,
        **dict(zip(("tau", "omega", "rho", "k", "shock", "sampling"), parts.T, strict=True)),
        "effective_donors": 1.0 / (weights**2).sum(axis=1),
    }
    quantities = {name: np.ascontiguousarray(column.reshape(CHAINS, -1)) for name, column in columns.items()}
    r_hat, ess = _convergence(quantities)
    failures = convergence_failures(convergence_figures(r_hat, ess, divergent, transitions))
    return WeightPosterior(
        q=q,
        weights=weights.reshape(CHAINS, draws, J),
        expected=expected.reshape(CHAINS, draws, P) * model.level,
        paths=paths.reshape(CHAINS, draws, P) * model.level,
        quantities=quantities,
        r_hat=r_hat,
        ess=ess,
        divergent=divergent,
        failures=failures,
    )


def _convergence(quantities: dict[str, Floats]) -> tuple[dict[str, float], dict[str, float]]:
    """Return rank-normalised split R-hat and bulk effective sample size (Vehtari et al. 2021)."""
    from arviz_stats.base.array import array_stats  # noqa: PLC0415  (heavy)

    stats: Any = array_stats
    r_hat, ess = {}, {}
    for name in QUANTITIES:
        r_hat[name] = float(stats.rhat(quantities[name], chain_axis=0, draw_axis=1, method="rank"))
        ess[name] = float(stats.ess(quantities[name], chain_axis=0, draw_axis=1, method="bulk"))
    return r_hat, ess
