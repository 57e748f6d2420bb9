"""PlaceboHistory: k and the group shock, estimated from the errors of the panel's other units."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from ssinfer.benchmarks.administrative.reference_group import (
    ReferenceGroups,
    ReferenceGrowth,
    inverse_size,
    trended,
    unit_noise,
)
from ssinfer.benchmarks.problem import Problem
from ssinfer.check import Check, tabulate
from ssinfer.errors import DataError, RefusalError
from ssinfer.kernels.error_components import fit_noise, noise_shape, rotation, shock_contrast
from ssinfer.names import as_names
from ssinfer.typing import Floats, Positions

RHOS = (0.0, 0.5, 0.8, 0.95)  # persistences that are tried
N_REPLICATES = 128  # bootstrap replicates of k and tau
MIN_PLACEBOS = 10
KNOWN_NOISE = {"variance": "variance", "cv": "variance", "size": "size", "none": "none"}


@dataclass(frozen=True, eq=False)
class NoiseParameters:
    """Estimates of k and tau: bootstrap draws (R,), maximum-likelihood values, and the best persistence in `RHOS`."""

    k: Floats
    tau: Floats
    k_hat: float
    tau_hat: float
    best: int
    persistence_tried: bool
    n_units: int
    n_windows: int

    def table(self) -> pd.DataFrame:
        """Return k, tau and persistence with 90% intervals, as diagnostics rows."""
        checks = []
        for name, value, draws in (("k", self.k_hat, self.k), ("shock_sd", self.tau_hat, self.tau)):
            low, high = np.quantile(draws, [0.05, 0.95])
            checks.append(Check(name, "PASS", value, f"90% interval {low:.4g} to {high:.4g}"))
        found = f"{self.n_units} units x {self.n_windows} windows"
        checks.append(Check("placebo_errors", "PASS", float(self.n_units), found))
        if self.persistence_tried:
            checks.append(Check("persistence", "PASS", RHOS[self.best], f"chosen among {RHOS}"))
        return tabulate(checks)


@dataclass(frozen=True, eq=False)
class PlaceboHistory:
    """Placebo errors of J placebo units in W windows of P periods, and the treated units' point benchmarks."""

    benchmark: Floats  # (I, P): without noise, in EUR per insured-year
    squares: list[Floats]  # per persistence (J, W, P): squared rotated errors relative to the benchmark
    lam: list[Floats]  # per persistence (P,): variance of the shock in each rotated error
    shock: list[Floats]  # per persistence (P, P): covariance of the shock's contrast
    inverse_size: Floats  # (J, W): 1 / n of each placebo
    known: str  # "variance", "size" or "none", as in the panel

    @classmethod
    def of(
        cls, problem: Problem, groups: ReferenceGroups, shares: Floats, covariates: Sequence[str], history: int | None
    ) -> "PlaceboHistory":
        """Collect placebo errors in this window and up to `history` earlier ones; `shares` (B,) weigh the baseline."""
        groups = groups.without(problem.treated)
        windows = earlier_windows(problem, len(problem.panel.periods) if history is None else history)
        pool = groups.units()
        if len(pool) < MIN_PLACEBOS:
            raise RefusalError(
                f"Only {len(pool)} units can serve as placebos for k and the group shock; at least {MIN_PLACEBOS} are "
                "needed to estimate them. Add units to the panel or widen the comparison group."
            )
        growth = covariate_matrix(problem, covariates)
        noise, divisor = unit_noise(problem, shares)
        errors, inverse, benchmark = [], [], None
        for before, after in windows:
            own_noise = inverse_size(noise, divisor, shares, before, after)
            group = ReferenceGrowth.of(problem, groups, before, after, own_noise)
            predicted = trended(problem.spending[:, before], group, shares)
            if growth is not None:
                predicted = predicted * growth_factor(problem, predicted, growth, after, pool)
            if benchmark is None:
                benchmark = predicted[problem.treated]
            # A placebo's error contains its reference group's error too. It is scaled so that k and tau are one unit's.
            scale = 1.0 + group.shock[pool]
            in_pool = predicted[pool]
            with np.errstate(invalid="ignore", divide="ignore"):
                relative = (in_pool - problem.spending[:, after][pool]) / in_pool
            errors.append(relative / np.sqrt(scale)[:, None])
            inverse.append((own_noise + group.noise)[pool] / scale)
        if benchmark is None or not np.isfinite(benchmark).all():
            raise DataError("The benchmark is not finite: a reference group has zero spending in a baseline period.")
        columns = problem.baseline, problem.performance_columns
        shock, turns, lam = rotations(*(tuple(values.tolist()) for values in (shares, *columns)))
        stacked = np.stack(errors, axis=1)  # (J, W, P), rotated to independent ones for each persistence
        squares = [np.ascontiguousarray((stacked @ turn.T) ** 2) for turn in turns]
        return cls(benchmark, squares, lam, shock, np.stack(inverse, axis=1), KNOWN_NOISE[problem.panel.noise])

    def estimate(self, rng: np.random.Generator) -> NoiseParameters:
        """Return maximum-likelihood k, tau and persistence, with bootstrap draws over units."""
        # the first column weights all units equally and gives the estimate; the others are bootstrap replicates
        masses = np.ones((len(self.inverse_size), 1 + N_REPLICATES))
        masses[:, 1:] = rng.standard_exponential((len(masses), N_REPLICATES))
        fits = [
            fit_noise(squares, self.inverse_size, lam, self.known, masses)
            for squares, lam in zip(self.squares, self.lam, strict=True)
        ]
        best = int(np.argmax([fit.log_likelihood[0] for fit in fits]))
        k, tau = fits[best].k, fits[best].tau
        return NoiseParameters(
            k[1:], tau[1:], float(k[0]), float(tau[0]), best, len(fits) > 1, *self.inverse_size.shape
        )


