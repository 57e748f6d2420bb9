"""Gram matrices from which every synthetic-control fit of one panel is read.

With Y the T x N matrix of outcomes (periods in rows, units in columns), a_t >= 0 the weight of
period t and weights w that sum to one,

    sum_t a_t (y_it - sum_j w_j y_jt)^2 = w' G w,    G_jk = K_jk - K_ij - K_ik + K_ii,    K = Y' A Y.

A constant added to all units in one period leaves G unchanged, so periods are centred first: the
differences above then lose no digits.  Sums over t accumulate, so the Gram matrix of every
window and of every mask is a difference of two cumulative sums less the masked terms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.kernels.compile import compiled

Array = NDArray[np.float64]


@compiled
def centred_periods(Y: Array) -> Array:
    """Subtract from each period (row) the mean over units.

    Parameters
    ----------
    Y : array (T, N)
        Outcomes.

    Returns
    -------
    array (T, N)
        ``Y_tj - mean_j Y_tj``: differences between units, and so every fit, are unchanged.
    """
    T, N = Y.shape
    out = np.empty((T, N))
    for t in range(T):
        total = 0.0
        for j in range(N):
            total += Y[t, j]
        mean = total / N
        for j in range(N):
            out[t, j] = Y[t, j] - mean
    return out


@compiled
def factor(Y: Array, period_weights: Array, intercept: bool) -> Array:
    """Return F (T, N) with F'F the Gram matrix of a fit: centred, weighted, without time means.

    Parameters
    ----------
    Y : array (T, N)
        Outcomes (or predictors, one a row).
    period_weights : array (T,)
        Weights a_t >= 0; 0 masks a period.
    intercept : bool
        Take each unit's a-weighted mean over periods out, which is the same as fitting an
        unpenalised intercept: the demeaned synthetic control.
    """
    T, N = Y.shape
    F = centred_periods(Y)
    total = period_weights.sum()
    for j in range(N):
        mean = 0.0
        if intercept:
            for t in range(T):
                mean += period_weights[t] * F[t, j]
            mean /= total
        for t in range(T):
            F[t, j] = np.sqrt(period_weights[t]) * (F[t, j] - mean)
    return F


@compiled
def cumulative_gram(Y: Array, period_weights: Array) -> tuple[Array, Array, Array]:
    """Cumulative sums over periods of a_t, a_t y_t and a_t y_t y_t'.

    Returns
    -------
    array (T + 1,), array (T + 1, N), array (T + 1, N, N)
        Entry t holds the sum over the first t periods; periods are centred over units.
    """
    T, N = Y.shape
    Z = centred_periods(Y)
    weight, first, second = np.zeros(T + 1), np.zeros((T + 1, N)), np.zeros((T + 1, N, N))
    for t in range(T):
        a = period_weights[t]
        weight[t + 1] = weight[t] + a
        for j in range(N):
            first[t + 1, j] = first[t, j] + a * Z[t, j]
            for k in range(N):
                second[t + 1, j, k] = second[t, j, k] + a * Z[t, j] * Z[t, k]
    return weight, first, second


@compiled
def window_gram(
    cumulative: tuple[Array, Array, Array], start: int, stop: int, masked: NDArray[np.bool_], intercept: bool
) -> Array:
    """Return K (N, N) of the periods start <= t < stop that are not masked.

    Parameters
    ----------
    cumulative : tuple of arrays
        From `cumulative_gram`.
    start, stop : int
        The window, as positions.
    masked : bool array (T,)
        Periods to leave out (2020 and 2021, say).
    intercept : bool
        Subtract ``(sum a y)(sum a y)' / sum a``: the Gram matrix of demeaned outcomes.
    """
    weight, first, second = cumulative
    total = weight[stop] - weight[start]
    mean = first[stop] - first[start]
    K: Array = second[stop] - second[start]
    for t in range(start, stop):
        if masked[t]:
            total -= weight[t + 1] - weight[t]
            mean -= first[t + 1] - first[t]
            K -= second[t + 1] - second[t]
    if intercept:
        N = mean.size
        for j in range(N):
            for k in range(N):
                K[j, k] -= mean[j] * mean[k] / total
    return K


@compiled
def differenced_gram(K: Array, target: int, donors: NDArray[np.int64]) -> Array:
    """Return G (J, J) of the donors' differences from the target, a sub-matrix of K re-centred.

    Parameters
    ----------
    K : array (N, N)
        Gram matrix of all units.
    target : int
        The unit that is to be matched.
    donors : int array (J,)
        The donor units, without the target.
    """
    J = donors.size
    G = np.empty((J, J))
    for p in range(J):
        j = donors[p]
        for q in range(p + 1):
            k = donors[q]
            G[p, q] = K[j, k] - K[target, j] - K[target, k] + K[target, target]
            G[q, p] = G[p, q]
    return G
