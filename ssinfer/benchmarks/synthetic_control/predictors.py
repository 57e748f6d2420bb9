"""Predictors: characteristics that a synthetic control matches instead of every baseline period."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.predictor_weights import nested_search, regression_v, weighted_fit
from ssinfer.errors import DesignError
from ssinfer.typing import Booleans, Floats, Integers

type PredictorSpec = str | tuple[str, Sequence[Any]]

GENERATIONS = 150
RESTARTS = 3
MIN_START = 1.5e-8  # smallest relative V from which a search starts


@dataclass(frozen=True, eq=False)
class Predictors:
    """Predictors X (P, N) of a window's units, each divided by its SD (n - 1); their weights v are "nested" or (P,)."""

    names: tuple[str, ...]
    X: Floats
    v: str | Floats

    @classmethod
    def of(cls, specs: Sequence[PredictorSpec], v: str | Sequence[float], window: FitWindow) -> "Predictors":
        """Average each predictor over its periods and standardise it, or refuse it by a DesignError."""
        pairs = [(spec, None) if isinstance(spec, str) else spec for spec in specs]
        X = np.ascontiguousarray([_standardised(name, periods, window) for name, periods in pairs])
        weights: str | Floats = "nested"
        if not isinstance(v, str):
            weights = np.asarray(v, dtype=np.float64)
            if weights.shape != (len(X),) or not (weights >= 0).all() or not weights.sum() > 0:
                raise DesignError(f"v is {list(v)}; {len(X)} weights >= 0, one per predictor, are needed.")
            weights = weights / weights.sum()
        elif v == "equal":
            weights = np.full(len(X), 1.0 / len(X))
        elif v == "regression":
            weights = regression_v(X, window.Y[window.pre])
        return cls(tuple(name for name, _ in pairs), X, weights)


def _standardised(name: str, periods: Sequence[Any] | None, window: FitWindow) -> Floats:
    """Return a predictor's mean over its periods (N,), centred and divided by its standard deviation over units."""
    panel = window.problem.panel
    columns = window.pre if periods is None else panel.columns(periods, "predictor period")
    late = np.setdiff1d(columns, window.pre)
    if late.size:
        raise DesignError(
            f"Predictor {name!r} uses {panel.periods[late[0]]!r}, which is not an unmasked baseline period. "
            "Predictors may use the baseline only."
        )
    if name == "spending":
        values = window.Y[columns].mean(axis=0)
    else:
        cells = panel.covariate(name)[np.ix_(window.rows, columns)]
        known = np.isfinite(cells)
        if not known.any(axis=1).all():
            unit = window.labels()[int(np.flatnonzero(~known.any(axis=1))[0])]
            raise DesignError(
                f"Predictor {name!r} has no value for {unit!r} in its periods. Choose other periods or drop it."
            )
        values = np.where(known, cells, 0.0).sum(axis=1) / known.sum(axis=1)
    spread = values.std(ddof=1)
    if not spread > 0:
        raise DesignError(f"Predictor {name!r} is the same for all units, so it cannot tell donors apart. Drop it.")
    return np.asarray((values - values.mean()) / spread)


def fit_predictors(
    predictors: Predictors, matched: Floats, targets: Integers, donors: Booleans
) -> tuple[Floats, Floats, Integers, Integers, tuple[dict[str, float], ...]]:
    """Return weights (M, N), gap, status and iterations (M,), and V per predictor, one dict per fit.

    With nested V each target searches its own, with fixed seeds: its weights do not depend on the other fits. `matched`
    (T, N) is spending in the matched periods. Fit m of unit ``targets[m]`` may use ``donors[m]`` (N,).
    """
    M, N = donors.shape
    P = len(predictors.X)
    weights, gap = np.zeros((M, N)), np.zeros(M)
    status, iterations = np.zeros(M, dtype=np.int64), np.zeros(M, dtype=np.int64)
    notes = []
    for m, target in enumerate(targets):
        index = np.flatnonzero(donors[m])
        index = index[index != target]
        X = np.ascontiguousarray(predictors.X[:, index] - predictors.X[:, [target]])
        Z = np.ascontiguousarray(matched[:, index] - matched[:, [target]])
        if isinstance(predictors.v, str):
            units = np.append(index, target)
            regression = regression_v(predictors.X[:, units], matched[:, units])
            starts = np.vstack([np.full(P, 1.0 / P), regression / regression.max()])
            starts = np.log(np.maximum(starts, MIN_START))
            searches = [
                nested_search(X, Z, starts, np.random.default_rng(seed), GENERATIONS) for seed in range(RESTARTS)
            ]
            v, weights[m, index], _loss, gap[m], status[m] = min(searches, key=lambda search: search[2])
        else:
            v = predictors.v
            weights[m, index], _loss, gap[m], status[m], iterations[m] = weighted_fit(X, Z, v, np.zeros(index.size))
        notes.append({f"v[{name}]": float(value) for name, value in zip(predictors.names, v, strict=True)})
    return weights, gap, status, iterations, tuple(notes)
