"""Predictions: the money that each unit's persons would spend, by models that saw neither the unit nor its region."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ssinfer.benchmarks.persons import MIN_PRACTICES
from ssinfer.benchmarks.risk_adjusted.kernels.ridge import influence_coefficients, ridge_coefficients
from ssinfer.benchmarks.risk_adjusted.window import SCALE, PersonBlock
from ssinfer.typing import Booleans, Floats, Integers, Positions

N_FOLDS = 10  # groups of practices, each predicted from the others, where regions cannot serve


def folds_of(region: Integers | None, sizes: Floats, donors: Booleans) -> tuple[Integers, bool]:
    """Return the fold of each unit (C,), and whether the folds are regions.

    Groups of practices are dealt by size, so that they are alike and do not depend on names or order. They replace
    regions if leaving one out would leave fewer than 20 practices.
    """
    if region is not None:
        left = donors.sum() - np.bincount(region, donors, int(region.max()) + 1)
        if left.min() >= MIN_PRACTICES:
            return region, True
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank % N_FOLDS, False


@dataclass(eq=False)
class Predictions:
    """Models of one block, each trained on the donors outside a fold and without `moved` persons."""

    block: PersonBlock
    donors: Booleans  # (C,)
    fold: Integers  # (C,)
    moved: Booleans  # (m,): persons of donors who were with a treated unit in a performance period
    penalty: float
    #: Moments (folds, q, q) and cross products (folds, q) of the donors, by outcome.
    sums: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)

    def training(self, outcome: int, fold: int) -> tuple[Floats, Floats]:
        """Return moments (q, q) and cross products (q,) of an outcome over the training persons of a fold."""
        if outcome not in self.sums:
            n_folds = int(self.fold.max()) + 1
            self.sums[outcome] = tuple(  # type: ignore[assignment]
                np.stack([part[self.donors & (self.fold == f)].sum(axis=0, dtype=float) for f in range(n_folds)])
                for part in (self.block.moments[outcome], self.block.cross[outcome])
            )
        gram, cross = (np.delete(part, fold, axis=0).sum(axis=0) for part in self.sums[outcome])
        moved = self.moved & (self.fold[self.block.unit] != fold)
        x = self.block.x[moved].astype(float)
        return (
            gram - (x * self.block.weights[moved, outcome, None]).T @ x,
            cross - x.T @ self.block.money[moved, outcome],
        )

    def coefficients(self, outcome: int, fold: int) -> Floats:
        """Return the coefficients (q,) of an outcome."""
        gram, cross = self.training(outcome, fold)
        return np.asarray(ridge_coefficients(gram, cross[None], self.penalty)[0])

    def of_units(self, outcome: int, units: Positions) -> Floats:
        """Return predicted money of units (g,)."""
        predicted = np.empty(len(units))
        for fold in np.unique(self.fold[units]):
            inside = self.fold[units] == fold
            predicted[inside] = self.block.moments[outcome][units[inside], 0] @ self.coefficients(outcome, int(fold))
        return predicted

    def response(self, outcomes: Sequence[int], units: Positions) -> Floats:
        """Return the elasticity (g,) of the predicted sum of outcomes to the level of all histories of a unit."""
        money = np.zeros((2, len(units)))
        for fold in np.unique(self.fold[units]):
            inside = self.fold[units] == fold
            b = np.sum([self.coefficients(outcome, int(fold)) for outcome in outcomes], axis=0)
            money[0, inside] = self.block.moments[-1][units[inside], 0] @ b
            money[1, inside] = self.block.scaled[units[inside]] @ b
        with np.errstate(divide="ignore", invalid="ignore"):  # NaN of a unit without persons in the block
            return np.asarray(np.log(money[1] / money[0]) / np.log(SCALE))

    def residual(self, predicted: Floats) -> Floats:
        """Return money less predictions (m, K) of the donors' persons, and 0 for others."""
        donor = self.donors[self.block.unit] & ~self.moved
        return np.where(donor[:, None], self.block.money - self.block.weights * predicted, 0.0)

    def persons(self, treated: Positions) -> tuple[Floats, Floats, Floats, Floats | None]:
        """Predict every person by the treated units' models.

        Returns spending per insured-year (m, K) for K outcomes, the first P of which are the periods; residuals of
        money (m, K), 0 for others than donors; the sum over a donor's persons of their influence on each prediction
        (C, I, P); and the coefficients (q,) of the first treated unit's model of the first period, which made the first
        two.
        """
        block, n_units, n_outcomes = self.block, len(self.donors), self.block.money.shape[1]
        n_periods = n_outcomes - 1
        influence = np.zeros((n_units, len(treated), n_periods))
        first = self.fold[treated[0]]  # the last in the loop, whose residuals and coefficients remain
        for fold in sorted(np.unique(self.fold[treated]), key=lambda fold: fold == first):
            coefficients = np.stack([self.coefficients(k, int(fold)) for k in range(n_outcomes)])
            pairs = [(i, k) for i in np.flatnonzero(self.fold[treated] == fold) for k in range(n_periods)]
            means = [block.moments[k, treated[i], 0].astype(float) for i, k in pairs]
            shares = [
                influence_coefficients(self.training(k, int(fold))[0], self.penalty, mean / mean[0])
                for (_, k), mean in zip(pairs, means, strict=True)
            ]
            values = (block.x @ np.concatenate([coefficients, shares]).astype(np.float32).T).astype(float)
            predicted = values[:, :n_outcomes]
            residual = self.residual(predicted)
            trained = self.donors[block.unit] & ~self.moved & (self.fold[block.unit] != fold)
            for place, (i, k) in enumerate(pairs):
                part = values[trained, n_outcomes + place] * residual[trained, k]
                influence[:, i, k] = np.bincount(block.unit[trained], part, n_units)
        return predicted, residual, influence, coefficients[0]
