"""Maximises a smooth function in a box."""

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
    reach: float,
    slope: Gradient | None = None,
    tolerance: float = 1e-9,
) -> Floats:
    """Return the point in the box [-reach, reach] at which a log density is largest.

    `slope` returns the log density and its gradient; without it the gradient is taken by differences. The search ends
    where a step gains less than `tolerance` times the log density.
    """

    def negative(x: Floats) -> float:
        value = density(x)
        return -value if np.isfinite(value) else 1e10

    def both(x: Floats) -> tuple[float, Floats]:
        assert slope is not None  # noqa: S101  (asked for only then)
        value, gradient = slope(x)
        return (-value, -gradient) if np.isfinite(value) else (1e10, np.zeros(len(x)))

    how: dict[str, Any] = {
        "method": "L-BFGS-B",
        "bounds": [(-reach, reach)] * len(start),
        "options": {"maxiter": 200, "ftol": tolerance},
    }
    found: Any = minimize(negative, start, **how) if slope is None else minimize(both, start, jac=True, **how)
    return np.asarray(np.clip(found.x, -reach, reach), dtype=np.float64)
