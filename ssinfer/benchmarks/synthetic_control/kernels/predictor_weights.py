"""Predictor weights V of the synthetic control of Abadie, Diamond and Hainmueller (2010).

Given V = diag(v) on standardised predictors X (P x N), the donors' weights solve

    W(V) = argmin (x_1 - X_0 w)' V (x_1 - X_0 w)   over the simplex,

and the nested choice of V minimises |z_1 - Z_0 W(V)|^2, the squared error of the outcome before the contract
(doi:10.1198/jasa.2009.ap08746). V is not identified, and the outer problem has many local minima: it is searched by
differential evolution on log v with a seeded generator, and the result is refined by coordinate steps.
"""

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import least_norm_optimum, simplex_weights
from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats

_REFINEMENT_ROUNDS = 200
_LOWEST_LOG_V = -18.0  # v is taken relative to the largest: exp(-18) = 1.5e-8 counts as none


@compiled
def weighted_fit(X: Floats, Z: Floats, v: Floats, warm: Floats) -> tuple[Floats, float, float, int, int]:
    """Return W(V) (J,), the outcome's sum of squares ``|Z w|^2``, and the certificate: gap, status, iterations.

    X (P, J) and Z (T, J) are donors' differences from the target in standardised predictors and in the outcome. The
    search starts from `warm` (J,). Of several weights that fit the predictors equally well, W(V) are those of least
    norm.
    """
    P, J = X.shape
    G = np.zeros((J, J))
    for p in range(P):
        for j in range(J):
            value = v[p] * X[p, j]
            for k in range(j + 1):
                G[j, k] += value * X[p, k]
    for j in range(J):
        for k in range(j):
            G[k, j] = G[j, k]
    w, gap, status, iterations = simplex_weights(G, np.zeros(J), warm)
    w, gap = least_norm_optimum(np.sqrt(v).reshape(P, 1) * X, w, gap, status)
    residual = (Z * w).sum(axis=1)
    return w, (residual * residual).sum(), gap, status, iterations


@compiled
def _evolve(X: Floats, Z: Floats, population: Floats, rng: np.random.Generator, generations: int) -> Floats:
    """Return the best log v (P,) after differential evolution (rand-to-best/1/bin) of a population (M, P)."""
    size, P = population.shape
    cold = np.zeros(X.shape[1])
    value, trial = np.empty(size), np.empty(P)
    for m in range(size):
        value[m] = weighted_fit(X, Z, np.exp(population[m]), cold)[1]
    best = int(np.argmin(value))
    for _ in range(generations):
        for m in range(size):
            a, b = rng.integers(0, size), rng.integers(0, size)
            scale = 0.4 + 0.6 * rng.random()
            crossing = 0.9 if rng.random() < 0.5 else 0.4
            always = rng.integers(0, P)
            for p in range(P):
                if p == always or rng.random() < crossing:
                    trial[p] = population[m, p] + scale * (
                        0.7 * (population[best, p] - population[m, p]) + population[a, p] - population[b, p]
                    )
                    if trial[p] < _LOWEST_LOG_V:
                        trial[p] = _LOWEST_LOG_V + rng.random()
                    elif trial[p] > 0.0:
                        trial[p] = -rng.random()
                else:
                    trial[p] = population[m, p]
            loss = weighted_fit(X, Z, np.exp(trial), cold)[1]
            if loss <= value[m]:
                value[m] = loss
                population[m] = trial
                if loss < value[best]:
                    best = m
    return np.copy(population[best])


@compiled
def _refine(X: Floats, Z: Floats, point: Floats) -> None:
    """Improve log v (P,) in place by coordinate steps that shrink."""
    cold, trial = np.zeros(X.shape[1]), np.empty(point.size)
    lowest = weighted_fit(X, Z, np.exp(point), cold)[1]
    step = 1.0
    for _ in range(_REFINEMENT_ROUNDS):
        if step <= 1e-7:
            break
        improved = False
        for p in range(point.size):
            for sign in (-1.0, 1.0):
                trial[:] = point
                trial[p] = min(max(point[p] + sign * step, _LOWEST_LOG_V), 3.0)
                loss = weighted_fit(X, Z, np.exp(trial), cold)[1]
                if loss < lowest * (1.0 - 1e-9):
                    lowest = loss
                    point[:] = trial
                    improved = True
        if not improved:
            step *= 0.5


@compiled
def nested_search(
    X: Floats, Z: Floats, starts: Floats, rng: np.random.Generator, generations: int
) -> tuple[Floats, Floats, float, float, int]:
    """Return v (P,) with sum one, and w, loss, gap and status of `weighted_fit`; log v starts from `starts` (M, P)."""
    P, J = X.shape
    M = starts.shape[0]
    population = np.vstack((starts, _LOWEST_LOG_V * rng.random((max(30, 6 * P, M) - M, P))))
    point = _evolve(X, Z, population, rng, generations)
    _refine(X, Z, point)
    v = np.exp(point)
    v /= v.sum()
    w, loss, gap, status, _iterations = weighted_fit(X, Z, v, np.zeros(J))
    return v, w, loss, gap, status


def regression_v(X: Floats, Z: Floats) -> Floats:
    """Return ``v_p = sum_t b_pt^2`` (P,), scaled to sum one, with b from the regression of Z (T, N) on X (P, N)."""
    design = np.column_stack([np.ones(X.shape[1]), X.T])
    coefficients = np.linalg.lstsq(design, Z.T, rcond=None)[0][1:]
    v = (coefficients**2).sum(axis=1)
    return np.asarray(v / v.sum()) if v.sum() > 0 else np.full(X.shape[0], 1.0 / X.shape[0])
