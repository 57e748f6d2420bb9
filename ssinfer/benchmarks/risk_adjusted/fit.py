"""Fit: predictions, residuals and noise of one design, which its draws and its diagnostics read."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ssinfer.benchmarks.risk_adjusted.kernels.own_noise import (
    correlated_noise,
    noise_of_units,
    residual_correlation,
)
from ssinfer.benchmarks.risk_adjusted.kernels.unit_effects import (
    MISSING_VARIANCE,
    Grid,
    Unseen,
    learn,
    marginal,
    plug_in,
    prior_grid,
)
from ssinfer.benchmarks.risk_adjusted.person_problem import PersonProblem
from ssinfer.benchmarks.risk_adjusted.predictions import Predictions, folds_of
from ssinfer.benchmarks.risk_adjusted.regression import RegressorPredictions
from ssinfer.benchmarks.risk_adjusted.window import Window
from ssinfer.errors import RefusalError
from ssinfer.typing import Booleans, Floats, Integers, Positions

LEAST_VARIANCE = 1e-12  # of a residual, relative: of perfect predictions none would be left
MAX_CARRY = 2.0  # ratio of what histories leave unexplained of all spending to that of truncated spending


@dataclass(frozen=True, eq=False)
class Fit:
    """One design on a window. I treated units, G donors, Q earlier blocks, P performance periods."""

    problem: PersonProblem
    window: Window
    penalty: float
    effect_prior: float
    shock_prior: float
    level_response: float | None
    regressor: tuple[Any, tuple[Any, ...]] | None = None  # with the random states that were drawn

    @cached_property
    def donors(self) -> Positions:
        """Units of the cohort that are donors (G,)."""
        return np.flatnonzero(self.problem.donor_units)

    @cached_property
    def folds(self) -> tuple[Integers, bool]:
        """Fold of each unit (C,), and whether folds are regions."""
        return folds_of(self.problem.regions, self.window.sizes, self.problem.donor_units)

    @cached_property
    def region(self) -> Integers:
        """Region of each unit (C,); the same for all if regions are not known."""
        known = self.problem.regions
        return np.zeros(len(self.window.sizes), dtype=np.int64) if known is None else known

    @cached_property
    def models(self) -> tuple[Predictions, ...]:
        """Models of the earlier blocks, and of the performance block."""
        moved, window = self.problem.moved(), self.window
        common = [
            (block, self.problem.donor_units, self.folds[0], moved[block.rows], self.penalty)
            for block in (*window.earlier, window.performance)
        ]
        if self.regressor is None:
            return tuple(Predictions(*given) for given in common)
        options: dict[str, Any] = {
            "regressor": self.regressor[0],
            "states": self.regressor[1],
            "group": folds_of(None, window.sizes, self.problem.donor_units)[0],
            "treated": self.problem.treated,
            "person": window.person,
            "unit": self.problem.cohort.unit_rows(),
            "known": window.regressions,
        }
        return tuple(RegressorPredictions(*given, **options) for given in common)

    @property
    def risk(self) -> Floats:
        """Predicted spending per insured-year (m,) of the persons of the first performance period."""
        model = self.models[-1]
        if isinstance(model, RegressorPredictions):
            return np.asarray(model.risks(0)[0])
        coefficients = self.persons.coefficients
        assert coefficients is not None  # noqa: S101  (for the type checker: a ridge has them)
        return np.asarray(model.block.x @ coefficients.astype(np.float32), dtype=float)

    @cached_property
    def predicted(self) -> Floats:
        """Predicted money of the treated units in the performance periods (I, P)."""
        periods = range(len(self.window.blocks.periods))
        money = np.column_stack([self.models[-1].of_units(k, self.problem.treated) for k in periods])
        years = self.window.performance.moments[:-1, self.problem.treated, 0, 0].T
        positive = ((money > 0) & (years > 0)).all(axis=1)
        if not positive.all():
            unit = self.problem.labels(self.problem.treated)[positive.argmin()]
            raise RefusalError(
                f"The persons of {unit!r} have no positive predicted spending in some performance period. Look at "
                "their history and insured time, or use AdministrativeBenchmark."
            )
        return money

    @cached_property
    def rate(self) -> Floats:
        """Predicted spending per insured-year of the treated units (I, P), without an effect of the unit."""
        return self.predicted / self.window.performance.moments[:-1, self.problem.treated, 0, 0].T

    @property
    def relative(self) -> float:
        """Elasticity of truncated spending to the estimand: 1 if that is of truncated spending."""
        return self.window.elasticity if self.window.excess is None else 1.0

    @cached_property
    def excess(self) -> Floats:
        """Spending above the cap per insured-year (I, P) that others lead to expect of the treated units' persons."""
        years = self.window.performance.moments[:-1, self.problem.treated, 0, 0].T
        if self.window.excess is None:
            return np.zeros(years.shape)
        block = self.window.excess
        moved = self.problem.moved()[block.rows]
        model = Predictions(block, self.problem.donor_units, self.folds[0], moved, self.penalty)
        money = np.column_stack([model.of_units(k, self.problem.treated) for k in range(years.shape[1])])
        return np.maximum(money / years, 0.0)

    @cached_property
    def persons(self) -> "PersonLevel":
        """Residuals of the donors' persons in the performance block, and noise of all units."""
        return PersonLevel.of(self)

    @cached_property
    def truncated(self) -> tuple[Floats, Floats, Floats]:
        """Predicted and observed truncated money, and the response to a lasting level (C, Q + 1), last block last.

        The response of the prediction is relative to that of truncated spending, the elasticity.
        Observed money of treated units in the performance block is NaN.
        """
        units = np.concatenate([self.donors, self.problem.treated])
        predicted, observed, response = (np.full((len(self.window.sizes), len(self.models)), np.nan) for _ in range(3))
        for k, model in enumerate(self.models):
            predicted[units, k] = model.of_units(-1, units)
            response[units, k] = model.response([-1], units) / self.window.elasticity
            observed[units, k] = model.block.cross[-1, units, 0]
        observed[self.problem.treated, -1] = np.nan
        return predicted, observed, response

    @cached_property
    def response(self) -> Floats:
        """Response of the treated units' predicted spending to a lasting level of the estimand (I,)."""
        response = self.models[-1].response(range(len(self.window.blocks.periods)), self.problem.treated)
        return response * self.relative / self.window.elasticity

    @cached_property
    def carry(self) -> Floats:
        r"""Factor (I,) from an effect on truncated to the estimand: :math:`(1 - \rho) / (\epsilon (1 - \rho'))`.

        :math:`\rho` and :math:`\rho'` are the responses of predicted and of predicted truncated spending, so a lasting
        level that persons explain in part is followed in full. It is at most twice :math:`1 / \epsilon`, which
        is 1 for truncated spending.
        """
        left = np.maximum(1.0 - self.truncated[2][self.problem.treated, -1], 1e-6)
        ratio = np.nan_to_num((1.0 - self.response) / left, nan=1.0)  # a cap of zero leaves no response
        return np.asarray(np.clip(ratio, 0.0, MAX_CARRY) / self.relative)

    def least_kept(self, response: Floats) -> Floats:
        r"""Least share of an effect that is kept, :math:`1 - (1 - b) / (1 - \rho)` with the bound b, by `response`."""
        if self.level_response is None:
            return np.zeros(len(response))
        left = np.maximum(1.0 - response, 1e-6)
        return np.asarray(np.clip(1.0 - (1.0 - self.level_response) / left, 0.0, 1.0))

    def comparable(self, units: Positions, columns: int) -> Floats:
        r"""Return factors (g, columns) on residuals: :math:`(1 - \rho'_t) / (1 - \rho'_q)`, t the performance block.

        With a shorter history, persons explain less of a lasting level, and more of it is in the residual.
        """
        left = np.maximum(1.0 - self.truncated[2][units], 1e-6)
        return np.asarray(np.nan_to_num(np.clip(left[:, -1:] / left[:, :columns], 0.0, MAX_CARRY), nan=1.0))

    def residuals(self, units: Positions, columns: int) -> tuple[Floats, Floats, Booleans]:
        """Return log ratios r (g, columns), relative noise (g, columns, columns), and which ratios are missing."""
        predicted, observed = (part[units, :columns] for part in self.truncated[:2])
        missing = ~((predicted > 0) & (observed > 0))
        safe = np.where(missing, 1.0, predicted)
        variance = np.column_stack([self.window.noise, self.persons.truncated_noise])[units, :columns]
        noise = self._relative_noise(units, np.arange(columns), variance, safe)
        # the mean of a log ratio lies below the log of the mean
        ratio = np.log(np.where(missing, 1.0, observed) / safe) + np.diagonal(noise, axis1=1, axis2=2) / 2
        factor = self.comparable(units, columns)
        return np.where(missing, 0.0, ratio * factor), _comparable_noise(noise, factor, missing), missing

    def _relative_noise(self, units: Positions, keep: Positions, variance: Floats, predicted: Floats) -> Floats:
        """Return the covariance (g, k, k) of money over predicted money (g, k), in the columns to `keep` (k,)."""
        correlation, overlap = (
            self.persons.correlation[np.ix_(keep, keep)],
            self.window.overlap[np.ix_(units, keep, keep)],
        )
        return correlated_noise(correlation, overlap, variance) / (predicted[:, :, None] * predicted[:, None, :])

    @cached_property
    def unseen(self) -> Unseen:
        """The treated units' residuals, and the noise of the periods to predict."""
        treated, width = self.problem.treated, len(self.window.earlier)
        r, _, missing = self.residuals(treated, width)
        earlier = np.where(missing, 1.0, self.truncated[0][treated, :width])
        predicted = np.column_stack([earlier, self.predicted])
        variance = np.column_stack([self.window.noise[treated], self.persons.noise[treated]])
        keep = np.delete(np.arange(self.window.overlap.shape[1]), width)
        factor = np.column_stack([self.comparable(treated, width), np.ones_like(self.predicted)])
        noise = _comparable_noise(self._relative_noise(treated, keep, variance, predicted), factor, missing)
        blocks = self.window.blocks
        years = np.array([*(block.year for block in blocks.earlier), *blocks.years])
        return Unseen(r, noise, years, self.region[treated], self.least_kept(self.response))

    @cached_property
    def grid(self) -> Grid:
        """Posterior of the variances: from donors, and from the treated units' earlier blocks."""
        donors = self.donors
        r, noise, _ = self.residuals(donors, len(self.models))
        region = np.unique(self.region[donors], return_inverse=True)[1]
        years = np.array([*(block.year for block in self.window.blocks.earlier), 0])
        prior = prior_grid(self.effect_prior, self.shock_prior, regions=bool(region.max() > 0))
        learned = learn(prior, r, noise, years, region)
        # a flat prior has no marginal likelihood that could be compared over the grid
        return learned if self.level_response == 1 else marginal(learned, self.unseen)

    @cached_property
    def plug_in(self) -> Grid:
        """Estimates of the variances, at which the sampling distribution stands."""
        return plug_in(self.grid)

    @cached_property
    def donor_influence(self) -> Floats:
        """Influence (G, I * P) of each donor's persons on predicted spending per insured-year."""
        return self.persons.influence.reshape(len(self.window.sizes), -1)[self.donors]

    @cached_property
    def model_error(self) -> Floats:
        """Covariance (I * P, I * P) of the errors of predicted spending per insured-year, clustered by donor."""
        influence = self.donor_influence
        return influence.T @ influence * len(influence) / max(len(influence) - 1, 1)


