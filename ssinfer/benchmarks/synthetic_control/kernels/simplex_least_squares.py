"""Simplex-constrained least squares on a Gram matrix: exact, finite, warm-started.

    min  w' G w + sum_j penalty_j w_j^2    subject to  w >= 0,  sum_j w_j = 1.

On the simplex a constant c > 0 added to every entry of G changes nothing but the objective, and keeps zero out of the
hull of the donors. The minimiser is therefore the direction of the non-negative least-squares problem

    min  1/2 u' H u - 1' u    subject to  u >= 0,      H = G + c 11' + diag(penalty),   w = u / sum(u),

solved by the active-set method of Lawson and Hanson (1995, ch. 23, doi:10.1137/1.9781611971217) with an updated
Cholesky factor. It ends after finitely many steps at the optimum. Twice the scale-free Karush-Kuhn-Tucker gap,

    gap = [w' Q w - min_j (Q w)_j] / mean_j Q_jj,       Q = G + diag(penalty),

bounds the excess of the objective, in units of the mean squared distance between the treated unit and its donors.
"""

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.gram import differenced_gram
from ssinfer.benchmarks.synthetic_control.kernels.least_norm_weights import fit_gap, least_norm_weights
from ssinfer.kernels.cholesky import Int, solve_factored
from ssinfer.kernels.compile import compiled, inlined
from ssinfer.typing import Booleans, Floats, Integers

OPTIMAL = 0
EXACT_FIT = 1
NOT_CONVERGED = 2
STATUS = ("optimal", "exact fit", "not converged")

KKT_TOLERANCE = 1e-9
_GRADIENT_TOLERANCE = 1e-12
_PIVOT_TOLERANCE = 1e-12
_EXACT_FIT_TOLERANCE = 1e-13
_TIE_TOLERANCE = 1e-10  # of a gradient, in units of the mean squared distance from the donors
_ZERO = 1e-15  # largest u of a donor that leaves the active set


@compiled
def _append(L: Floats, k: Int, G: Floats, penalty: Floats, scale: float, support: Integers, j: Int) -> bool:
    """Append donor j to the factor L of H over the k donors in `support`; return False if it depends on them."""
    diagonal = G[j, j] / scale + 1.0 + penalty[j] / scale
    rest = diagonal
    for p in range(k):
        value = G[j, support[p]] / scale + 1.0
        for q in range(p):
            value -= L[k, q] * L[p, q]
        L[k, p] = value / L[p, p]
        rest -= L[k, p] * L[k, p]
    if rest <= _PIVOT_TOLERANCE * diagonal:
        return False
    L[k, k] = np.sqrt(rest)
    support[k] = j
    return True


@compiled
def _delete(L: Floats, k: Int, support: Integers, position: Int, inside: Booleans, u: Floats) -> None:
    """Remove the donor at a position of the factor by Givens rotations."""
    inside[support[position]], u[support[position]] = False, 0.0
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
def _drop(L: Floats, k: Int, support: Integers, inside: Booleans, u: Floats, turns: Booleans) -> Int:
    """Remove the donors at zero that would become negative; return the number of donors that are left."""
    left, position = k, np.int64(0)
    while position < left:
        j = support[position]
        if u[j] <= _ZERO and turns[j]:  # a donor that entered at zero stays
            _delete(L, left, support, position, inside, u)
            left -= 1
        else:
            position += 1
    if left == k:  # rounding kept the blocking donor above zero: remove the smallest
        smallest = np.int64(0)
        for p in range(1, k):
            if u[support[p]] < u[support[smallest]]:
                smallest = np.int64(p)
        _delete(L, k, support, smallest, inside, u)
        left -= 1
    return left


@inlined
def _step_length(support: Integers, k: Int, u: Floats, z: Floats) -> float:
    """Return the longest step, at most 1, from u towards z that keeps u >= 0."""
    step = 1.0
    for p in range(k):
        j = support[p]
        if z[p] <= 0.0:
            step = min(step, u[j] / (u[j] - z[p])) if u[j] > 0.0 else 0.0
    return step


