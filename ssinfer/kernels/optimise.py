"""Maximises a log density in a box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ssinfer.typing import Floats

type Gradient = Callable[[Floats], tuple[float, Floats]]


def maximise(
    density: Callable[[Floats], float],
    start: Floats,
    bound: float,
    gradient: Gradient | None = None,
    tolerance: float = 1e-9,
) -> Floats:
    """Return the point in the box [-bound, bound] at which a log density is largest.

    Parameters
    ----------
    density : callable
        Returns the log density at x (d,).
    start : array (d,)
    bound : float
    gradient : callable, optional
        Returns the log density and its gradient at x. Without it the gradient is computed by differences.
    tolerance : float
        The search ends when a step gains less than this share of the log density.
    """

    def negative(x: Floats) -> float:
        value = density(x)
        return -value if np.isfinite(value) else 1e10

    def negative_with_gradient(x: Floats) -> tuple[float, Floats]:
        assert gradient is not None  # noqa: S101  (called only with a gradient)
        value, slope = gradient(x)
        return (-value, -slope) if np.isfinite(value) else (1e10, np.zeros(len(x)))

    settings: dict[str, Any] = {
        "method": "L-BFGS-B",
        "bounds": [(-bound, bound)] * len(start),
        "options": {"maxiter": 200, "ftol": tolerance},
        "jac": gradient is not None or None,
    }
    result: Any = minimize(negative if gradient is None else negative_with_gradient, start, **settings)
    return np.asarray(np.clip(result.x, -bound, bound), dtype=np.float64)
