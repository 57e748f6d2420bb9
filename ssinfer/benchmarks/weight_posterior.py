"""The posterior of a synthetic control: weights, shocks and sampling noise, and the law of its benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.benchmarks.shock_prior import ShockPrior
from ssinfer.kernels.simplex_posterior import predict_paths, sample_chain, unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.window import Window

    Floats = NDArray[np.float64]

CHAINS = 4
WARMUP = 400
LEVEL_SD = 1.0  # of the intercept, in units of the treated unit's level
LARGEST_R_HAT = 1.01
SMALLEST_ESS = 400.0
MOST_DIVERGENT = 0.005
LONGER = (1, 4)  # draws and warm-up of the attempts, as multiples
QUANTITIES = ("pooled", "tau", "omega", "rho", "effective_donors")


@dataclass(frozen=True, eq=False)
class WeightModel:
    r"""Model of one treated unit, in units of its own root mean squared baseline spending.

    .. math::
        y_{1t} = \mu + \sum_j w_j y_{jt} + u_t + e_t, \quad w = \mathrm{softmax}(\tau z), \quad
        u_t = \rho u_{t-1} + \omega \epsilon_t

    with z, epsilon standard normal, the normal priors of log tau and (log omega, logit rho, log k) learned from the
    donors (`ShockPrior`), mu = 0 or N(0, 1), and e_t of variance k^2 (noise_1t + sum_j w_j^2 noise_jt).

    Attributes
    ----------
    y, X, times, noise, donor_noise : (T0,), (T0, J), (T0,), (T0,), (T0, J) over the baseline
    X_ahead, times_ahead, noise_ahead, donor_noise_ahead : the same over the P performance periods
    kappa : SD of mu; 0 without an intercept
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
            prior=ShockPrior.learned(window, kappa),
            pooling=np.ascontiguousarray(window.pooling),
            level=level,
        )

    @property
    def data(self) -> tuple[Floats, Floats, Floats, Floats, Floats, float, Floats, Floats, Floats]:
        """What the kernels read of the baseline."""
        return (
            self.y, self.X, self.times, self.noise, self.donor_noise, self.kappa,
            self.prior.mean, self.prior.factor, self.prior.strength,
        )  # fmt: skip

    def weights(self, q: Floats) -> Floats:
        """Return donor weights (S, J) of draws q (S, J + 4)."""
        out = np.empty((len(q), self.X.shape[1]))
        data = self.data
        for row, point in zip(out, q, strict=True):
            unpack(point, data[6], data[7], data[8], row)
        return out

    def prior_effective_donors(self, rng: np.random.Generator, draws: int = 1000) -> Floats:
        """Return draws of 1 / sum w^2 before the data."""
        J = self.X.shape[1]
        centre, spread = self.prior.strength
        tau = np.exp(centre + spread * rng.standard_normal(draws))
        z = rng.standard_normal((draws, J))
        w = np.exp(tau[:, None] * (z - z.max(axis=1, keepdims=True)))
        w /= w.sum(axis=1, keepdims=True)
        return np.asarray(1.0 / (w**2).sum(axis=1))


@dataclass(frozen=True, eq=False)
class WeightPosterior:
    """Draws: chains x draws first. P performance periods, J donors; spending in observed units.

    Attributes
    ----------
    q : (chain, draw, J + 4)
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
    """Draw from the posterior with four chains, `draws` each; once more and longer where they do not agree."""
    for longer in LONGER:
        found = _attempt(model, draws, longer, rng)
        if not found.failures:
            break
    return found


def _attempt(model: WeightModel, draws: int, longer: int, rng: np.random.Generator) -> WeightPosterior:
    J, P = model.X.shape[1], model.X_ahead.shape[0]
    q = np.empty((CHAINS, draws, J + 4))
    divergent = 0
    for chain in range(CHAINS):
        start = rng.standard_normal(J + 4)
        drawn, wrong, _, _ = sample_chain(rng, start, longer * WARMUP, longer * draws, *model.data)
        q[chain] = drawn[longer - 1 :: longer]
        divergent += wrong
    flat = q.reshape(-1, J + 4)
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
    failures = []
    worst = max(r_hat, key=lambda name: r_hat[name])
    if not r_hat[worst] <= LARGEST_R_HAT:
        failures.append(f"R-hat of {worst} is {r_hat[worst]:.3f}, above {LARGEST_R_HAT}")
    least = min(ess, key=lambda name: ess[name])
    if not ess[least] >= SMALLEST_ESS:
        failures.append(f"bulk effective sample size of {least} is {ess[least]:.0f}, below {SMALLEST_ESS:.0f}")
    if divergent > MOST_DIVERGENT * CHAINS * longer * draws:
        failures.append(f"{divergent} of {CHAINS * longer * draws} transitions diverged")
    return WeightPosterior(
        q=q,
        weights=weights.reshape(CHAINS, draws, J),
        expected=expected.reshape(CHAINS, draws, P) * model.level,
        paths=paths.reshape(CHAINS, draws, P) * model.level,
        quantities=quantities,
        r_hat=r_hat,
        ess=ess,
        divergent=divergent,
        failures=tuple(failures),
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