@inlined
def _gradient(support: Integers, k: Int, u: Floats, G: Floats, penalty: Floats, scale: float, gradient: Floats) -> None:
    """Write the negative gradient 1 - H u into `gradient` (J,)."""
    total = 0.0
    for j in range(gradient.size):
        gradient[j] = penalty[j] * u[j]
    for p in range(k):
        m = support[p]
        total += u[m]
        for j in range(gradient.size):
            gradient[j] += u[m] * G[m, j]
    for j in range(gradient.size):
        gradient[j] = 1.0 - total - gradient[j] / scale


@inlined
def _steepest(inside: Booleans, blocked: Booleans, gradient: Floats) -> Int:
    """Return the donor outside the active set with the steepest descent, or -1 if there is none."""
    best, entering = _GRADIENT_TOLERANCE, -1
    for j in range(gradient.size):
        if not inside[j] and not blocked[j] and gradient[j] > best:
            best = gradient[j]
            entering = j
    return entering


@compiled
def kkt_gap(G: Floats, penalty: Floats, w: Floats) -> float:
    """Return the scale-free Karush-Kuhn-Tucker gap of weights w (J,) on the simplex; 0 at the optimum."""
    J = w.size
    scale, objective, smallest = 0.0, 0.0, np.inf
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
def simplex_weights(G: Floats, penalty: Floats, warm: Floats) -> tuple[Floats, float, int, int]:
    """Minimise ``w'Gw + sum_j penalty_j w_j^2`` over the simplex: weights (J,), KKT gap, status and iterations.

    G (J, J) is positive semi-definite; the search starts from `warm` (J,), or cold from zeros. The status is 0 optimal,
    1 exact fit (w'Gw = 0 up to rounding, so other weights may fit equally well) or 2 not converged. Iterations count
    donors that entered or left the active set.
    """
    J = G.shape[0]
    scale = ((np.diag(G) + penalty) / J).sum()
    if not scale > 0.0:
        return np.full(J, 1.0 / J), 0.0, EXACT_FIT, 0
    L = np.empty((J + 1, J + 1))  # only the part that `_append` wrote is read
    support = np.empty(J + 1, dtype=np.int64)
    inside, blocked, turns = np.zeros(J, dtype=np.bool_), np.zeros(J, dtype=np.bool_), np.zeros(J, dtype=np.bool_)
    u, z, gradient = np.zeros(J), np.empty(J + 1), np.empty(J)
    k: Int = np.int64(0)  # a literal 0 would make numba compile the functions that take it a second time
    for j in range(J):
        if warm[j] > 0.0 and _append(L, k, G, penalty, scale, support, j):
            inside[j] = True
            u[j] = warm[j]
            k += 1
    iterations: Int = 0
    entering: Int = -1
    while iterations < 30 * J + 100:
        # from a feasible u to the minimiser over its support, without donors that would become negative
        while k > 0:
            z[:k] = 1.0
            solve_factored(L, k, z)
            step = _step_length(support, k, u, z)
            for p in range(k):
                j = support[p]
                u[j] = z[p] if step == 1.0 else u[j] + step * (z[p] - u[j])
            if step == 1.0:
                if entering >= 0 and inside[entering]:  # the objective fell, so blocked donors may enter now
                    blocked[:] = False
                break
            for p in range(k):
                turns[support[p]] = z[p] <= 0.0
            if entering >= 0 and step == 0.0 and turns[entering]:
                blocked[entering] = True
            left = _drop(L, k, support, inside, u, turns)
            iterations += k - left
            k = left
        _gradient(support, k, u, G, penalty, scale, gradient)
        while True:
            entering = _steepest(inside, blocked, gradient)
            if entering < 0 or _append(L, k, G, penalty, scale, support, entering):
                break
            blocked[entering] = True
        if entering < 0:
            break
        inside[entering] = True
        k += 1
        iterations += 1
    w = u / u.sum()
    gap = kkt_gap(G, penalty, w)
    fit = 0.0
    for p in range(k):
        for q in range(k):
            fit += w[support[p]] * G[support[p], support[q]] * w[support[q]]
    status = OPTIMAL if gap <= KKT_TOLERANCE else NOT_CONVERGED
    if status == OPTIMAL and fit <= _EXACT_FIT_TOLERANCE * scale:
        status = EXACT_FIT
    return w, gap, status, int(iterations)


@compiled
def differences(F: Floats, target: int, donors: Integers) -> Floats:
    """Return the differences (T, J) of donors from the target."""
    return F[:, donors] - np.expand_dims(F[:, target], 1)


