"""Predictions by any regressor in the place of the ridge; each regression leaves out a fold and a group of units."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.utils.validation import has_fit_parameter

from ssinfer.arguments import Kind
from ssinfer.benchmarks.risk_adjusted.predictions import Predictions
from ssinfer.benchmarks.risk_adjusted.window import SCALE
from ssinfer.errors import RefusalError
from ssinfer.typing import Booleans, Floats, Integers, Positions

NO_GROUP = -1


def _is_regressor(value: Any) -> bool:
    classifies = isinstance(value, (type, ClassifierMixin)) or hasattr(value, "predict_proba")
    return not classifies and hasattr(value, "predict") and has_fit_parameter(value, "sample_weight")


REGRESSOR = Kind(
    "an object whose fit(X, y, sample_weight) and predict(X) make a regression, such as "
    "HistGradientBoostingRegressor(). A classifier is none; a Pipeline needs a class whose fit passes the weight on",
    _is_regressor,
)


def seeded(regressor: Any, rng: np.random.Generator) -> tuple[Any, tuple[Any, ...]]:
    """Return a copy whose random states that are None are drawn from `rng`, and these states."""
    copy: Any = clone(regressor, safe=False)
    known = copy.get_params() if hasattr(copy, "get_params") else {}
    free = [name for name, value in known.items() if name.endswith("random_state") and value is None]
    states = {name: int(rng.integers(2**31)) for name in free}
    return (copy.set_params(**states) if states else copy), tuple(states.items())


@dataclass(eq=False, kw_only=True)
class RegressorPredictions(Predictions):
    r"""Models of one block by a regressor, which is trained outside a fold f, and outside f and each group j of units.

    Treated units of f are predicted by the regression outside f, and donors of j by that outside f and j. So residuals
    are of persons who were not in the model. The same regressions give the delete-a-group jackknife
    :math:`(J - 1) / J \sum_j (\theta_{(j)} - \theta)^2` of a prediction :math:`\theta`. Persons who were ever in f
    train none of its models, so that designs whose units are in f share them (`known`).
    """

    regressor: Any
    states: tuple[Any, ...]  # random states that were drawn
    group: Integers  # (C,)
    treated: Positions
    person: Integers  # (n,): number of each row's person
    unit: Integers  # (n,)
    known: dict[Any, tuple[Positions, Floats]]

    def regression(self, outcome: int, fold: int, group: int) -> tuple[Positions, Floats]:
        """Return the persons (r,) of a fold and group, and predictions (2, r) by the regression without either.

        Predictions are spending per insured-year, with histories as they are, and times SCALE.
        """
        unit = self.block.unit
        inside = np.zeros(int(self.person.max()) + 1, dtype=bool)
        inside[self.person[self.fold[self.unit] == fold]] = True
        left_out = (self.fold == fold) | (self.group == group)
        trained = (self.donors & ~left_out)[unit] & ~self.moved & ~inside[self.person[self.block.rows]]
        trained &= self.block.weights[:, outcome] > 0
        training = hashlib.sha256(np.packbits(trained).tobytes()).digest()
        key = id(self.block), outcome % self.block.money.shape[1], fold, group, self.states, training
        if key not in self.known:
            rows = np.flatnonzero(left_out[unit])
            self.known[key] = rows, self._predict(outcome, trained, rows).astype(np.float32)
        return self.known[key]

    def _predict(self, outcome: int, trained: Booleans, rows: Positions) -> Floats:
        """Return predictions (2, r); one factor makes their sum over the training persons right."""
        weights, scaled = self.block.weights[trained, outcome], self.block.x_scaled
        rate = self.block.money[trained, outcome] / weights
        if not rate.size or np.ptp(rate) == 0:
            return np.full((2, len(rows)), rate[:1].sum())
        assert scaled is not None  # noqa: S101  (for the type checker: a window for regressors keeps it)
        x = (self.block.x[trained, 1:], self.block.x[rows, 1:], scaled[rows, 1:])
        try:
            model = clone(self.regressor, safe=False).fit(x[0], rate, sample_weight=weights)
            own, *others = (np.asarray(model.predict(part), dtype=float).reshape(len(part)) for part in x)
            mean, wrong = np.average(own, weights=weights), ""
        except Exception as error:  # noqa: BLE001  (a regressor of a user may fail in any way)
            wrong = f"fails: {type(error).__name__}: {error}"
        if not wrong and not np.isfinite([mean, *map(np.sum, others)]).all():
            wrong = "predicts NaN or infinite spending"
        elif not wrong and (mean <= 0 or np.ptp(own) == 0):
            wrong = f"predicts {mean:.4g} per insured-year {'for everybody' if np.ptp(own) == 0 else 'on average'}"
        if wrong:
            raise RefusalError(
                f"regressor {type(self.regressor).__name__} {wrong}; allowed: finite predictions that are positive on "
                "average and differ between persons. Choose another regressor, or regressor=None (ridge)."
            )
        return np.asarray(np.stack(others) * (np.average(rate, weights=weights) / mean))

    def risks(self, outcome: int) -> Floats:
        """Return predictions (2, m) of donors' and treated units' persons by models that did not see them; others 0."""
        if outcome not in self.sums:
            risks, unit = np.zeros((2, len(self.block.unit))), self.block.unit
            units = np.concatenate([np.flatnonzero(self.donors), self.treated])
            fold = np.where(self.donors, self.fold[self.treated[0]], self.fold)
            group = np.where(self.donors, self.group, NO_GROUP)
            for f, j in np.unique(np.column_stack([fold, group])[units], axis=0):
                rows, values = self.regression(outcome, int(f), int(j))
                use = np.isin(unit[rows], units[(fold[units] == f) & (group[units] == j)])
                risks[:, rows[use]] = values[:, use]
            self.sums[outcome] = risks[0], risks[1]
        return np.stack(self.sums[outcome])

    def _sums(self, outcome: int, rows: Any, risk: Floats) -> Floats:
        return np.bincount(self.block.unit[rows], self.block.weights[rows, outcome] * risk, len(self.donors))

    def of_units(self, outcome: int, units: Positions) -> Floats:
        """Return predicted money of units (g,)."""
        return self._sums(outcome, slice(None), self.risks(outcome)[0])[units]

    def response(self, outcomes: Sequence[int], units: Positions) -> Floats:
        """Return the elasticity (g,) of the predicted sum of outcomes to the level of all histories of a unit."""
        money = np.sum([[self._sums(k, slice(None), risk) for risk in self.risks(k)] for k in outcomes], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):  # NaN of a unit without persons in the block
            return np.asarray(np.log(money[1] / money[0]) / np.log(SCALE))[units]

    def persons(self, treated: Positions) -> tuple[Floats, Floats, Floats, None]:
        """Return predictions, residuals, the jackknife's errors at one donor of each group, and no coefficients."""
        n_periods = self.block.money.shape[1] - 1
        predicted = np.column_stack([self.risks(outcome)[0] for outcome in range(n_periods + 1)])
        influence = np.zeros((len(self.donors), len(treated), n_periods))
        for i, row in enumerate(treated):
            donors = np.flatnonzero(self.donors & (self.fold != self.fold[row]))
            groups, first = np.unique(self.group[donors], return_index=True)
            models = [(int(self.fold[row]), int(group)) for group in (NO_GROUP, *groups)]
            for k in range(n_periods):
                found = [self.regression(k, *model) for model in models]
                rates = np.array([self._sums(k, rows, risk)[row] for rows, (risk, _) in found])
                change = (rates[0] - rates[1:]) / self.block.moments[k, row, 0, 0]
                influence[donors[first], i, k] = np.sqrt((len(groups) - 1) / len(groups)) * change
        return predicted, self.residual(predicted), influence, None
