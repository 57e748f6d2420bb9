"""Simplex-constrained least squares on a Gram matrix: exact, finite, warm-started.

The problem of every synthetic control is

    min  w' G w + sum_j penalty_j w_j^2    subject to  w >= 0,  sum_j w_j = 1.

On the simplex a constant c added to every entry of G adds c to the objective and changes nothing
else; with c > 0 zero is never in the hull of the (lifted) donors, even when the treated unit is
reproduced exactly.  The minimiser is therefore the direction of

    min  1/2 u' H u - 1' u    subject to  u >= 0,      H = G + c 11' + diag(penalty),   w = u / sum(u),

a non-negative least-squares problem in minimum-norm form, solved by the active-set method of
Lawson and Hanson (1995, ch. 23, doi:10.1137/1.9781611971217) with an updated Cholesky factor.  It ends
after finitely many steps at the optimum, to rounding.

Every solution carries its Karush-Kuhn-Tucker gap, free of scale,

    gap = [w' Q w - min_j (Q w)_j] / mean_j Q_jj,       Q = G + diag(penalty),

which bounds the excess of the objective above its minimum (by twice the gap) in units of the mean squared
distance between the treated unit and its donors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.benchmarks.synthetic_control.kernels.gram import differenced_gram
from ssinfer.benchmarks.synthetic_control.kernels.least_norm_weights import fit_gap, least_norm_weights
from ssinfer.kernels.cholesky import Int, solve_factored
from ssinfer.kernels.compile import compiled

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

OPTIMAL = 0
EXACT_FIT = 1
NOT_CONVERGED = 2
STATUS = ("optimal", "exact fit", "not converged")

KKT_TOLERANCE = 1e-9
_GRADIENT_TOLERANCE = 1e-12
_PIVOT_TOLERANCE = 1e-12
_EXACT_FIT_TOLERANCE = 1e-13


@compiled
def _append(L: Array, k: Int, G: Array, penalty: Array, scale: float, support: IntArray, j: Int) -> bool:
    """Append j to the factor of H = (G + diag(penalty)) / scale + 1, unless it depends on the rest; return whether."""
    own = G[j, j] / scale + 1.0 + penalty[j] / scale
    rest = own
    for p in range(k):
        value = G[j, support[p]] / scale + 1.0
        for q in range(p):
            value -= L[k, q] * L[p, q]
        L[k, p] = value / L[p, p]
        rest -= L[k, p] * L[k, p]
    if rest <= _PIVOT_TOLERANCE * own:
        return False
    L[k, k] = np.sqrt(rest)
    support[k] = j
    return True


@compiled
def _delete(L: Array, k: Int, support: IntArray, position: Int) -> None:
    """Remove a donor from the factor by Givens rotations."""
    for p in range(position, k - 1):
        support[p] = support[p + 1]
        for q in range(p + 2):
            L[p, q] = L[p + 1, q]
    for p in range(position, k - 1):
        a, b = L[p, p], L[p, p + 1]
        radius = np.hypot(a, b)
        cosine, sine = a / radius, b / radius
        L[p, p] = radius
        for row in range(p + 1, k - 1):
            left, right = L[row, p], L[row, p + 1]
            L[row, p] = cosine * left + sine * right
            L[row, p + 1] = cosine * right - sine * left


@compiled
def kkt_gap(G: Array, penalty: Array, w: Array) -> float:
    """Return the scale-free Karush-Kuhn-Tucker gap of weights on the simplex.

    Parameters
    ----------
    G : array (J, J)
        Gram matrix of the donors' differences from the target.
    penalty : array (J,)
        Ridge term per donor.
    w : array (J,)
        Weights.

    Returns
    -------
    float
        ``[w'Qw - min_j (Qw)_j] / mean_j Q_jj``; 0 at the optimum.
    """
    J = w.size
    scale = 0.0
    objective = 0.0
    smallest = np.inf
    for j in range(J):
        scale += (G[j, j] + penalty[j]) / J
        value = penalty[j] * w[j]
        for k in range(J):
            if w[k] != 0.0:
                value += G[j, k] * w[k]
        objective += w[j] * value
        smallest = min(smallest, value)
    return max(objective - smallest, 0.0) / scale if scale > 0.0 else 0.0


@compiled
def simplex_weights(G: Array, penalty: Array, warm: Array) -> tuple[Array, float, int, int]:
    """Minimise ``w'Gw + sum_j penalty_j w_j^2`` over the simplex.

    Parameters
    ----------
    G : array (J, J)
        Symmetric, positive semi-definite.
    penalty : array (J,)
        Ridge terms >= 0, in the unit of G.
    warm : array (J,)
        Weights of a neighbouring problem to start from; all zero for a cold start.

    Returns
    -------
    w : array (J,)
        Weights: >= 0, sum to one.
    gap : float
        Scale-free KKT gap.
    status : int
        0 optimal; 1 exact fit (w'Gw = 0 to rounding, so without a penalty other weights may fit
        as well); 2 not converged.
    iterations : int
        Donors that entered or left the active set.
    """
    J = G.shape[0]
    scale = 0.0
    for j in range(J):
        scale += (G[j, j] + penalty[j]) / J
    if not scale > 0.0:
        return np.full(J, 1.0 / J), 0.0, EXACT_FIT, 0
    L = np.empty((J + 1, J + 1))  # only what `_append` wrote is read
    support = np.empty(J + 1, dtype=np.int64)
    inside = np.zeros(J, dtype=np.bool_)
    blocked = np.zeros(J, dtype=np.bool_)
    turns = np.zeros(J, dtype=np.bool_)
    u = np.zeros(J)
    z = np.empty(J + 1)
    gradient = np.empty(J)
    # int64 and no literal: numba would compile what a literal 0 is passed to once more, here and below
    k = np.int64(0)
    for j in range(J):
        if warm[j] > 0.0 and _append(L, k, G, penalty, scale, support, j):
            inside[j] = True
            u[j] = warm[j]
            k += 1
    iterations = 0
    limit = 30 * J + 100
    entering = -1
    while iterations < limit:
        # from a feasible u to the minimiser over its support, dropping donors that would turn negative
        while k > 0:
            z[:k] = 1.0
            solve_factored(L, k, z)
            step = 1.0
            for p in range(k):
                j = support[p]
                if z[p] <= 0.0:
                    step = min(step, u[j] / (u[j] - z[p])) if u[j] > 0.0 else 0.0
            for p in range(k):
                j = support[p]
                u[j] = z[p] if step == 1.0 else u[j] + step * (z[p] - u[j])
            if step == 1.0:
                if entering >= 0 and inside[entering]:  # the objective fell: what could not enter before may now
                    blocked[:] = False
                break
            for p in range(k):
                turns[support[p]] = z[p] <= 0.0
            if entering >= 0 and step == 0.0 and turns[entering]:
                blocked[entering] = True
            place = np.int64(0)
            removed = False
            while place < k:
                j = support[place]
                if u[j] <= 1e-15 and turns[j]:  # who enters at zero stays, where others at zero make way
                    _delete(L, k, support, place)
                    k -= 1
                    inside[j] = False
                    u[j] = 0.0
                    iterations += 1
                    removed = True
                else:
                    place += 1
            if not removed:  # rounding kept the blocking donor above zero: drop the smallest
                smallest = np.int64(0)
                for p in range(1, k):
                    if u[support[p]] < u[support[smallest]]:
                        smallest = np.int64(p)
                j = support[smallest]
                _delete(L, k, support, smallest)
                k -= 1
                inside[j] = False
                u[j] = 0.0
                iterations += 1
        total = 0.0
        for j in range(J):
            gradient[j] = penalty[j] * u[j]
        for p in range(k):
            m = support[p]
            total += u[m]
            for j in range(J):
                gradient[j] += u[m] * G[m, j]
        for j in range(J):
            gradient[j] = 1.0 - total - gradient[j] / scale
        entering = -1
        while True:
            best = _GRADIENT_TOLERANCE
            entering = -1
            for j in range(J):
                if not inside[j] and not blocked[j] and gradient[j] > best:
                    best = gradient[j]
                    entering = j
            if entering < 0 or _append(L, k, G, penalty, scale, support, entering):
                break
            blocked[entering] = True
        if entering < 0:
            break
        inside[entering] = True
        k += 1
        iterations += 1

    total = 0.0
    for j in range(J):
        total += u[j]
    w = u / total
    gap = kkt_gap(G, penalty, w)
    fit = 0.0
    for p in range(k):
        for q in range(k):
            fit += w[support[p]] * G[support[p], support[q]] * w[support[q]]
    status = OPTIMAL if gap <= KKT_TOLERANCE else NOT_CONVERGED
    if status == OPTIMAL and fit <= _EXACT_FIT_TOLERANCE * scale:
        status = EXACT_FIT
    return w, gap, status, iterations


@compiled
def _differences(F: Array, target: int, index: IntArray) -> Array:
    """Return the donors' differences from the target (T, J)."""
    X = np.empty((F.shape[0], index.size))
    for t in range(F.shape[0]):
        for p in range(index.size):
            X[t, p] = F[t, index[p]] - F[t, target]
    return X


@compiled
def simplex_batch(
    K: Array, F: Array, targets: IntArray, donors: BoolArray, penalty: Array, warm: Array
) -> tuple[Array, Array, IntArray, IntArray]:
    """Solve many fits that share one Gram matrix: placebos, donor drops, leave-two-out.

    Where the target is reproduced exactly and nothing is penalised, the weights are not unique; those
    with the smallest sum of squares are returned (see `least_norm_weights`).

    Parameters
    ----------
    K : array (N, N)
        Gram matrix F'F of all units.
    F : array (T, N)
        Its factor, used for exact fits only.
    targets : int array (M,)
        The unit matched in each fit.
    donors : bool array (M, N)
        The donors allowed in each fit; the target itself is never used.
    penalty : array (N,)
        Ridge term of each donor.
    warm : array (M, N)
        Weights to start from, or zeros.

    Returns
    -------
    W : array (M, N)
        Weights, zero outside the donors.
    gap, status, iterations : arrays (M,)
        As for `simplex_weights`.
    """
    M, N = donors.shape
    W = np.zeros((M, N))
    gap = np.zeros(M)
    status = np.empty(M, dtype=np.int64)
    iterations = np.empty(M, dtype=np.int64)
    pool = np.empty(N, dtype=np.int64)
    for m in range(M):
        J = 0
        for j in range(N):
            if donors[m, j] and j != targets[m]:
                pool[J] = j
                J += 1
        index = pool[:J]
        ridge, start = np.empty(J), np.empty(J)
        plain, positive = True, 0
        for p in range(J):
            ridge[p], start[p] = penalty[index[p]], warm[m, index[p]]
            if ridge[p] != 0.0:
                plain = False
            if start[p] != 0.0:
                positive += 1
        # A warm start with more positive weights than an optimal vertex has was an exact fit of least norm:
        # the neighbouring problem most likely has one too, and needs no Gram matrix.
        if plain and positive > F.shape[0] + 1:
            X = _differences(F, targets[m], index)
            w, reached = least_norm_weights(X, np.ones(J), start)
            if reached:
                gap[m] = fit_gap(X, w)
                if gap[m] <= KKT_TOLERANCE:
                    status[m], iterations[m] = EXACT_FIT, 0
                    for p in range(J):
                        W[m, index[p]] = w[p]
                    continue
        G = differenced_gram(K, targets[m], index)
        w, gap[m], status[m], iterations[m] = simplex_weights(G, ridge, start)
        if status[m] == EXACT_FIT and plain:
            X = _differences(F, targets[m], index)
            spread, reached = least_norm_weights(X, np.ones(J), np.zeros(J))
            if reached:
                spread_gap = fit_gap(X, spread)
                if spread_gap <= KKT_TOLERANCE:
                    w, gap[m] = spread, spread_gap
        for p in range(J):
            W[m, index[p]] = w[p]
    return W, gap, status, iterations