@dataclass(frozen=True, eq=False)
class PersonLevel:
    """What one pass over the persons of the performance block gives. K = Q + 1 + P, as the weights of the window."""

    noise: Floats  # (C, P): variance of each unit's money
    third: Floats  # (C, P): third moment of it
    truncated_noise: Floats  # (C,): variance of truncated money in the performance block
    correlation: Floats  # (K, K) of one person's residuals
    influence: Floats  # (C, I, P): sum over a donor's persons of their influence on each prediction
    coefficients: Floats | None  # (q,): of the first treated unit's model of the first period; None: a regressor

    @classmethod
    def of(cls, fit: Fit) -> "PersonLevel":
        """Predict every person by the treated units' models."""
        block, window, model = fit.window.performance, fit.window, fit.models[-1]
        n_units, n_outcomes = len(window.sizes), block.money.shape[1]
        donor = fit.problem.donor_units[block.unit] & ~model.moved
        predicted, residual, influence, coefficients = model.persons(fit.problem.treated)
        moments = [
            noise_of_units(predicted[:, k], residual[:, k], block.weights[:, k], donor, block.unit, n_units)
            for k in range(n_outcomes)
        ]
        noise, third = (np.column_stack([part[which] for part in moments]) for which in (0, 1))
        rows = block.rows[donor]
        errors = np.concatenate([window.residuals[rows], np.roll(residual[donor], 1, axis=1)], axis=1)
        correlation = residual_correlation(errors, window.weights[rows])
        return cls(noise[:, :-1], third[:, :-1], noise[:, -1], correlation, influence, coefficients)


def _comparable_noise(noise: Floats, factor: Floats, missing: Booleans) -> Floats:
    """Return noise (g, k, k) times the factors of its residuals (g, k); of a missing residual, noise of its own."""
    noise = noise * factor[:, :, None] * factor[:, None, :] + LEAST_VARIANCE * np.eye(factor.shape[1])
    unit, block = np.nonzero(missing)
    noise[unit, block, :] = noise[unit, :, block] = 0.0
    noise[unit, block, block] = MISSING_VARIANCE
    return noise
