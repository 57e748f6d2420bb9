"""The hierarchical panel model: its terms, and its covariances at given parameters.

For unit i in period t, y is the log of spending (or spending relative to its mean):

    y_it = m_t + a_i + b_i (t - t̄) + c_i,season(t) + s_it + w_it + Σ_k x_ik g_kt + Σ_j z_ij h_j 1{t >= first_j} + e_it

    m_t ~ N(0, σ_period²)       period effects, common to all
    a_i, b_i, c_i               level, trend and season of the unit: N(0, σ_level²), N(0, σ_trend²), N(0, σ_season²);
                                with unit_effect="own" σ_level is a constant so large that levels are not shrunk
    s_it = v_t u_it             shock of the unit: u is AR(1) with stationary SD σ_shock, persistence ρ_shock
    v_t ~ logN(0, 0.3²)         volatility of the period for all units, 1 in an ordinary period (optional)
    w_it                        level and AR(1) shock times v_t that neighbours or regions share (optional)
    g_kt                        effect of covariate k: a fixed wide level and a random walk with SD σ_growth (optional)
    h_j ~ N(0, 0.10²)           size of a declared break (optional)
    e_it ~ N(0, κ² / n_it)      sampling noise, κ estimated; or the known variance; or N(0, σ_noise²) without sizes
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ssinfer.benchmarks.hierarchical.breaks import BREAK_SD
from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import Block, Marginal, marginal
from ssinfer.benchmarks.hierarchical.kernels.marginal_gradient import log_marginal_gradient
from ssinfer.benchmarks.hierarchical.kernels.markov_panel import Markov
from ssinfer.benchmarks.hierarchical.kernels.panel_nodes import Nodes, period_effects
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import unit_terms
from ssinfer.benchmarks.hierarchical.parameters import Parameter
from ssinfer.kernels.compile import threads
from ssinfer.kernels.importance import laplace
from ssinfer.typing import Floats

MIN_THREADED_CELLS = 20_000  # cells of a panel from which the gradients of the Hessian are split over threads
DIFFERENCE_STEP = 1e-4  # of differences of covariances, in standard deviations of the prior
MODE_BOUND = 5.0  # of the search for a mode, in standard deviations of the prior


@dataclass(frozen=True)
class Covariances:
    """Covariances over T periods at given parameters."""

    structure: Floats  # (T, T): of a unit without its shock
    shared: Floats  # (T, T): with its shock
    noise: Floats  # (N, T): sampling variances
    common: list[Floats]  # (T, T) of each block: lower Cholesky factor of the covariance of its effects


@dataclass(frozen=True, eq=False)
class PanelModel:
    """Terms and priors of the model. N units, T periods, R loadings."""

    time: Floats  # (T,): positions of the periods, with gaps
    sampling: Floats  # (N, T): known variance; with a parameter "noise" (κ) 1 / insured-years, or ones
    loadings: Floats  # (N, R): ones, then neighbours, then covariates, then breaks
    neighbours: int  # number of loadings
    covariates: int  # number of loadings
    season: int | None  # periods in a season cycle
    parameters: tuple[Parameter, ...]  # in the order of the vector x
    period_scale: float  # σ_period
    level_scale: float  # fixed SD of a covariate's level
    steps: tuple[Floats, ...] = ()  # (T,) of each break: 1 from its first period on
    own_level: float = 0.0  # fixed SD of a unit's level, in a model without a parameter "level"

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Common effects of each kind: of periods, of neighbours, of covariates, of each break."""
        widths = (1, self.neighbours, self.covariates, *(1 for _ in self.steps))
        parts = np.split(self.loadings, np.cumsum(widths)[:-1], axis=1)
        return tuple(Block(part) for part, width in zip(parts, widths, strict=True) if width)

    @cached_property
    def volatility(self) -> tuple[str, ...]:
        """Names of the parameters v_t, one per period; empty if every v_t is 1."""
        return tuple(parameter.name for parameter in self.parameters if parameter.kind == "factor")

    def values(self, x: Floats) -> dict[str, float]:
        """Return the values of the parameters at the vector x, by name."""
        return {name: float(value) for name, value in self._natural(x).items()}

    def _natural(self, x: Floats) -> dict[str, Floats]:
        """Return the values of the parameters, by name: numbers at x (d,), arrays (M,) at x (M, d)."""
        fixed = {"level": np.full(x.shape[:-1], self.own_level)}
        return fixed | {parameter.name: parameter.natural(x[..., j]) for j, parameter in enumerate(self.parameters)}

    def log_prior(self, x: Floats) -> Floats:
        """Return the log prior density of x (..., d): standard normal in each coordinate."""
        return np.asarray(-0.5 * (x**2).sum(axis=-1) - 0.5 * self.size * np.log(2 * np.pi))

    @property
    def lag(self) -> Floats:
        """Distance between any two periods (T, T)."""
        return np.asarray(np.abs(np.subtract.outer(self.time, self.time)))

    def nodes(self, x: Floats) -> Nodes:
        """Return the covariances of units and of period effects at many parameters x (M, d)."""
        value, periods = self._natural(x), len(self.time)
        kept, spread = np.zeros((len(x), periods)), np.zeros((len(x), periods))
        columns = [np.ones(periods) * value["level"][:, None]]
        if "trend" in value:
            columns.append((self.time - self.time.mean()) * value["trend"][:, None])
        if self.season is not None:
            phase = (self.time - self.time[0]) % self.season
            columns += [(phase == p) * value["season"][:, None] for p in np.unique(phase)]
        low = np.stack(columns, axis=2)
        structure = shared = low @ low.swapaxes(1, 2)
        if "shock" in value:
            kept[:, 1:] = value["persistence"][:, None] ** np.diff(self.time)
            spread += value["shock"][:, None]
            for t, name in enumerate(self.volatility):
                spread[:, t] *= value[name]
            shared = structure + value["persistence"][:, None, None] ** self.lag * spread[:, :, None] * spread[:, None]
        scale = value["noise"] ** 2 if "noise" in value else np.ones(len(x))
        return Nodes(structure, shared, scale, np.eye(periods) * self.period_scale, Markov(kept, spread, low))

    def covariances(self, x: Floats) -> Covariances:
        """Return all covariances at the parameters x."""
        node = self.nodes(x[None])
        common = [node.common, *map(np.linalg.cholesky, self._common(self._natural(x)))]
        return Covariances(node.structure[0], node.shared[0], node.scale[0] * self.sampling, common)

    def _common(self, value: Mapping[str, Floats]) -> list[Floats]:
        """Return the covariances (..., T, T) of the effects of neighbours, of covariates and of breaks."""

        def wide(name: str) -> Floats:
            return np.asarray(value[name])[..., None, None]

        out, unit = [], np.eye(len(self.time))
        if self.neighbours:
            shock = wide("neighbour_shock") ** 2 * wide("neighbour_persistence") ** self.lag
            if self.volatility:
                volatility = np.stack([value[name] for name in self.volatility], axis=-1)
                shock = shock * volatility[..., :, None] * volatility[..., None, :]
            field = shock + wide("neighbour_level") ** 2 if "neighbour_level" in value else shock
            out.append(field + 1e-12 * field[..., :1, :1] * unit)
        if self.covariates:
            walk = np.minimum.outer(self.time - self.time[0], self.time - self.time[0])
            out.append(self.level_scale**2 * (1.0 + 1e-10 * unit) + wide("growth") ** 2 * walk)
        for step in self.steps:  # nearly singular: one number, not a path
            known = BREAK_SD**2 * (np.outer(step, step) + 1e-10 * unit)
            out.append(np.broadcast_to(known, np.shape(next(iter(value.values()))) + known.shape))
        return out

    def marginal(self, x: Floats, y: Floats, seen: Floats) -> tuple[Marginal, Covariances]:
        """Return the marginal likelihood at x, with the covariances behind it."""
        at = self.covariances(x)
        return marginal(unit_terms(at.shared, at.noise, seen, y), self.blocks, at.common), at

    def log_posteriors(self, nodes: Floats, y: Floats, seen: Floats) -> Floats:
        """Return the log posterior density (M,) at nodes (M, d), up to a constant; -inf where singular."""
        prior = self.log_prior(nodes)
        if self.loadings.shape[1] == 1:
            return period_effects(self.nodes(nodes), self.sampling, seen, y, self.loadings[:, 0])[0] + prior
        out = np.full(len(nodes), -np.inf)
        for m, x in enumerate(nodes):
            with contextlib.suppress(np.linalg.LinAlgError, ValueError):
                out[m] = self.marginal(x, y, seen)[0].log_likelihood + prior[m]
        return out

    def log_posterior(self, x: Floats, y: Floats, seen: Floats) -> float:
        """Return the log posterior density of x, up to a constant."""
        return float(self.log_posteriors(x[None], y, seen)[0])

    def log_posterior_gradient(self, x: Floats, y: Floats, seen: Floats) -> tuple[float, Floats]:
        """Return the log posterior density of x and its gradient."""
        # differences of the small covariances take almost no time, compared with a pass over the units
        shifts = DIFFERENCE_STEP * np.eye(self.size)
        points = np.concatenate([x[None], x + shifts, x - shifts])
        nodes, common = self.nodes(points), self._common(self._natural(points))
        try:
            if common:
                fit = self.marginal(x, y, seen)[0]
                value, (by_shared, by_scale, by_common) = fit.log_likelihood, fit.gradient(self.sampling)
            else:
                panel, by_common = (self.sampling, seen, y, self.loadings[:, 0]), list[Floats]()
                value, by_shared, by_scale = log_marginal_gradient(nodes.of(slice(0, 1)), *panel)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros(self.size)
        gradient = -x
        derivatives = [by_shared, np.array(by_scale), *by_common[1:]]
        for at, by in zip([nodes.shared, nodes.scale, *common], derivatives, strict=True):
            up, down = at[1 : self.size + 1], at[self.size + 1 :]
            gradient = gradient + np.tensordot((up - down) / (2 * DIFFERENCE_STEP), by, axes=by.ndim)
        return value + float(self.log_prior(x)), gradient

    def mode(self, y: Floats, seen: Floats) -> tuple[Floats, Floats]:
        """Return the posterior mode of x, and the lower Cholesky factor of the inverse of minus the Hessian there."""
        gradient = partial(self.log_posterior_gradient, y=y, seen=seen)
        workers = threads() if y.size >= MIN_THREADED_CELLS else 1
        return laplace(lambda x: self.log_posterior(x, y, seen), np.zeros(self.size), MODE_BOUND, gradient, workers)
