r"""The hierarchical panel model: which terms it has, their priors, and its covariances at given parameters.

For unit i in period t, y the log of spending (or spending relative to its mean),

    y_it = m_t + a_i + b_i (t - t̄) + c_i,season(t) + s_it + w_it + Σ_k x_ik g_kt + e_it

    m_t ~ N(0, σ_period²)       period effects, common to all
    a_i ~ N(0, σ_level²)        level of the unit
    b_i ~ N(0, σ_trend²)        trend of the unit
    c_i ~ N(0, σ_season²)       season of the unit (optional)
    s_it = v_t u_it             shock of the unit: u is AR(1) with stationary SD σ_shock, persistence ρ_shock
    v_t ~ logN(0, 0.3²)         volatility: how turbulent the period is for all units, 1 in an ordinary one (optional)
    w_it                        level and AR(1) shock that neighbours share (optional): correlated exp(-distance /
                                range), or equal within a region; the shock times v_t
    g_kt                        effect of covariate k: a fixed wide level and a random walk with SD σ_growth (optional)
    e_it ~ N(0, κ² / n_it)      sampling noise, κ learned; or the known variance; or N(0, σ_noise²) without sizes
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import erf, erfinv, ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ssinfer.benchmarks.hierarchical.kernels.unit_terms import UnitTerms
    from ssinfer.typing import Floats


from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import Marginal, marginal
from ssinfer.benchmarks.hierarchical.kernels.marginal_gradient import log_marginal_gradient
from ssinfer.benchmarks.hierarchical.kernels.markov_panel import Markov
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, log_marginals
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_terms
from ssinfer.kernels.compile import threads
from ssinfer.kernels.importance import laplace

LARGE = 20_000  # cells of a panel from which on a gradient is worth a thread
FAR = 8.0  # beyond it Φ(x) is 1 to rounding
STEP = 1e-4  # of differences of covariances, in standard deviations of the prior
REACH = 5.0  # bounds of the search for a mode, in standard deviations of the prior
FLOOR = 1e-6  # smallest prior scale, relative to spending


@dataclass(frozen=True)
class Parameter:
    """A parameter and its prior, by kind.

    deviation: a standard deviation, half-normal with scale `scale`. persistence: Beta(2, 2). factor: lognormal with
    median 1, `scale` the SD of its log.

    Everywhere inside, a parameter is x with a standard normal prior: its value is the prior's quantile at Φ(x). Tails
    are then normal on both sides, also where data say no more than that a standard deviation is small.
    """

    name: str
    kind: Literal["deviation", "persistence", "factor"]
    scale: float = 1.0

    def natural(self, x: Floats) -> Floats:
        """Return the value of the parameter at x."""
        if self.kind == "factor":
            return np.asarray(np.exp(self.scale * x))
        below = ndtr(np.minimum(x, FAR))
        if self.kind == "deviation":
            return np.asarray(self.scale * np.sqrt(2.0) * erfinv(below))
        # the quantile of Beta(2, 2), whose distribution function is 3 ρ² - 2 ρ³
        return np.asarray(0.5 - np.sin(np.arcsin(1.0 - 2.0 * below) / 3.0))

    def standard(self, value: Floats) -> Floats:
        """Return x from the value."""
        if self.kind == "factor":
            return np.asarray(np.log(value) / self.scale)
        if self.kind == "deviation":
            return np.asarray(ndtri(erf(np.asarray(value) / (self.scale * np.sqrt(2.0)))))
        return np.asarray(ndtri(3.0 * np.asarray(value) ** 2 - 2.0 * np.asarray(value) ** 3))


@dataclass(frozen=True)
class Covariances:
    """Covariances over T periods at given parameters, in the terms of the kernel."""

    structure: Floats  # (T, T) level, trend, season
    shared: Floats  # (T, T) the same and the shock
    noise: Floats  # (N, T)
    common: Floats  # (R, T, T) Cholesky factors


@dataclass(frozen=True, eq=False)
class PanelModel:
    """Terms, priors and everything that is known before the outcome. N units, T periods, R loadings.

    Attributes
    ----------
    time : (T,) positions of the periods, gaps counted
    inverse_size : (N, T) 1 / insured-years, or ones; or None when `known` is given
    known : (N, T) known sampling variance, or None
    loadings : (N, R): ones, then neighbours, then covariates
    spectrum : (R,) prior variance of a neighbour loading relative to 1; 1 for the others
    neighbours, covariates : how many loadings are of either kind
    parameters : in the order of the vector x
    period_scale : σ_period;  level_scale : fixed SD of a covariate's level
    volatility : names of the parameters v_t, one a period; empty: every v_t is 1
    """

    time: Floats
    inverse_size: Floats | None
    known: Floats | None
    loadings: Floats
    spectrum: Floats
    neighbours: int
    covariates: int
    season: int | None
    parameters: tuple[Parameter, ...]
    period_scale: float
    level_scale: float
    volatility: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

    @cached_property
    def _alike(self) -> list[tuple[Parameter, NDArray[np.intp], list[str]]]:
        """Parameters of one law: the first of them, their places and names; all volatilities have one law."""
        groups: dict[tuple[str, float], list[int]] = {}
        for j, parameter in enumerate(self.parameters):
            groups.setdefault((parameter.kind, parameter.scale), []).append(j)
        return [
            (self.parameters[places[0]], np.array(places), [self.parameters[j].name for j in places])
            for places in groups.values()
        ]

    def values(self, x: Floats) -> dict[str, float]:
        """Return the parameters by name from the vector x."""
        return {name: float(value) for name, value in self._natural(x).items()}

    def _natural(self, x: Floats) -> dict[str, Floats]:
        """Return the parameters (...) by name from x (..., d)."""
        out: dict[str, Floats] = {}
        for first, places, names in self._alike:
            out.update(zip(names, np.moveaxis(first.natural(x[..., places]), -1, 0), strict=True))
        return out

    def log_prior(self, x: Floats) -> Floats:
        """Return the log prior density of x (..., d): standard normal in each."""
        return np.asarray(-0.5 * (x**2).sum(axis=-1) - 0.5 * self.size * np.log(2 * np.pi))

    def shared(self, value: Mapping[str, Floats | float]) -> tuple[Floats, Floats]:
        """Return the covariance (..., T, T) of level, trend and season of a unit, and the same with its shock.

        Parameters may be numbers, or arrays over nodes.
        """

        def square(name: str) -> Floats:
            return np.asarray(value[name])[..., None, None] ** 2

        lag = self.lag
        structure = square("level") * np.ones_like(lag)
        if "trend" in value:
            centred = self.time - self.time.mean()
            structure = structure + square("trend") * np.outer(centred, centred)
        if self.season is not None:
            structure = structure + square("season") * (lag % self.season == 0)
        if "shock" not in value:
            return structure, structure
        persistence = np.asarray(value["persistence"])[..., None, None]
        return structure, structure + square("shock") * persistence**lag * self.together(value)

    @property
    def lag(self) -> Floats:
        """Periods between any two (T, T)."""
        return np.asarray(np.abs(np.subtract.outer(self.time, self.time)))

    def together(self, value: Mapping[str, Floats | float]) -> Floats:
        """Return v_t v_s (..., T, T), the product of the volatilities of any two periods."""
        if not self.volatility:
            return np.ones((len(self.time), len(self.time)))
        turbulence = np.stack([np.asarray(value[name]) for name in self.volatility], axis=-1)
        return np.asarray(turbulence[..., :, None] * turbulence[..., None, :])

    def nodes(self, x: Floats) -> Nodes:
        """Return the covariances at many parameters x (M, d), for a panel with one loading."""
        value = self._natural(x)
        structure, shared = self.shared(value)
        scale = np.ones(len(x)) if self.known is not None else value["noise"] ** 2
        return Nodes(structure, shared, scale, np.eye(len(self.time)) * self.period_scale, self._markov(value, len(x)))

    def _markov(self, value: Mapping[str, Floats], count: int) -> Markov:
        """Return what the shared covariance is made of at `count` nodes: see `markov_panel`."""
        periods = len(self.time)
        kept, spread = np.zeros((count, periods)), np.zeros((count, periods))
        if "shock" in value:
            kept[:, 1:] = value["persistence"][:, None] ** np.diff(self.time)
            spread += value["shock"][:, None]
        for t, name in enumerate(self.volatility):
            spread[:, t] *= value[name]
        columns = [np.ones((1, periods)) * value["level"][:, None]]
        if "trend" in value:
            columns.append((self.time - self.time.mean()) * value["trend"][:, None])
        if self.season is not None:
            phase = (self.time - self.time[0]) % self.season
            columns += [(phase == p) * value["season"][:, None] for p in np.unique(phase)]
        return Markov(kept, spread, np.stack(columns, axis=2))

    @property
    def sampling(self) -> Floats:
        """Known sampling variance (N, T), or that at noise 1."""
        given = self.inverse_size if self.known is None else self.known
        assert given is not None  # noqa: S101  (one of the two is given)
        return given

    def covariances(self, x: Floats) -> Covariances:
        """Return all covariances at the parameters x."""
        value = self.values(x)
        structure, shared = self.shared(value)
        noise = self.sampling if self.known is not None else value["noise"] ** 2 * self.sampling
        blocks = [np.eye(len(self.time))[None] * self.period_scale]
        if self.neighbours:
            shock = value["neighbour_shock"] ** 2 * value["neighbour_persistence"] ** self.lag * self.together(value)
            field = value["neighbour_level"] ** 2 + shock
            root = np.linalg.cholesky(field + 1e-12 * field[0, 0] * np.eye(len(self.time)))
            weights = self.spectrum[1 : 1 + self.neighbours]
            blocks.append(np.sqrt(weights)[:, None, None] * root[None])
        if self.covariates:
            walk = np.minimum.outer(self.time - self.time[0], self.time - self.time[0])
            covariance = self.level_scale**2 + value["growth"] ** 2 * walk
            root = np.linalg.cholesky(covariance + 1e-10 * self.level_scale**2 * np.eye(len(self.time)))
            blocks.append(np.repeat(root[None], self.covariates, axis=0))
        return Covariances(structure, shared, noise, np.concatenate(blocks))

    def terms(
        self, at: Covariances, y: Floats, seen: Floats, rows: NDArray[np.intp] | slice = slice(None)
    ) -> UnitTerms:
        """Return the kernel's terms of the units in `rows`; y and seen are of these rows."""
        return unit_terms(at.shared, at.noise[rows], seen, y)

    def marginal(self, x: Floats, y: Floats, seen: Floats) -> tuple[Marginal, UnitTerms, Covariances]:
        """Return the marginal likelihood at x with what it was made of."""
        at = self.covariances(x)
        terms = self.terms(at, y, seen)
        return marginal(terms, self.loadings, at.common), terms, at

    def log_posteriors(self, nodes: Floats, y: Floats, seen: Floats) -> Floats:
        """Return the log marginal posterior density (M,) at nodes (M, d), up to a constant; -inf where singular."""
        prior = self.log_prior(nodes)
        if self.loadings.shape[1] == 1:
            return log_marginals(self.nodes(nodes), self.sampling, seen, y, self.loadings[:, 0]) + prior
        out = np.full(len(nodes), -np.inf)
        for m, x in enumerate(nodes):
            with contextlib.suppress(np.linalg.LinAlgError, ValueError):
                out[m] = self.marginal(x, y, seen)[0].log_likelihood + prior[m]
        return out

    def log_posterior(self, x: Floats, y: Floats, seen: Floats) -> float:
        """Return the log marginal posterior density of x, up to a constant."""
        return float(self.log_posteriors(x[None], y, seen)[0])

    def log_posterior_slope(self, x: Floats, y: Floats, seen: Floats) -> tuple[float, Floats]:
        """Return the log posterior density of x and its gradient, for a panel with one loading."""
        # the covariances are few numbers: their differences cost nothing beside a pass over the units
        moved = STEP * np.eye(self.size)
        around = self.nodes(np.concatenate([x[None], x + moved, x - moved]))
        shared, scale = around.shared, around.scale
        here, up, down = slice(0, 1), slice(1, self.size + 1), slice(self.size + 1, None)
        loading = self.loadings[:, 0]
        try:
            value, by_shared, by_scale = log_marginal_gradient(around.of(here), self.sampling, seen, y, loading)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros(self.size)
        gradient = np.tensordot((shared[up] - shared[down]) / (2 * STEP), by_shared, axes=2)
        gradient += (scale[up] - scale[down]) / (2 * STEP) * by_scale
        return value + float(self.log_prior(x)), gradient - x

    def mode(self, y: Floats, seen: Floats) -> tuple[Floats, Floats]:
        """Return the posterior mode of x, and the lower Cholesky factor of the inverse of minus the Hessian there."""
        slope = None
        if self.loadings.shape[1] == 1:
            slope = partial(self.log_posterior_slope, y=y, seen=seen)
        workers = threads() if y.size >= LARGE else 1
        return laplace(lambda x: self.log_posterior(x, y, seen), np.zeros(self.size), REACH, slope, workers)


