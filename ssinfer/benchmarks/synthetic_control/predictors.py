"""Predictors of a synthetic control: what is matched besides, or instead of, every baseline period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.predictor_weights import nested_search, regression_v, weighted_fit
from ssinfer.errors import DesignError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.benchmarks.synthetic_control.fit_window import Window
    from ssinfer.typing import Booleans, Floats, Integers


type PredictorSpec = str | tuple[str, Sequence[Any]]

GENERATIONS = 150
RESTARTS = 3


@dataclass(frozen=True, eq=False)
class Predictors:
    """Standardised predictors of all units of a window.

    Attributes
    ----------
    names : labels
    X : (P, N) each divided by its standard deviation (n - 1) over the units
    v : "nested", or weights (P,)
    """

    names: tuple[str, ...]
    X: Floats
    v: str | Floats

    @classmethod
    def of(cls, specs: Sequence[PredictorSpec], v: str | Sequence[float], window: Window) -> Predictors:
        """Average each predictor over its periods and standardise it.

        Raises
        ------
        DesignError
            A period is not in the baseline, a value is missing, a predictor does not vary, or `v` has the wrong length.
        """
        panel = window.problem.panel
        names, rows = [], []
        for spec in specs:
            name, periods = (spec, None) if isinstance(spec, str) else spec
            columns = window.pre if periods is None else panel.columns(periods, "predictor period")
            late = np.setdiff1d(columns, window.pre)
            if late.size:
                raise DesignError(
                    f"Predictor {name!r} uses {panel.periods[late[0]]!r}, which is not an unmasked baseline period. "
                    "Predictors may look at the baseline only."
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
                raise DesignError(f"Predictor {name!r} is the same for all units, so it tells no donor apart. Drop it.")
            names.append(name)
            rows.append((values - values.mean()) / spread)
        X = np.ascontiguousarray(rows)
        weights: str | Floats
        if isinstance(v, str):
            weights = v
            if v == "equal":
                weights = np.full(len(rows), 1.0 / len(rows))
            elif v == "regression":
                weights = regression_v(X, window.Y[window.pre])
        else:
            weights = np.asarray(v, dtype=np.float64)
            if weights.shape != (len(rows),) or not (weights >= 0).all() or not weights.sum() > 0:
                raise DesignError(f"v is {list(v)}; {len(rows)} weights >= 0, one per predictor, are needed.")
            weights = weights / weights.sum()
        return cls(tuple(names), X, weights)


def fit_predictors(
    spec: Predictors, matched: Floats, targets: Integers, donors: Booleans
) -> tuple[Floats, Floats, Integers, Integers, tuple[dict[str, float], ...]]:
    """Fit each target on the predictors; with nested V, each target searches its own.

    The search has its own fixed seeds, so that a unit's weights depend neither on the caller's seed nor on
    the other fits of a batch.

    Returns
    -------
    weights (M, N), gap, status, iterations (M,), notes (V per predictor, one dict per fit)
    """
    M, N = donors.shape
    P = spec.X.shape[0]
    weights, gap = np.zeros((M, N)), np.zeros(M)
    status, iterations = np.zeros(M, dtype=np.int64), np.zeros(M, dtype=np.int64)
    notes = []
    for m, target in enumerate(targets):
        index = np.flatnonzero(donors[m])
        index = index[index != target]
        X = np.ascontiguousarray(spec.X[:, index] - spec.X[:, [target]])
        Z = np.ascontiguousarray(matched[:, index] - matched[:, [target]])
        if isinstance(spec.v, str):
            regression = regression_v(spec.X[:, np.append(index, target)], matched[:, np.append(index, target)])
            starts = np.log(np.maximum(np.vstack([np.full(P, 1.0 / P), regression / regression.max()]), 1.5e-8))
            best = np.inf
            v = np.full(P, 1.0 / P)
            for restart in range(RESTARTS):
                rng = np.random.default_rng(restart)
                found, w, loss, certificate, state = nested_search(X, Z, starts, rng, GENERATIONS)
                if loss < best:
                    best, v = loss, found
                    weights[m, index], gap[m], status[m] = w, certificate, state
        else:
            v = spec.v
            w, _loss, gap[m], status[m], iterations[m] = weighted_fit(X, Z, v, np.zeros(index.size))
            weights[m, index] = w
        notes.append({f"v[{name}]": float(value) for name, value in zip(spec.names, v, strict=True)})
    return weights, gap, status, iterations, tuple(notes)