@inlined
def exact_fit(X: Floats, warm: Floats) -> tuple[Floats, float]:
    """Return the exact-fit weights of least norm and their KKT gap, which is infinite if they were not reached."""
    w, reached = least_norm_weights(X, np.ones(X.shape[1]), warm, 0.0)
    return w, fit_gap(X, np.zeros(X.shape[1]), w)[0] if reached else np.inf


@compiled
def least_norm_optimum(X: Floats, w: Floats, gap: float, status: int) -> tuple[Floats, float]:
    """Return the weights of least norm among all that fit as well as the optimal w (J,), and their KKT gap.

    X (T, J) are differences from the target. Tied donors, such as two with equal baselines, get weights that do not
    depend on their order. Weights without a tie are returned as they are.
    """
    if status == EXACT_FIT:
        spread, spread_gap = exact_fit(X, np.zeros(w.size))
        return (spread, spread_gap) if spread_gap <= KKT_TOLERANCE else (w, gap)
    if status == NOT_CONVERGED:
        return w, gap
    fit = X @ w
    gradient = fit @ X
    size, used, smallest = 0.0, 0, gradient.min()
    for p in range(w.size):
        used += w[p] != 0.0
        for t in range(fit.size):
            size += X[t, p] * X[t, p]
    tied = np.flatnonzero(gradient <= smallest + _TIE_TOLERANCE * size / w.size)
    if tied.size <= used:
        return w, gap
    spread = np.zeros(w.size)
    zero = np.zeros(tied.size)
    spread[tied], reached = least_norm_weights(X[:, tied] - fit.reshape(-1, 1), np.ones(tied.size), zero, 0.0)
    spread_gap = fit_gap(X, np.zeros(w.size), spread)[0]
    if not reached or spread_gap > KKT_TOLERANCE or (spread * spread).sum() > (w * w).sum() - KKT_TOLERANCE:
        return w, gap
    return spread, spread_gap


@compiled
def simplex_batch(
    K: Floats, F: Floats, targets: Integers, donors: Booleans, penalty: Floats, warm: Floats
) -> tuple[Floats, Floats, Integers, Integers]:
    """Solve many fits that share one Gram matrix: weights (M, N), and gap, status and iterations (M,).

    Where the target is reproduced exactly, or donors are tied, and nothing is penalised, the weights are not unique.
    The weights with the smallest sum of squares are then returned (see `least_norm_optimum`). F (T, N) is a factor of
    K (N, N), `donors` (M, N) are those allowed, `penalty` (N,) is a ridge, and the search starts from `warm` (M, N).
    Where all donors are penalised the dual is solved (0 iterations), and the active set only if that does not converge.
    """
    M, N = donors.shape
    W, gap = np.zeros((M, N)), np.zeros(M)
    status, iterations = np.empty(M, dtype=np.int64), np.empty(M, dtype=np.int64)
    for m in range(M):
        index = np.flatnonzero(donors[m] & (np.arange(N) != targets[m]))
        ridge, start = penalty[index], warm[m][index]
        plain = not ridge.any()
        w, gap[m], status[m], iterations[m] = start, np.inf, EXACT_FIT, 0
        # A warm start with more positive weights than an optimal vertex has was an exact fit of least norm. This
        # problem most likely has one too, and then needs no Gram matrix.
        if plain and np.count_nonzero(start) > F.shape[0] + 1:
            w, gap[m] = exact_fit(differences(F, targets[m], index), start)
        elif not plain and ridge.min() > 0.0:  # unknowns of the dual are the periods, not the donors
            X = differences(F, targets[m], index)
            w, reached = least_norm_weights(X, ridge, np.zeros(index.size), 1.0)
            ridge_gap, misfit = fit_gap(X, ridge, w)
            gap[m] = ridge_gap if reached else np.inf
            status[m] = EXACT_FIT if misfit <= _EXACT_FIT_TOLERANCE else OPTIMAL
        if not gap[m] <= KKT_TOLERANCE:
            w, gap[m], status[m], iterations[m] = simplex_weights(differenced_gram(K, targets[m], index), ridge, start)
            if plain:
                w, gap[m] = least_norm_optimum(differences(F, targets[m], index), w, gap[m], status[m])
        W[m][index] = w
    return W, gap, status, iterations
