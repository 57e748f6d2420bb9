"""Cholesky factors of matrices of a few dozen rows, in place, called from other kernels: factor, solve, invert."""

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats

Int = int | np.int64

_PIVOT_TOLERANCE = 1e-15


@compiled
def cholesky(A: Floats, least: float = 0.0) -> bool:
    """Overwrite A's lower triangle by its Cholesky factor, with pivots raised to `least`; False if it has none."""
    n = A.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = A[i, j]
            for k in range(j):
                total -= A[i, k] * A[j, k]
            if i == j:
                if total < least:  # noqa: PLR1730  (max would hide NaN)
                    total = least
                if not total > 0.0:
                    return False
                A[i, i] = np.sqrt(total)
            else:
                A[i, j] = total / A[j, j]
    return True


@compiled
def solve_factored(L: Floats, k: Int, b: Floats) -> None:
    """Overwrite the first k numbers of b with the solution of ``L L' x = b``, L the leading k x k lower triangle."""
    for i in range(k):
        value = b[i]
        for j in range(i):
            value -= L[i, j] * b[j]
        b[i] = value / L[i, i]
    for i in range(k - 1, -1, -1):
        value = b[i]
        for j in range(i + 1, k):
            value -= L[j, i] * b[j]
        b[i] = value / L[i, i]


@compiled
def solve_positive(A: Floats, b: Floats) -> None:
    """Overwrite b (n,) by the solution of ``A x = b``, and A's lower triangle by its Cholesky factor; NaN stays NaN."""
    least = 1e-300
    for i in range(b.size):
        least += _PIVOT_TOLERANCE * A[i, i]
    if cholesky(A, least):
        solve_factored(A, np.int64(b.size), b)
    else:
        b[:] = np.nan


@compiled
def inverse(factor: Floats, out: Floats) -> None:
    """Write (L L')^-1 into `out`; L is the lower triangle of `factor`."""
    n = factor.shape[0]
    M = np.zeros((n, n))
    for j in range(n):
        M[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for k in range(j, i):
                total -= factor[i, k] * M[k, j]
            M[i, j] = total / factor[i, i]
    for i in range(n):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, n):
                total += M[k, i] * M[k, j]
            out[i, j] = total
            out[j, i] = total
