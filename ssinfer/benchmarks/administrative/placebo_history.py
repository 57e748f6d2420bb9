"""Placebo history: k and the group shock from the errors of the panel's other units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.administrative.reference_group import ReferenceMeans, inverse_size, trended
from ssinfer.errors import DataError, RefusalError
from ssinfer.kernels.error_components import fit_noise, noise_shape, rotation, shock_contrast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

RHOS = (0.0, 0.5, 0.8, 0.95)
REPLICATES = 128
FEWEST_UNITS = 10


@dataclass(frozen=True, eq=False)
class NoiseParameters:
    """Bootstrap draws (R,) of k and tau, the maximum-likelihood values, and the index of the best persistence."""

    k: Floats
    tau: Floats
    k_hat: float
    tau_hat: float
    best: int

    def table(self, history: PlaceboHistory) -> pd.DataFrame:
        """Return k, tau and persistence with 90% intervals, as diagnostics rows."""
        rows = []
        for name, value, draws in (("k", self.k_hat, self.k), ("shock_sd", self.tau_hat, self.tau)):
            low, high = np.quantile(draws, [0.05, 0.95])
            rows.append((name, "PASS", value, f"90% interval {low:.4g} to {high:.4g}"))
        n_units, n_windows = history.squares[0].shape[:2]
        rows.append(("placebo_errors", "PASS", float(n_units), f"{n_units} units x {n_windows} windows"))
        if len(history.shock) > 1:
            rows.append(("persistence", "PASS", RHOS[self.best], f"chosen among {RHOS}"))
        return pd.DataFrame(rows, columns=["check", "status", "figure", "message"])


@dataclass(frozen=True, eq=False)
class PlaceboHistory:
    """Placebo errors of the panel's other units, and the treated units' point benchmarks.

    benchmark : (I, P);  squares : per persistence, (J, W, P) squared rotated errors;  inverse_size : (J, W)
    """

    benchmark: Floats
    squares: list[Floats]
    lam: list[Floats]
    shock: list[Floats]
    inverse_size: Floats
    known: str

    @classmethod
    def of(
        cls, problem: Problem, groups: Floats, shares: Floats, covariates: Sequence[str], history: int | None
    ) -> PlaceboHistory:
        """Collect placebo errors of this window and `history` earlier ones (None: all that the panel holds)."""
        groups = groups.copy()
        groups[:, problem.treated] = 0.0
        reach = len(problem.panel.periods) if history is None else history
        windows = earlier_windows(problem, reach)
        # placebos for the noise: units with a reference group that the rule admits as somebody's donor
        pool = np.setdiff1d(np.flatnonzero(groups.any(axis=1) & groups.any(axis=0)), problem.treated)
        if len(pool) < FEWEST_UNITS:
            raise RefusalError(
                f"Only {len(pool)} units can serve as placebos for k and the group shock; at least {FEWEST_UNITS} are "
                "needed for an honest error. Add units to the panel or widen the comparison group."
            )
        reference = ReferenceMeans.of(problem, groups)
        design_z = covariate_matrix(problem, covariates)
        errors, inverse, own = [], [], None
        for before, after in windows:
            means = reference.over(np.concatenate([before, after]))
            predicted = trended(problem.spending, means, shares, before, after)
            if design_z is not None:
                predicted = predicted * growth_factor(problem, predicted, design_z, groups, after, pool)
            if own is None:
                own = predicted[problem.treated]
            own_noise = inverse_size(problem, shares, before, after)
            spread, noise_of_group = reference.dilution(np.concatenate([before, after]), own_noise)
            # a placebo's error holds its reference group's as well: scaled so that k and tau are a unit's own
            scale = 1.0 + spread[pool]
            with np.errstate(invalid="ignore", divide="ignore"):
                relative = (predicted - problem.spending[:, after])[pool] / predicted[pool]
            errors.append(relative / np.sqrt(scale)[:, None])
            inverse.append((own_noise[pool] + noise_of_group[pool]) / scale)
        if own is None or not np.isfinite(own).all():
            raise DataError("The benchmark is not finite: a reference group has zero spending in a baseline period.")
        x = np.stack(errors, axis=1)  # (J, W, P)
        known = {"variance": "variance", "cv": "variance", "size": "size", "none": "none"}[problem.panel.noise]
        noise = noise_shape(shares, len(problem.performance_columns))
        rhos = RHOS if len(problem.performance_columns) > 1 else RHOS[-1:]
        places = problem.baseline.astype(float), problem.performance_columns.astype(float)
        shock = [shock_contrast(rho, shares, *places) for rho in rhos]
        squares, lam = [], []
        for shape in shock:
            turn, values = rotation(noise, shape)
            squares.append(np.ascontiguousarray((x @ turn.T) ** 2))
            lam.append(values)
        return cls(own, squares, lam, shock, np.stack(inverse, axis=1), known)

    def estimate(self, rng: np.random.Generator) -> NoiseParameters:
        """Return maximum-likelihood k, tau and persistence, with bootstrap draws over units."""
        # the first column weighs all units alike: the estimate; the others are bootstrap replicates
        masses = np.ones((len(self.inverse_size), 1 + REPLICATES))
        masses[:, 1:] = rng.standard_exponential((len(masses), REPLICATES))
        fits = [
            fit_noise(squares, self.inverse_size, lam, self.known, masses)
            for squares, lam in zip(self.squares, self.lam, strict=True)
        ]
        best = int(np.argmax([fit.log_likelihood[0] for fit in fits]))
        k, tau = fits[best].k, fits[best].tau
        return NoiseParameters(k[1:], tau[1:], float(k[0]), float(tau[0]), best)


def earlier_windows(problem: Problem, reach: int) -> list[tuple[Places, Places]]:
    """Return this window and up to `reach` earlier ones of the same shape that hold no masked period."""
    masked = {place for place, label in enumerate(problem.panel.periods) if label in set(problem.design.masked)}
    windows = [(problem.baseline, problem.performance_columns)]
    for back in range(1, int(problem.baseline[0]) + 1):
        before, after = problem.baseline - back, problem.performance_columns - back
        if len(windows) > reach:
            break
        if not masked.intersection([*before.tolist(), *after.tolist()]):
            windows.append((before, after))
    return windows


def covariate_matrix(problem: Problem, covariates: Sequence[str]) -> Floats | None:
    """Return baseline means of covariates (N, q), standardised over units, or None."""
    if not len(covariates):
        return None
    columns = []
    for name in covariates:
        values = problem.panel.covariate(name)[:, problem.baseline].mean(axis=1)
        used = values[np.concatenate([problem.treated, problem.donors])]
        if not np.isfinite(used).all():
            raise DataError(
                f"Covariate {name!r} is missing for a treated unit or a donor in the baseline. Complete it."
            )
        spread = used.std()
        columns.append((values - used.mean()) / (spread if spread > 0 else 1.0))
    return np.column_stack(columns)


def growth_factor(
    problem: Problem, predicted: Floats, z: Floats, groups: Floats, after: Places, pool: Places
) -> Floats:
    """Return 1 + gamma_t'(z_i - zbar) (N, P), gamma by weighted least squares on the pool's relative errors.

    A pool unit's own value is left out of its own prediction through its leverage.
    """
    del groups
    good = pool[
        np.isfinite(predicted[pool]).all(axis=1) & np.isfinite(problem.spending[np.ix_(pool, after)]).all(axis=1)
    ]
    weight = problem.sizes[good][:, after].mean(axis=1)
    centre = (weight @ z[good]) / weight.sum()
    x = z - centre
    y = problem.spending[np.ix_(good, after)] / predicted[good] - 1.0
    root = np.sqrt(weight)[:, None]
    q, r = np.linalg.qr(root * x[good])
    if np.abs(np.diag(r)).min() < 1e-10 * np.abs(np.diag(r)).max():
        raise DataError(f"Covariates {z.shape[1]} are collinear over the comparison group. Drop one.")
    gamma = np.linalg.solve(r, q.T @ (root * y))  # (q, P)
    fitted = x @ gamma
    leverage = (q**2).sum(axis=1)[:, None]
    fitted[good] = (fitted[good] - leverage * y) / (1.0 - leverage)
    return np.asarray(1.0 + fitted)