@lru_cache(maxsize=16)
def rotations(shares: tuple[float, ...], before: tuple[int, ...], after: tuple[int, ...]) -> tuple[list[Floats], ...]:
    """Return the shock's contrast, the rotation and its eigenvalues for each persistence; the same in all placebos."""
    weights, times = np.array(shares), (np.array(before, dtype=float), np.array(after, dtype=float))
    shock = [shock_contrast(rho, weights, *times) for rho in (RHOS if len(after) > 1 else RHOS[-1:])]
    turned = [rotation(noise_shape(weights, len(after)), shape) for shape in shock]
    return shock, [turn for turn, _ in turned], [values for _, values in turned]


def earlier_windows(problem: Problem, n_earlier: int) -> list[tuple[Positions, Positions]]:
    """Return this window and up to `n_earlier` earlier ones of the same shape, without masked periods."""
    hidden = set(problem.design.masked)
    masked = {column for column, label in enumerate(problem.panel.periods) if label in hidden}
    windows = [(problem.baseline, problem.performance_columns)]
    for back in range(1, int(problem.baseline[0]) + 1):
        before, after = problem.baseline - back, problem.performance_columns - back
        if len(windows) > n_earlier:
            break
        if not masked or not masked.intersection([*before.tolist(), *after.tolist()]):
            windows.append((before, after))
    return windows


def covariate_matrix(problem: Problem, covariates: Sequence[str]) -> Floats | None:
    """Return baseline means of covariates (N, q), standardised over units, or None without covariates."""
    if not len(covariates):
        return None
    columns = []
    for name in as_names(covariates):
        values = problem.panel.covariate(name)[:, problem.baseline].mean(axis=1)
        used = values[np.concatenate([problem.treated, problem.donors])]
        if not np.isfinite(used).all():
            raise DataError(
                f"Covariate {name!r} is missing for a treated unit or a donor in the baseline. Complete it."
            )
        spread = used.std()
        columns.append((values - used.mean()) / (spread if spread > 0 else 1.0))
    return np.column_stack(columns)


def growth_factor(problem: Problem, predicted: Floats, z: Floats, after: Positions, pool: Positions) -> Floats:
    """Return the growth factor 1 + gamma_t'(z_i - zbar) of every unit (N, P), of standardised covariates z (N, q).

    gamma is fitted by weighted least squares to the relative errors of the placebos in the rows `pool`. A placebo's own
    value is left out of its own prediction through its leverage. `predicted` (N, P) are benchmarks without covariates;
    `after` (P,) are columns.
    """
    usable = pool[
        np.isfinite(predicted[pool]).all(axis=1) & np.isfinite(problem.spending[np.ix_(pool, after)]).all(axis=1)
    ]
    weight = problem.sizes[usable][:, after].mean(axis=1)
    centre = (weight @ z[usable]) / weight.sum()
    x = z - centre
    y = problem.spending[np.ix_(usable, after)] / predicted[usable] - 1.0
    root = np.sqrt(weight)[:, None]
    q, r = np.linalg.qr(root * x[usable])
    if np.abs(np.diag(r)).min() < 1e-10 * np.abs(np.diag(r)).max():
        raise DataError(f"The {z.shape[1]} covariates are collinear over the comparison group. Drop one.")
    gamma = np.linalg.solve(r, q.T @ (root * y))  # (q, P)
    fitted = x @ gamma
    leverage = (q**2).sum(axis=1)[:, None]
    fitted[usable] = (fitted[usable] - leverage * y) / (1.0 - leverage)
    return np.asarray(1.0 + fitted)
