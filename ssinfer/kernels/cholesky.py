"""Solve a small positive definite system in place.

A few dozen unknowns at most: a call of LAPACK costs more than the arithmetic, and numba needs three seconds to compile
the checks around one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssinfer.kernels.compile import compiled

Array = NDArray[np.float64]

_PIVOT_TOLERANCE = 1e-15


@compiled
def solve_positive(A: Array, b: Array) -> None:
    """Overwrite b with the solution of ``A x = b``, and the lower triangle of A with its Cholesky factor.

    Parameters
    ----------
    A : array (n, n)
        Symmetric and positive definite, with diagonals of like size; only the lower triangle is read. A pivot below
        rounding (1e-15 of the trace) is taken as that: the solution is then one of a system nearby.
    b : array (n,)
    """
    n = b.size
    least = 1e-300
    for i in range(n):
        least += _PIVOT_TOLERANCE * A[i, i]
    for i in range(n):
        for j in range(i + 1):
            value = A[i, j]
            for k in range(j):
                value -= A[i, k] * A[j, k]
            if i == j:
                A[i, i] = np.sqrt(max(value, least))
            else:
                A[i, j] = value / A[j, j]
    for i in range(n):
        value = b[i]
        for k in range(i):
            value -= A[i, k] * b[k]
        b[i] = value / A[i, i]
    for i in range(n - 1, -1, -1):
        value = b[i]
        for k in range(i + 1, n):
            value -= A[k, i] * b[k]
        b[i] = value / A[i, i]