@dataclass(frozen=True)
class Scales:
    """Data-scaled prior constants, from baseline cells only (frozen before any simulation).

    With ȳ_i the units' means and r_it what period and unit means leave (divided by the share of degrees of
    freedom left), in log or relative units:

    level 2 SD(ȳ_i); shock SD(r); trend SD(r) / SD(t); season SD(r); neighbours' level SD(ȳ_i) and shock SD(r);
    growth SD(r) per SD of a covariate; noise κ: twice the κ at which sampling alone gives the median r² n; period
    effects 5 SD(y). Each half-normal covers zero and twice its scale: wide against what data can show, since no
    term can exceed the spread that it is a part of.
    """

    spread: float
    level: float
    residual: float
    noise: float
    slope: float

    @classmethod
    def of(cls, y: Floats, inverse_size: Floats, time: Floats) -> Scales:
        """Measure the spread of y (N, B), complete, over baseline periods."""
        units, periods = y.shape
        level = y.mean(axis=1)
        residual = y - y.mean(axis=0) - level[:, None] + y.mean()
        freedom = max(1 - 1 / units, 0.25) * max(1 - 1 / periods, 0.25)
        spread = float(np.sqrt((residual**2).mean() / freedom))
        # median of a chi-squared variable with one degree of freedom: 0.4549
        noise = float(np.sqrt(np.median(residual**2 / freedom / inverse_size) / 0.4549))
        smallest = FLOOR / np.sqrt(np.median(inverse_size))
        return cls(
            spread=max(float(y.std()), FLOOR),
            level=max(float(level.std()), FLOOR),
            residual=max(spread, FLOOR),
            noise=max(noise, smallest),
            slope=max(spread / max(float(time.std()), 0.5), FLOOR),
        )
